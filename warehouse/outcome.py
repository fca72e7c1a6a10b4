"""Define what counts as default, and within how many days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

# each is a rule of sql/features/feat_label.sql; a cross section has outcomes without a date
Definition = Literal["dpd30", "dpd90", "charge_off", "insolvency", "any", "cross_section"]
CROSS_SECTION: Definition = "cross_section"
STOPPED = "outcomes stopped before the window closed"
"""Reason in features.feat_label of a date whose labels are unknown since its outcomes came no longer."""


@dataclass(frozen=True)
class OutcomeDefinition:
    """A definition of default with its horizon.

    Args:
        definition: one of `Definition`.
        horizon_days: length of the outcome window after a snapshot; 0 for a cross section, which has none.
    """

    definition: str
    horizon_days: int

    @classmethod
    def of(cls, definition: str, *, horizon_days: int) -> OutcomeDefinition:
        """Return the definition with that horizon; a cross section has none, whatever is asked."""
        return cls(definition, 0 if definition == CROSS_SECTION else horizon_days)

    @property
    def is_cross_section(self) -> bool:
        """True if the outcomes carry no date."""
        return self.definition == CROSS_SECTION

    @property
    def key(self) -> dict[str, Any]:
        """The key of its labels, as SQL parameters."""
        return {"definition": self.definition, "horizon_days": self.horizon_days}

    def stopped(self, as_of_date: date, *, told_on: date) -> str:
        """Return why no label of a date is known whose outcomes last told of a later day on `told_on`."""
        end = as_of_date + timedelta(days=self.horizon_days)
        return (
            f"the outcomes stopped on {told_on}, too early for the window of {as_of_date} that ended on {end}"
        )

    def snapshot_dates(self, as_of_date: date, *, snapshots: int = 1) -> tuple[date, ...]:
        """Return the dates whose features are trained on, oldest first; every label window ends by as_of_date.

        A cross section has one date, as_of_date itself. Windows of several snapshots do not overlap.
        """
        if self.is_cross_section:
            return (as_of_date,)
        return tuple(
            as_of_date - timedelta(days=self.horizon_days * back) for back in range(snapshots, 0, -1)
        )


def default_definition(portfolio: str) -> str:
    """Return the definition of a portfolio for which none was asked: outcomes of cumcm2020c carry no date."""
    return CROSS_SECTION if portfolio == "cumcm2020c" else "dpd90"
