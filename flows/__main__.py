"""The command line: python -m flows [NAME [OPTIONS]]; exit 0 done, 1 refused or failed, 2 wrong usage.

A name is that of a flow, or of one of the commands that are no flows: `_sql` is the command sql.
"""

from __future__ import annotations

import ast
import importlib
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_settings import CliApp

from flows._last_line import Ending, end_within, last_line
from flows._prefect_server import own_server
from flows._termination import Termination
from warehouse.connection import clean_home
from warehouse.safe_text import printable
from warehouse.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent
COMMANDS = ("draft", "contract", "sql", "check", "lake", "server", "worker")
TERMINATED = "{} terminated: nothing half written; run it again"


class _Printable(logging.Formatter):
    """Format a record so that no name of a file or value of a row steers the terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        """Return the record as one line with every hidden character spelled out."""
        return printable(super().formatMessage(record))


def summaries() -> dict[str, str]:
    """Return the first line of the docstring of each flow and command, by its name; none is imported."""
    files = {file.stem: file for file in sorted(FOLDER.glob("[!_]*.py"))}
    files |= {name: FOLDER / f"_{name}.py" for name in COMMANDS}
    docs = {
        name: ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) for name, file in files.items()
    }
    return {name: (doc or "").split("\n", 1)[0] for name, doc in docs.items()}


def prepare_prefect() -> None:
    """Set what Prefect reads on import: no telemetry, its own home under ours, our lines instead of its log."""
    defaults = {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "nightledger",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    }
    if "PREFECT_API_URL" not in os.environ:
        defaults["PREFECT_HOME"] = str(settings().home / "prefect")
        Path(defaults["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def show_progress() -> None:
    """Print the platform's own log lines on the terminal, each with the time of day."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Printable("%(asctime)s  %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("nightledger")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def usage_error(flow: str, error: ValidationError) -> str:
    """Return one line that says which option is wrong, why, and what was given."""
    parts = []
    for item in error.errors():
        option = (
            "--" + "-".join(str(part) for part in item["loc"]).replace("_", "-") if item["loc"] else "options"
        )
        value = f" (got {item['input']!r})" if item["loc"] else ""
        parts.append(f"{option}: {item['msg'].removeprefix('Value error, ')}{value}")
    return f"{flow}: {'; '.join(parts)}"


def run_flow(name: str, arguments: list[str]) -> int:
    """Run one flow as a process that SIGTERM ends in time, on a Prefect server, and return the exit code."""
    code = 1
    with Termination(TERMINATED.format(name)) as termination:
        clean_home()  # before Prefect: its database needs the space that dead processes hold
        prepare_prefect()
        code = run_with_options(name, arguments, termination)
    return 1 if termination.requested else code


def run_with_options(name: str, arguments: list[str], termination: Termination) -> int:
    """Run one flow with options made from its parameter record and return the exit code."""
    # it starts while the flow is imported; --help needs none
    server = None if {"-h", "--help"} & set(arguments) else own_server(settings().home)
    module = importlib.import_module(f"flows.{name}")
    flow: Callable[..., object] = getattr(module, name)
    record: type[BaseModel] = get_type_hints(flow.fn)["run"]  # type: ignore[attr-defined]
    sys.argv[0] = f"python -m flows {name}"  # the name that --help shows
    try:
        parameters = CliApp.run(record, cli_args=arguments)
    except ValidationError as error:
        print(printable(usage_error(name, error)), file=sys.stderr)
        return 2
    show_progress()
    if server is not None:
        server.wait()
        server.watch(lambda line: termination.request(f"{name} failed: {line}; run it again"))
    flow(run=parameters)
    return 0


def main(arguments: list[str]) -> int:
    """Run the flow or the command that the arguments name, or list them, and return the exit code."""
    known = summaries()
    if not arguments or arguments[0] in {"-h", "--help"}:
        width = max(map(len, known))
        print("usage: python -m flows NAME [OPTIONS]      (NAME --help explains the options)\n")
        for name, line in known.items():
            print(f"  {name:<{width}}  {line}")
        return 0
    name, *rest = arguments
    if name not in known:
        print(f"no flow named {name!r}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    try:
        settings()  # before a flow is imported: its decorators read them
        if name in COMMANDS:
            run: Callable[[list[str]], int] = importlib.import_module(f"flows._{name}").run
            return run(rest)
        return run_flow(name, rest)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last frame of the program
        print(last_line(name, error), file=sys.stderr)
        return 1


if __name__ == "__main__":
    ending = Ending()
    logging.raiseExceptions = (
        False  # a log line that a full disk does not take is no traceback on the terminal
    )
    ending.code = main(sys.argv[1:])
    if ending.code:
        end_within(10.0, ending.code)
    raise SystemExit(ending.code)
