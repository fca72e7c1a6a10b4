"""Compares the headline PDs of two nights: differences split in parallel parts, written whole, told in a few lines."""

import logging
import shutil
import time
from datetime import date

from prefect.futures import wait

from tasks.compare_part import GROUP, Part, compare_part, splittable
from warehouse import changes
from warehouse.changes import Moves, Nights, NotComparable
from warehouse.connection import writer
from warehouse.settings import settings

ROWS_A_PART, MOST_PARTS = 500, 16
log = logging.getLogger("nightledger")


def compare_nights(
    portfolio: str, as_of_date: date, against_date: date, *, top_features: int, run_id: str
) -> dict[str, int]:
    """Split every difference between two nights, write it with its audit and mart, and tell it in a few lines.

    Raises:
        NotComparable: when a night, its features or a model of it is not there, or no longer gives its PDs.
    """
    if against_date >= as_of_date:
        raise NotComparable(f"{against_date} does not lie before {as_of_date}; name an earlier night")
    started, nights = time.perf_counter(), Nights(portfolio, as_of_date, against_date)
    with writer(purpose="pair nights") as con:
        table = changes.pairs(con, nights)
    folder = settings().runs_dir / run_id / "changes"
    folder.mkdir(parents=True, exist_ok=True)
    parts = [
        Part(group, number, of)
        for *names, rows in splittable(table).group_by(GROUP, maintain_order=True).len().iter_rows()
        for group in [dict(zip(GROUP, names, strict=True))]
        for of in [min(MOST_PARTS, -(-rows // ROWS_A_PART))]
        for number in range(of)
    ]
    try:
        futures = [
            compare_part.submit(nights, part, top_features=top_features, file=folder / f"{place:04d}.parquet")
            for place, part in enumerate(parts)
        ]
        wait(futures)  # of all, so that none writes into a folder that is gone
        files = [future.result() for future in futures]
        with writer(purpose="write changes") as con:
            written = changes.commit_changes(con, files, nights, run_id=run_id)
            moves = changes.moves(con, nights)
    finally:
        shutil.rmtree(folder)
    first, *others = lines(moves, nights)
    log.info("changes     %s  %.1f s", first, time.perf_counter() - started)
    for line in others:
        log.info("            %s", line)
    return {"compared": table.height, "changes": written}


def lines(moves: Moves, nights: Nights) -> list[str]:
    """Return how many PDs moved and from what mean to what, the sums by part, and the largest moves."""
    sums = [f"{part} {size:+.2f}" for part, size in moves.sums.items()]
    entries = [f"{count:,} {entry.replace('_', ' ')}" for entry, count in moves.entries.items()]
    then, now = ("none" if mean is None else f"{mean:.2%}" for mean in (moves.mean_before, moves.mean_now))
    told = [
        f"{moves.moved:,} of {moves.both:,} PDs moved since {nights.against_date}, mean {then} then, {now} now",
        *([f"sum of all PDs: {', '.join(sums)}"] if sums else []),
        *([", ".join(entries)] if entries else []),
    ]
    return told + [
        f"{one.enterprise_id}  {one.pd_before:.2%} to {one.pd_now:.2%}, most by {one.by} {one.change:+.2%}"
        for one in moves.largest
    ]


def compare_with_previous(portfolio: str, as_of_date: date, *, top_features: int, run_id: str) -> None:
    """Compare a night with the scored one before it; one that cannot be compared is said and holds no scores up."""
    with writer(purpose="look for the night before") as con:
        against = changes.previous_night(con, portfolio=portfolio, as_of_date=as_of_date)
    if against is None:
        return
    try:
        compare_nights(portfolio, as_of_date, against, top_features=top_features, run_id=run_id)
    except NotComparable as no:
        log.warning("changes     not compared with %s: %s", against, no)


def night_before(portfolio: str, as_of_date: date) -> date:
    """Return the last scored night before a date.

    Raises:
        NotComparable: when there is none.
    """
    with writer(purpose="look for the night before") as con:
        found = changes.previous_night(con, portfolio=portfolio, as_of_date=as_of_date)
    if found is None:
        raise NotComparable(f"{portfolio} has no scored night before {as_of_date} to compare it with")
    return found
