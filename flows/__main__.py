"""The command line: python -m flows [FLOW [OPTIONS] | sql QUERY]; exit 0 done, 1 refused or failed, 2 wrong usage."""

from __future__ import annotations

import argparse
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
from warehouse.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent
ROWS_SHOWN = 100
INTERRUPTED = "{} interrupted: nothing half written; run it again"


def summaries() -> dict[str, str]:
    """Return the first line of each flow's docstring, by name of the flow; no flow is imported."""
    summary_of = {}
    for file in sorted(FOLDER.glob("[!_]*.py")):
        doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        summary_of[file.stem] = doc.split("\n", 1)[0]
    return summary_of


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
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
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
        print(usage_error(name, error), file=sys.stderr)
        return 2
    show_progress()
    try:
        flow(run=parameters)
    except Refused as error:
        print(f"{name} refused: {error}", file=sys.stderr)
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
        line = str(error).split("\n", 1)[0]
        print(f"{name} failed: {type(error).__name__}: {line} (traceback in {log})", file=sys.stderr)
        return 1
    return 0


def run_sql(arguments: list[str]) -> int:
    """Print what a query of the published warehouse returns; it never waits for a night that is running."""
    import polars as pl

    from warehouse.examples import example
    from warehouse.published import ask

    parser = argparse.ArgumentParser(
        prog="python -m flows sql", description="Print what a query of the published warehouse returns."
    )
    question = parser.add_mutually_exclusive_group(required=True)
    question.add_argument("query", nargs="?", help='for example "from marts.mart_portfolio_summary"')
    question.add_argument(
        "--example", metavar="NAME", help="a question of docs/queries.md instead, such as watch_list"
    )
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table", help="default: table")
    options = parser.parse_args(arguments)
    try:
        frame = ask(options.query or example(options.example).query)
    except Refused as error:
        print(f"sql refused: {error}", file=sys.stderr)
        return 1
    if options.format == "csv":
        print(frame.write_csv(), end="")
    elif options.format == "json":
        print(frame.write_json())
    else:
        with pl.Config(
            tbl_rows=ROWS_SHOWN, tbl_cols=-1, tbl_width_chars=10_000, fmt_str_lengths=240, float_precision=4,
            tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_formatting="ASCII_MARKDOWN",
        ):  # fmt: skip
            print(frame.head(ROWS_SHOWN))
        cut = f", the first {ROWS_SHOWN} shown; --format csv prints all" if frame.height > ROWS_SHOWN else ""
        print(f"{frame.height:,} row{'' if frame.height == 1 else 's'}{cut}")
    return 0


def main(arguments: list[str]) -> int:
    """Run the flow or the query that the arguments name, or list the flows, and return the exit code."""
    flows = summaries()
    if not arguments or arguments[0] in {"-h", "--help"}:
        width = max(map(len, flows))
        print("usage: python -m flows FLOW [OPTIONS]      (FLOW --help explains the options)\n")
        for name, line in flows.items():
            print(f"  {name:<{width}}  {line}")
        print(f"  {'sql':<{width}}  Prints what a query of the published warehouse returns.")
        return 0
    name, *rest = arguments
    if name == "sql":
        return run_sql(rest)
    if name not in flows:
        print(f"no flow named {name!r}; known: {', '.join(flows)}, sql", file=sys.stderr)
        return 2
    try:
        settings()
    except Refused as error:
        print(f"{name} refused: {error}", file=sys.stderr)
        return 1
    return run_flow(name, rest)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
