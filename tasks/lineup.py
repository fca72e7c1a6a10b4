"""Find the models of a night once: champions, models scored beside them, and champions that come after the stand-in."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from models.champion_rule import compared_classes, headline_classes, is_worse, stand_in
from models.families import FAMILIES
from models.hazard.stored import FAMILY as CURVE
from warehouse import evaluations, registry
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
        worse: families whose champion is worse than the stand-in's by the champion rule.
        curve: the hazard model that gives the shape of default curves, where one could be learnt.
    """

    champions: Mapping[str, ModelRecord]
    beside: tuple[ModelRecord, ...] = ()
    worse: tuple[str, ...] = ()
    curve: ModelRecord | None = None

    @property
    def records(self) -> tuple[ModelRecord, ...]:
        """All models that give a PD, champions first."""
        return (*self.champions.values(), *self.beside)

    def headline_classes(self, record: ModelRecord) -> tuple[str, ...]:
        """Return the coverage classes whose headline PD a model gives; none for a challenger or shadow."""
        if record.role != "champion":
            return ()
        return headline_classes(record.model_family, self.champions, FAMILIES, worse=self.worse)


def find_lineup(night: Night) -> Lineup:
    """Return the models of a night, and log how the champions compare."""
    champions = champions_of(night)
    with writer(purpose="look for challengers") as con:
        others = registry.in_role(con, night, ("challenger", "shadow"))
        curve = registry.champion(con, night, family=CURVE)
    beside = tuple(record for record in others if record.model_family in FAMILIES)
    return Lineup(champions, beside, shown_worse(champions), curve)


def champions_of(night: Night) -> dict[str, ModelRecord]:
    """Return the champion of each family that has one for a night."""
    with writer(purpose="look for champions") as con:
        champions = {family: registry.champion(con, night, family=family) for family in FAMILIES}
    return {family: record for family, record in champions.items() if record is not None}


def shown_worse(champions: Mapping[str, ModelRecord]) -> tuple[str, ...]:
    """Return the families whose champion is worse than the stand-in's by the champion rule, and log each comparison.

    Two models are compared on rows that neither had seen. Models without such rows in common (they are of other
    snapshots, or were registered before unseen rows were stored) cannot be compared: then nothing is shown.
    """
    worse = []
    for family, classes in compared_classes(champions, FAMILIES).items():
        reference = stand_in(champions, FAMILIES)
        with writer(purpose="compare families") as con:
            comparison = evaluations.compare(con, champions[family], champions[reference], coverage=classes)
        if comparison is None:
            log.info("champion    %s and %s share no unseen rows to be compared on", family, reference)
            continue
        log.info(
            "champion    %s less %s on %s unseen %s files: log loss %+.4f (%+.4f to %+.4f)",
            family, reference, f"{comparison.rows:,}", " and ".join(classes), *comparison[1:],
        )  # fmt: skip
        if is_worse(comparison):
            worse.append(family)
    return tuple(worse)
