"""How far back a first training may learn: two snapshots where the earlier one has enough labels, else one."""

import logging
import math
from datetime import date, timedelta

from tasks.families import covered
from tasks.snapshots import build_snapshots, snapshot_dates
from tasks.train import Settings
from warehouse import matrix
from warehouse.connection import writer
from warehouse.errors import Refused

LONGEST_WINDOW = timedelta(days=365)  # of the features
log = logging.getLogger("nightledger")


def needed(model: Settings) -> int:
    """Return the defaults, and the others, that rows must have so that a training part of every fold has enough."""
    return math.ceil(model.minimum_positives / (1 - 1 / model.folds))


class History:
    """The labelled snapshots of a portfolio as known by one date, built once for all families of a night."""

    def __init__(self, portfolio: str, as_of_date: date, definition: str, horizon_days: int) -> None:
        """Build the last snapshot, and the one before it where the portfolio was there already."""
        self.portfolio, self.definition = portfolio, definition
        self.horizon = 0 if definition == "cross_section" else horizon_days
        dates = snapshot_dates(as_of_date, definition=definition, horizon_days=horizon_days, snapshots=2)
        self.last, self.earlier, self.why_not = dates[-1], dates[:-1], "a cross section has one date"
        for day in self.earlier:
            with writer(purpose="look for the first transaction") as con:
                start = matrix.first_day(con, portfolio=portfolio)
            if start is not None and start > day - LONGEST_WINDOW:
                self.earlier, self.why_not = (), f"the record begins on {start}, within a year of {day}"
                break
            try:
                self._build(day, known_by=as_of_date)
            except Refused as no:
                self.earlier, self.why_not = (), str(no)
        self._build(self.last, known_by=as_of_date)

    def snapshots(self, family: str, model: Settings) -> int:
        """Return 2 where both snapshots have enough of both kinds for a family, else 1, and say which and why."""
        if not self.earlier:
            if self.horizon:
                log.info("champion    %s learns from %s alone: %s", family, self.last, self.why_not)
            return 1
        few = needed(model)
        told = []
        for day in (*self.earlier, self.last):
            labelled, defaults = self._count(family, (day,))
            told.append(f"{labelled:,} labelled files of {day}, {defaults:,} defaults")
            if min(defaults, labelled - defaults) < few:
                log.info(
                    "champion    %s learns from %s alone: %s, %d of each kind are needed",
                    family,
                    self.last,
                    told[-1],
                    few,
                )
                return 1
        log.info("champion    %s learns from two snapshots: %s", family, "; ".join(told))
        return 2

    def labelled(self, family: str) -> tuple[int, int]:
        """Return the labelled files of the last snapshot that a family covers, and the defaults among them."""
        return self._count(family, (self.last,))

    def _build(self, day: date, *, known_by: date) -> None:
        build_snapshots(
            (day,), self.portfolio, known_by=known_by, definition=self.definition, horizon_days=self.horizon
        )

    def _count(self, family: str, days: tuple[date, ...]) -> tuple[int, int]:
        with writer(purpose="count labels") as con:
            return matrix.labelled(
                con,
                portfolio=self.portfolio,
                snapshot_dates=days,
                definition=self.definition,
                horizon_days=self.horizon,
                coverage=covered(family),
            )
