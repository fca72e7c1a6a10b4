"""Keeps the figures of a paper beside its page: measuring one data set again leaves those of the others in place."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

COLUMNS = {
    "dataset": pl.String, "protocol": pl.String, "table_number": pl.String, "row_name": pl.String,
    "metric": pl.String, "mean": pl.Float64, "low": pl.Float64, "high": pl.Float64, "published": pl.Float64,
    "repeats": pl.Int32, "run_id": pl.String, "recorded_at": pl.Date,
}  # fmt: skip
EXPERIMENT = ("dataset", "protocol", "table_number")


def kept_figures(
    figures: pl.DataFrame, *, docs: Path, paper: str, experiment: Sequence[str] = EXPERIMENT
) -> pl.DataFrame:
    """Put figures into the record of a paper, docs/figures/PAPER.csv, and return all that it then holds.

    A warehouse knows what was measured in it only; the page shows what was measured anywhere and committed.

    Args:
        figures: rows of ops.replication of this paper.
        docs: folder of the pages.
        paper: such as voting-ensemble.
        experiment: columns that name one experiment, whose rows are replaced whole.
    """
    file = docs / "figures" / f"{paper}.csv"
    new = figures.select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())
    if file.is_file():
        old = pl.read_csv(file, schema=COLUMNS)
        new = pl.concat([old.join(new, on=list(experiment), how="anti", maintain_order="left"), new])
    # sorted by experiment and else as measured, so that a new run changes the lines of its own figures only
    new = new.sort(experiment, maintain_order=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".partial")
    new.write_csv(part, float_precision=6)
    part.replace(file)
    return pl.read_csv(file, schema=COLUMNS)
