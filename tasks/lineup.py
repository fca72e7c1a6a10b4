"""Find the models of a night once: champions, models scored beside them, and champions that come after the stand-in."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from models.champion_rule import (
    Leaders,
    Worse,
    compared_classes,
    headline_classes,
    headline_family,
    is_worse,
    stand_in,
)
from models.families import FAMILIES
from models.hazard.stored import FAMILY as CURVE
from warehouse import class_leaders, evaluations, registry, roles
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.registry import ModelRecord

log = logging.getLogger("nightledger")


@dataclass(frozen=True)
class Lineup:
    """The models that score a night.

    Args:
        champions: the champion of each family that has one, in the order of the families.
        beside: challengers and shadows, scored beside the champion of their family.
        worse: families whose champion is worse than the stand-in's by the champion rule, with the class.
        leaders: the families that the lender chose for a class by then, by class.
        curve: the hazard model that gives the shape of default curves, where one could be learnt.
        curve_since: the first night on which it did so by its present role.
    """

    champions: Mapping[str, ModelRecord]
    beside: tuple[ModelRecord, ...] = ()
    worse: Worse = ()
    leaders: Leaders = field(default_factory=dict)
    curve: ModelRecord | None = None
    curve_since: date | None = None

    @property
    def records(self) -> tuple[ModelRecord, ...]:
        """All models that give a PD, champions first."""
        return (*self.champions.values(), *self.beside)

    def headline_classes(self, record: ModelRecord) -> tuple[str, ...]:
        """Return the coverage classes whose headline PD a model gives; none for a challenger or shadow."""
        if record.role != "champion":
            return ()
        return headline_classes(
            record.model_family, self.champions, FAMILIES, leaders=self.leaders, worse=self.worse
        )

    def headline_family(self, coverage: str) -> str | None:
        """Return the family that gives the headline PD of a coverage class, or None."""
        return headline_family(coverage, self.champions, FAMILIES, leaders=self.leaders, worse=self.worse)


def find_lineup(night: Night) -> Lineup:
    """Return the models of a night, and log whom the lender chose to lead and how the champions compare."""
    champions = champions_of(night)
    with writer(purpose="look for challengers") as con:
        others = registry.in_role(con, night, ("challenger", "shadow"))
        chosen = class_leaders.on_night(con, night)
    curve, curve_since = curve_of(night)
    beside = tuple(record for record in others if record.model_family in FAMILIES)
    for choice in chosen:
        log.info(
            "champion    %s leads %s files since %s, approved by %s: %s",
            choice.model_family, choice.coverage, choice.effective_from, choice.approver, choice.reason,
        )  # fmt: skip
    leaders = {choice.coverage: choice.model_family for choice in chosen}
    worse = shown_worse(champions, leaders)
    return Lineup(champions, beside, worse, leaders, curve, curve_since)


def curve_of(night: Night) -> tuple[ModelRecord | None, date | None]:
    """Return the hazard model of a night and the first night of its present role; None where it has none."""
    with writer(purpose="look for a curve") as con:
        curve = registry.champion(con, night, family=CURVE)
        return curve, None if curve is None else roles.since(con, night, *curve.key)


def champions_of(night: Night) -> dict[str, ModelRecord]:
    """Return the champion of each family that has one for a night."""
    with writer(purpose="look for champions") as con:
        champions = {family: registry.champion(con, night, family=family) for family in FAMILIES}
    return {family: record for family, record in champions.items() if record is not None}


def shown_worse(champions: Mapping[str, ModelRecord], leaders: Leaders) -> tuple[tuple[str, str], ...]:
    """Return the families whose champion is worse than the stand-in's, with the class; log each comparison.

    Two models are compared on rows of the class that neither had seen. Models without such rows in common (they are of
    other snapshots, or were registered before unseen rows were stored) cannot be compared: then nothing is shown.
    """
    worse = []
    for family, classes in compared_classes(champions, FAMILIES, leaders=leaders).items():
        reference = stand_in(champions, FAMILIES)
        for coverage in classes:
            with writer(purpose="compare families") as con:
                comparison = evaluations.compare(
                    con, champions[family], champions[reference], coverage=(coverage,)
                )
            if comparison is None:
                log.info(
                    "champion    %s and %s share no unseen %s files to be compared on",
                    family,
                    reference,
                    coverage,
                )
                continue
            log.info(
                "champion    %s less %s on %s unseen %s files: log loss %+.4f (%+.4f to %+.4f)",
                family, reference, f"{comparison.rows:,}", coverage, *comparison[1:],
            )  # fmt: skip
            if is_worse(comparison):
                worse.append((family, coverage))
    return tuple(worse)
