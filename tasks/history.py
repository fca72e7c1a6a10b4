"""Build the snapshots of a first training, and decide if a family learns from two of them, the last alone or none."""

import logging
import math
from collections.abc import Collection
from datetime import date

from models.champion_rule import COVERAGES, UNSCOREABLE
from models.family import Family, FamilySettings
from tasks.snapshots import build_snapshots
from warehouse import lookback, matrix, registry
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.sql_head import LOOKBACK

log = logging.getLogger("nightledger")


def needed(model: FamilySettings) -> int:
    """Return how many defaults, and how many others, training needs so that every fold has enough of both."""
    return math.ceil(model.minimum_positives / (1 - 1 / model.folds))


class History:
    """The labelled snapshots that a first training may use, as known by one date; built once for all families."""

    def __init__(self, night: Night, outcome: OutcomeDefinition) -> None:
        """Build the last snapshot, and the one before it if the portfolio's record reaches back that far."""
        self.portfolio, self.outcome, self.knowledge_date = night.portfolio, outcome, night.as_of_date
        dates = outcome.snapshot_dates(night.as_of_date, snapshots=2)
        self.last, self.earlier, self.reason = dates[-1], dates[:-1], "a cross section has one date"
        for day in self.earlier:
            with writer(purpose="look for the first transaction") as con:
                start = lookback.first_day(con, portfolio=self.portfolio)
            if start is not None and not lookback.spans(start, day):
                self.earlier, self.reason = (
                    (),
                    f"the record begins on {start}, within {LOOKBACK} days of {day}",
                )
                break
            try:
                build_snapshots((day,), night, outcome)
            except Refused as refusal:
                self.earlier, self.reason = (), str(refusal)
        build_snapshots((self.last,), night, outcome)

    def snapshots(self, family: Family, model: FamilySettings) -> int:
        """Return 2 if both snapshots have enough defaults and others for a family, else 1, and log the reason."""
        if not self.earlier:
            if not self.outcome.is_cross_section:
                log.info("champion    %s learns from %s alone: %s", family.name, self.last, self.reason)
            return 1
        counts = []
        for day in (*self.earlier, self.last):
            labelled, defaults = self._count(family.covers, day)
            counts.append(f"{labelled:,} labelled files of {day}, {defaults:,} defaults")
            if min(defaults, labelled - defaults) < needed(model):
                log.info(
                    "champion    %s learns from %s alone: %s, %d of each kind are needed",
                    family.name, self.last, counts[-1], needed(model),
                )  # fmt: skip
                return 1
        log.info("champion    %s learns from two snapshots: %s", family.name, "; ".join(counts))
        return 2

    def too_little(self, family: Family) -> str | None:
        """Return why a family need not try: it was withdrawn on this knowledge, or has too few labels; or None."""
        with writer(purpose="look for models") as con:
            for record in registry.records(con, portfolio=self.portfolio):
                if (record.model_family, record.knowledge_date) == (family.name, self.knowledge_date):
                    role = "champion no more" if record.role == "champion" else record.role
                    return f"{record.model_version} of the same knowledge is {role}"
        labelled, defaults = self.labelled(family.covers)
        if labelled == 0:
            everybody, _ = self.labelled((*COVERAGES, UNSCOREABLE))
            if everybody == 0:
                return f"no borrower of {self.last} has a label"
            files = " or ".join(family.covers)
            return f"of {everybody:,} labelled borrowers of {self.last} none has a {files} file"
        least = needed(family.settings())
        if min(defaults, labelled - defaults) < least:
            files = " and ".join(family.covers)
            return f"{labelled:,} labelled {files} files with {defaults:,} defaults, {least} of each kind are needed"
        return None

    def labelled(self, coverage: Collection[str]) -> tuple[int, int]:
        """Count the labelled borrowers of some coverage classes on the last snapshot, and the defaults among them."""
        return self._count(coverage, self.last)

    def _count(self, coverage: Collection[str], day: date) -> tuple[int, int]:
        with writer(purpose="count labels") as con:
            return matrix.labelled(
                con,
                portfolio=self.portfolio,
                snapshot_dates=(day,),
                outcome=self.outcome,
                coverage=tuple(coverage),
            )
