"""The command line: python -m flows [NAME [OPTIONS]]; exit 0 done, 1 refused or failed, 2 wrong usage.

A name is that of a flow, or of one of the commands that are no flows and need no Prefect: `_sql` is the command sql.
"""

from __future__ import annotations

import ast
import importlib
import logging
import os
import sys
import traceback
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_settings import CliApp

from warehouse.errors import Refused
from warehouse.safe_text import printable, printable_lines
from warehouse.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent
COMMANDS = ("draft", "contract", "sql")
INTERRUPTED = "{} interrupted: nothing half written; run it again"


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
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "nightledger",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
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
    """Run one flow with options made from its parameter record and return the exit code."""
    prepare_prefect()
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
    try:
        flow(run=parameters)
    except Refused as error:
        print(f"{name} refused: {printable_lines(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(INTERRUPTED.format(name), file=sys.stderr)
        return 1
    except Exception as error:  # noqa: BLE001 - the last frame of the program: one line for the user, the rest in a file
        if str(error) == "Query interrupted":  # what DuckDB makes of Ctrl-C in the middle of a query
            print(INTERRUPTED.format(name), file=sys.stderr)
            return 1
        log = settings().home / "logs" / f"{datetime.now():%Y%m%dT%H%M%S}-{name}.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(traceback.format_exc(), encoding="utf-8")
        line = printable(str(error).split("\n", 1)[0])
        print(f"{name} failed: {type(error).__name__}: {line} (traceback in {log})", file=sys.stderr)
        return 1
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
    if name in COMMANDS:
        run: Callable[[list[str]], int] = importlib.import_module(f"flows._{name}").run
        return run(rest)
    try:
        settings()
    except Refused as error:
        print(f"{name} refused: {printable_lines(str(error))}", file=sys.stderr)
        return 1
    return run_flow(name, rest)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
