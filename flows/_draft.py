"""Proposes a mapping for an export of a lender, and prints what would load with it and what would not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from flows._one_line_parser import OneLineParser
from warehouse.drafting.proposal import left_over, propose
from warehouse.drafting.sample import read_sample
from warehouse.drafting.trial import Trial, try_out
from warehouse.errors import Refused
from warehouse.intake.feeds import FEEDS
from warehouse.intake.feeds_yaml import parse_mappings
from warehouse.safe_text import printable, printable_lines

_NAMES_SHOWN = 12


def run(arguments: list[str]) -> int:
    """Print a mapping for the file that the arguments name, try it, and return the exit code."""
    parser = OneLineParser(
        prog="python -m flows draft",
        description="Propose a mapping for an export and print what would load with it; nothing is stored.",
    )
    parser.add_argument(
        "--file", required=True, type=Path, help="the export: CSV, Parquet or NDJSON, gzipped or not"
    )
    parser.add_argument("--feed", required=True, choices=tuple(FEEDS), help="the feed that it is to become")
    options = parser.parse_args(arguments)
    feed = FEEDS[options.feed]
    try:
        sample = read_sample(options.file, feed)
        text = propose(sample, feed, options.file)
        mappings = parse_mappings(text)
        trial = try_out(options.file, feed, mappings)
    except Refused as error:
        print(f"draft refused: {printable_lines(str(error))}", file=sys.stderr)
        return 1
    print("# add this to feeds.yaml in the landing folder, and settle every TODO")
    print(printable_lines(text), end="")
    if left := left_over(sample, feed, mappings[feed.name][0]):
        more = f" and {len(left) - _NAMES_SHOWN} more" if len(left) > _NAMES_SHOWN else ""
        print(f"# nothing takes: {printable(', '.join(left[:_NAMES_SHOWN]))}{more}")
    if sample.cut:
        print(f"# guessed from the first {sample.rows:,} rows")
    print()
    for line in _told(trial, options.file.name):
        print(printable(line))
    return 0


def _told(trial: Trial, name: str) -> Iterator[str]:
    result = trial.result
    if result.status == "refused":
        yield f"With this, {name} would be refused: {result.message}"
        return
    who = f", {trial.borrowers} borrower{'' if trial.borrowers == 1 else 's'}, taken as known"
    if not trial.borrowers:
        who = ""
    yield (
        f"With this, {result.loaded:,} of {result.delivered:,} rows of {name} would load "
        f"({result.quarantined:,} quarantined, {result.exact_duplicates:,} exact duplicates){who}."
    )
    for column, total in trial.sums.items():
        yield f"  sum of {column}: {total}"
    if trial.first is not None:
        yield f"  from {trial.first} to {trial.last}"
    for number, detail in trial.faults:
        yield f"  row {number}: {detail}"
    for note in trial.notes:
        yield f"  {note}"
