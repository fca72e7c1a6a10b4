"""Hold one past night whose outcomes are known: the PD of each borrower, who defaulted, and the counts by grade."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl

from models.metrics import Labels, Scores


class Tally(NamedTuple):
    """The borrowers of one grade with a known label: how many, how many of them defaulted, and their mean PD."""

    grade: str
    rows: int
    defaults: int
    mean_pd: float

    @property
    def rate(self) -> float:
        """Observed default rate."""
        return self.defaults / self.rows


class Vintage(NamedTuple):
    """The borrowers of one past night with a PD and a known label, and the version that scored them."""

    day: date
    version: str | None
    labels: Labels
    pd: Scores
    tallies: tuple[Tally, ...]
    borrowers: list[str]
    unknown: str | None = None
    """Why nobody's label is known although the window is over."""

    @classmethod
    def of(cls, day: date, version: str | None, rows: pl.DataFrame, *, unknown: str | None = None) -> Vintage:
        """Return the vintage of a frame with enterprise_id, label, pd and grade."""
        labels = rows["label"].cast(pl.Int64).to_numpy()
        return cls(
            day,
            version,
            labels,
            rows["pd"].to_numpy(),
            tally(rows),
            rows["enterprise_id"].to_list(),
            unknown,
        )

    def without_names(self) -> Vintage:
        """Return what a rank order and the counts by grade need."""
        return self._replace(borrowers=[])

    def keyed(self) -> pl.DataFrame:
        """Return as_of_date, enterprise_id, label and pd of each borrower."""
        rows = {"enterprise_id": self.borrowers, "label": self.labels, "pd": self.pd}
        return pl.DataFrame(rows).select(pl.lit(self.day).alias("as_of_date"), pl.all())

    @property
    def rows(self) -> int:
        """Borrowers with a known label."""
        return len(self.labels)

    @property
    def defaults(self) -> int:
        """Borrowers with a known label that defaulted."""
        return int(self.labels.sum())

    def ranks(self, minimum: int) -> bool:
        """Return True if there are enough rows of both classes to measure how the PDs rank them."""
        return min(self.defaults, self.rows - self.defaults) >= minimum


def tally(rows: pl.DataFrame) -> tuple[Tally, ...]:
    """Return the counts of each grade of a frame with label, pd and grade, by the name of the grade.

    Examples
    --------
    >>> tally(pl.DataFrame({"grade": ["B", "A", "A"], "label": [1, 0, 1], "pd": [0.5, 0.1, 0.3]}))[0]
    Tally(grade='A', rows=2, defaults=1, mean_pd=0.2)
    """
    counts = rows.group_by("grade").agg(
        pl.len().alias("rows"), pl.col("label").cast(pl.Int64).sum().alias("defaults"), pl.col("pd").mean()
    )
    return tuple(Tally(*row) for row in counts.sort("grade").iter_rows())
