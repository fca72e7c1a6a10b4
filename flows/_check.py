"""Reads everything that is kept and says in a few lines what is sound; its exit code serves a monitor.

Exit 0: all was read and is sound. 1: something is not, each line says what to do. 2: wrong usage. 3: what was read is
sound, but another process holds the warehouse; ask again later.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from flows._one_line_parser import OneLineParser
from warehouse.errors import Refused
from warehouse.soundness import Part, parts

FAULTS_SHOWN = 5
NOT_SOUND, NOT_READ = 1, 3


def run(arguments: list[str]) -> int:
    """Print what is sound and what is not, and return the exit code."""
    parser = OneLineParser(
        prog="python -m flows check",
        description="Read warehouse, published copy, models and ledgers, and print what is sound. Exit 0: all of it; "
        "1: not all; 3: sound, but the warehouse was not read, since another process holds it.",
    )
    parser.parse_args(arguments)
    try:
        judged = parts()
    except Refused as error:
        print(f"check refused: {error}", file=sys.stderr)
        return NOT_SOUND
    print("\n".join(_lines(judged)))
    states = {part.state for part in judged}
    if "not sound" in states:
        return NOT_SOUND
    return NOT_READ if "not read" in states else 0


def _lines(judged: Iterable[Part]) -> Iterator[str]:
    for part in judged:
        yield f"{part.name:<10} {part.state:<10} {part.summary}"
        for fault in part.faults[:FAULTS_SHOWN]:
            yield f"           {fault}"
        if len(part.faults) > FAULTS_SHOWN:
            yield f"           and {len(part.faults) - FAULTS_SHOWN:,} more"
