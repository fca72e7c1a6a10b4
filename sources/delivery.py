"""Describe the feed files that a source wrote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True)
class DeliveredFile:
    """One feed file: its feed, its path relative to the landing folder, and its data rows."""

    feed: str
    path: str
    rows: int


@dataclass(frozen=True)
class DeliverySummary:
    """One delivery: the files it wrote, and the last day whose facts they contain.

    Attributes:
        landing: the folder that holds one sub-folder per feed.
        through: facts known by the end of this day have been delivered.
        files: the files of this delivery; empty when there was nothing new to deliver.
    """

    landing: Path
    through: date
    files: tuple[DeliveredFile, ...]

    @property
    def rows(self) -> int:
        """All data rows of this delivery."""
        return sum(file.rows for file in self.files)

    def rows_by_feed(self) -> dict[str, int]:
        """Return the data rows of this delivery for each feed that has any."""
        rows: dict[str, int] = {}
        for file in self.files:
            rows[file.feed] = rows.get(file.feed, 0) + file.rows
        return rows
