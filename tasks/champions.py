"""Find or train tonight's champions."""

import logging

from models.champion_rule import stand_in
from models.families import FAMILIES
from models.family import Family
from tasks.history import History, needed
from tasks.lineup import Lineup, champions_of, find_lineup
from tasks.train import train_champion
from warehouse import registry
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition, default_definition
from warehouse.registry import ModelRecord

log = logging.getLogger("nightledger")


def ensure_champions(night: Night, *, definition: str | None, horizon_days: int) -> Lineup:
    """Find or train the champions of a night, and return the models that score it.

    The stand-in is trained if it has no champion yet. The other families are trained with it, on the same knowledge
    date, definition and horizon, if enough of the files that they cover have a label: in the same night, or when that
    night was killed and is run again. Later nights do not try, since they would have to build a year-old snapshot
    first, and most likely for nothing.

    Args:
        night: The night that needs champions.
        definition: What counts as default if the stand-in must be trained; None for the portfolio's own.
        horizon_days: Within how many days.
    """
    champions = champions_of(night)
    for family, record in champions.items():
        log.info(
            "champion    %s %s, trained on what was known by %s",
            family, record.model_version, record.knowledge_date,
        )  # fmt: skip
    champion = champions.get(stand_in(FAMILIES))
    missing = [
        family for name, family in FAMILIES.items() if name not in champions and name != stand_in(FAMILIES)
    ]
    if champion is None:
        chosen = definition or default_definition(night.portfolio)
        log.info(
            "champion    none yet for %s: training one on its history first (%s)", night.portfolio, chosen
        )
        history = History(night, OutcomeDefinition.of(chosen, horizon_days=horizon_days))
        champion = train_stand_in(night, history)
    elif missing and champion.knowledge_date == night.as_of_date and not champion.outcome.is_cross_section:
        history = History(night, champion.outcome)
    else:
        missing = []
    if not champion.outcome.is_cross_section:  # a cross section has no snapshot before its outcomes
        for family in missing:
            train_beside(champion, family, night=night, history=history)
    return find_lineup(night)


def train_stand_in(night: Night, history: History) -> ModelRecord:
    """Train the stand-in, the family that covers most classes, with its default settings."""
    family = FAMILIES[stand_in(FAMILIES)]
    model = family.settings()
    return train_champion(
        night, history.outcome, model, snapshots=history.snapshots(family, model), built=True
    )


def train_beside(champion: ModelRecord, family: Family, *, night: Night, history: History) -> None:
    """Train another family on what the champion knew if enough of its files have a label; else log why not."""
    model, files = family.settings(), " and ".join(family.covers)
    with writer(purpose="count labels") as con:
        for record in registry.records(con, portfolio=champion.portfolio):
            if (record.model_family, record.knowledge_date) == (family.name, champion.knowledge_date):
                log.info(
                    "champion    no %s: %s of the same knowledge is %s",
                    family.name, record.model_version, record.role,
                )  # fmt: skip
                return
    labelled, defaults = history.labelled(family)
    if min(defaults, labelled - defaults) < needed(model):
        if labelled:
            log.info(
                "champion    no %s: %s labelled %s files with %s defaults, %d of each kind are needed",
                family.name, f"{labelled:,}", files, f"{defaults:,}", needed(model),
            )  # fmt: skip
        return
    train_champion(
        night.on(champion.knowledge_date),
        champion.outcome,
        model,
        snapshots=history.snapshots(family, model),
        built=True,
        repeats=1,  # a night has no time for more; python -m flows train measures as often as it should
    )
