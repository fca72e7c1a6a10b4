"""Prints what a lender must deliver for a feed, as a data contract in the Open Data Contract Standard."""

from __future__ import annotations

from flows._one_line_parser import OneLineParser
from warehouse.intake.contract import contract_text
from warehouse.intake.feeds import FEEDS


def run(arguments: list[str]) -> int:
    """Print the contract of the feed that the arguments name and return the exit code."""
    parser = OneLineParser(
        prog="python -m flows contract", description="Print what a lender must deliver for a feed."
    )
    parser.add_argument("--feed", required=True, choices=tuple(FEEDS), help="the feed")
    options = parser.parse_args(arguments)
    print(contract_text(FEEDS[options.feed]), end="")
    return 0
