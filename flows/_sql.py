"""Prints what a query of the published warehouse returns.

It never waits for a night that is running.
"""

from __future__ import annotations

import sys

import polars as pl

from flows._one_line_parser import OneLineParser
from warehouse.errors import Refused
from warehouse.examples import example
from warehouse.published import ask

ROWS_SHOWN = 100


def run(arguments: list[str]) -> int:
    """Answer the query that the arguments hold and return the exit code."""
    parser = OneLineParser(
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
