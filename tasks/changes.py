"""Compare the headline PDs of two nights: split the differences in parallel parts, store them, and sum them up."""

import logging
import shutil
import time
from datetime import date
from pathlib import Path

import polars as pl

from tasks.compare_part import compare_part
from tasks.compared_models import models_of
from tasks.parts import Part, numbered, on_dask, workers
from tasks.run_parts import run_parts
from warehouse import buckets, changes, matrix, registry
from warehouse.changes import Moves, Nights, NotComparable
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.settings import settings

WORTH_A_PART = 500  # fewer borrowers cost less than a part of their own
log = logging.getLogger("nightledger")


def compare_nights(night: Night, against_date: date, *, top_features: int) -> dict[str, int]:
    """Split the PD differences between two nights, store and audit them, renew their mart, and log a summary.

    Raises:
        NotComparable: when a night, its features or a model of it is missing, or no longer reproduces the stored PDs.
    """
    if against_date >= night.as_of_date:
        raise NotComparable(f"{against_date} does not lie before {night.as_of_date}; name an earlier night")
    started, nights = time.perf_counter(), Nights(night, against_date)
    folder = settings().runs_dir / night.run_id / "changes"
    folder.mkdir(parents=True, exist_ok=True)
    pairs = folder / "pairs.parquet"
    try:
        with writer(purpose="pair nights") as con:
            borrowers = changes.write_pairs(con, nights, pairs)
            records = registry.records(con, portfolio=night.portfolio)
            models = models_of(pairs, records, nights)
            run_parts(
                compare_part,
                parts_of(pairs, borrowers),
                into=changes.committing(con, nights, pairs),
                nights=nights,
                records=models,
                pairs=pairs,
                top_features=top_features,
            )
            moves = changes.moves(con, nights)
    finally:
        shutil.rmtree(folder)
    first, *others = lines(moves, nights)
    log.info("changes     %s  %.1f s", first, time.perf_counter() - started)
    for line in others:
        log.info("            %s", line)
    return {"compared": moves.compared, "changes": moves.rows}


def parts_of(pairs: Path, borrowers: int) -> list[Part]:
    """Cut the pairs into parts of like size: one for each core if it is worth it, and none above the bound."""
    if not borrowers:
        return []
    sizes = pl.scan_parquet(pairs).group_by("bucket").len().collect().iter_rows()
    cores = workers() if on_dask() else settings().threads
    at_least = min(cores, -(-borrowers // WORTH_A_PART))
    return numbered(buckets.ranges(sizes, at_least=at_least, at_most_rows=matrix.ROWS_A_PART))


def lines(moves: Moves, nights: Nights) -> list[str]:
    """Return the summary in lines: how many PDs moved, both means, the sums by part, and the largest moves."""
    sums = [f"{part} {size:+.2f}" for part, size in moves.sums.items()]
    entries = [f"{count:,} {entry.replace('_', ' ')}" for entry, count in moves.entries.items()]
    before, now = ("none" if mean is None else f"{mean:.2%}" for mean in (moves.mean_before, moves.mean_now))
    summary = [
        f"{moves.moved:,} of {moves.both:,} PDs moved since {nights.against_date}, mean {before} then, {now} now",
        *([f"sum of all PDs: {', '.join(sums)}"] if sums else []),
        *([", ".join(entries)] if entries else []),
    ]
    return summary + [
        f"{move.enterprise_id}  {move.pd_before:.2%} to {move.pd_now:.2%}, most by {move.by} {move.change:+.2%}"
        for move in moves.largest
    ]


def compare_with_previous(night: Night, *, top_features: int) -> None:
    """Compare a night with the scored night before it; if they are not comparable, log the reason and go on."""
    with writer(purpose="look for the night before") as con:
        against_date = changes.previous_date(con, night)
    if against_date is None:
        return
    try:
        compare_nights(night, against_date, top_features=top_features)
    except NotComparable as refusal:
        log.warning("changes     not compared with %s: %s", against_date, refusal)


def night_before(night: Night) -> date:
    """Return the date of the last scored night before a night.

    Raises:
        NotComparable: when there is none.
    """
    with writer(purpose="look for the night before") as con:
        against_date = changes.previous_date(con, night)
    if against_date is None:
        raise NotComparable(
            f"{night.portfolio} has no scored night before {night.as_of_date} to compare it with"
        )
    return against_date
