"""The record of a paper's figures beside its page: measuring one data set again leaves the others in place."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

DOCS = Path(__file__).resolve().parent.parent / "docs"
COLUMNS = {
    "dataset": pl.String, "protocol": pl.String, "table_number": pl.String, "row_name": pl.String,
    "metric": pl.String, "mean": pl.Float64, "low": pl.Float64, "high": pl.Float64, "published": pl.Float64,
    "repeats": pl.Int32, "run_id": pl.String, "recorded_at": pl.Date,
}  # fmt: skip
EXPERIMENT = ("dataset", "protocol", "table_number")


def kept_figures(
    figures: pl.DataFrame, *, docs: Path, paper: str, experiment: Sequence[str] = EXPERIMENT
) -> pl.DataFrame:
    """Replace the figures of the measured experiments in docs/figures/PAPER.csv and return all that it then holds.

    A warehouse knows only what was measured in it; the page shows what was measured anywhere and committed.

    Parameters
    ----------
    figures : polars.DataFrame
        Rows of ops.replication of this paper.
    docs : Path
        Folder of the pages.
    paper : str
        Such as voting-ensemble.
    experiment : sequence of str
        Columns that name one experiment, whose rows are replaced whole.
    """
    file = docs / "figures" / f"{paper}.csv"
    new = figures.select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())
    if file.is_file():
        old = pl.read_csv(file, schema=COLUMNS)
        new = pl.concat([old.join(new, on=list(experiment), how="anti", maintain_order="left"), new])
    # sorted by experiment and else as measured, so that a new run changes the lines of its own figures only
    new = new.sort(experiment, maintain_order=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    new.write_csv(partial, float_precision=6)
    partial.replace(file)
    return pl.read_csv(file, schema=COLUMNS)
