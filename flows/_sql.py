"""Prints what a query of the published warehouse returns.

It never waits for a night that is running.
"""

from __future__ import annotations

import os
import signal
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Timer
from typing import Any

import polars as pl

from flows._one_line_parser import OneLineParser
from warehouse.errors import Refused
from warehouse.examples import example
from warehouse.publishing.published import LIMIT_SECONDS, answer
from warehouse.safe_text import in_json, in_spreadsheet, in_table, printable_lines

ROWS_SHOWN = 100
LONGEST = 86_400.0  # seconds
GRACE = 0.4  # seconds
FORMATS = (
    "table (the default) is for the eye, csv for spreadsheets (with an apostrophe before text that one would run as a "
    "formula), json for programs: it is exact"
)
INTERRUPTED = "sql interrupted: the query was stopped"


def run(arguments: list[str]) -> int:
    """Answer the query that the arguments hold and return the exit code."""
    about = "Print what a query of the published warehouse returns; it can only read."
    parser = OneLineParser(prog="python -m flows sql", description=about)
    question = parser.add_mutually_exclusive_group(required=True)
    question.add_argument("query", nargs="?", help='for example "from marts.mart_portfolio_summary"')
    question.add_argument("--example", metavar="NAME", help="a question of docs/queries.md: watch_list")
    parser.add_argument("--format", choices=tuple(PRINTERS), default="table", help=FORMATS)
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=seconds, default=LIMIT_SECONDS,
        help=f"stop the query after so many seconds (default: {LIMIT_SECONDS:g}, at most {LONGEST:g})",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        query = options.query if options.example is None else example(options.example).query
        with _stopped_at_once(options.timeout), closing(answer(query, seconds=options.timeout)) as pieces:
            PRINTERS[options.format](pieces)
            sys.stdout.flush()
    except Refused as error:
        print(f"sql refused: {printable_lines(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        return 1
    except BrokenPipeError:  # such as `| head`, which has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def seconds(text: str) -> float:
    """Return the seconds that the text says, if they are within bounds."""
    if not 0.0 < float(text) <= LONGEST:
        raise ArgumentTypeError(f"give seconds above 0 and up to {LONGEST:g}, not {text!r}")
    return float(text)


@contextmanager
def _stopped_at_once(limit: float) -> Iterator[None]:
    """Make Ctrl-C and SIGTERM interrupt the query, and end the process if DuckDB stops neither then nor in time.

    It looks for an interrupt between rows; one call of a function, such as levenshtein of long texts, may take hours.
    """
    timers = [Timer(limit + GRACE, _end, [f"sql refused: the query was stopped after {limit:g} s"])]

    def interrupt(*_: Any) -> None:
        timers.append(Timer(GRACE, _end, [INTERRUPTED]))
        timers[-1].start()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    timers[0].start()
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
    os._exit(1)  # a thread that cannot be stopped would keep Python from ending; nothing is being written


def _print_csv(pieces: Iterator[pl.DataFrame]) -> None:
    for number, piece in enumerate(pieces):
        sys.stdout.write(in_spreadsheet(piece).write_csv(include_header=number == 0))


def _print_json(pieces: Iterator[pl.DataFrame]) -> None:
    between = "["
    for piece in pieces:
        sys.stdout.write(between + in_json(piece.write_json())[1:-1])
        between = ","
    sys.stdout.write("]\n")


def _print_table(pieces: Iterator[pl.DataFrame]) -> None:
    first = next(pieces)
    shown, rows = first.head(ROWS_SHOWN), first.height
    for piece in pieces:
        rows += piece.height
    with pl.Config(
        tbl_rows=ROWS_SHOWN, tbl_cols=-1, tbl_width_chars=10_000, fmt_str_lengths=240, float_precision=4,
        tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_formatting="ASCII_MARKDOWN",
    ):  # fmt: skip
        print(in_table(shown))
    cut = f", the first {ROWS_SHOWN} shown; --format csv prints all" if rows > ROWS_SHOWN else ""
    print(f"{rows:,} row{'' if rows == 1 else 's'}{cut}")


PRINTERS = {"table": _print_table, "csv": _print_csv, "json": _print_json}
