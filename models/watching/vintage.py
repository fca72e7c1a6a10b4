"""Hold one past night whose outcomes are known: the PD of each borrower, and who defaulted."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl

from models.metrics import Labels, Scores


class Vintage(NamedTuple):
    """The borrowers of one past night with a PD and a known label, and the version that scored them."""

    day: date
    version: str | None
    labels: Labels
    pd: Scores
    grades: list[str]
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
            rows["grade"].to_list(),
            rows["enterprise_id"].to_list(),
            unknown,
        )

    def without_names(self) -> Vintage:
        """Return what a rank order needs: labels and PDs."""
        return self._replace(grades=[], borrowers=[])

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
