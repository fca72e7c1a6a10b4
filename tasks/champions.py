"""Find tonight's champions; on a portfolio's first night train every family that its data can feed."""

import logging
from collections.abc import Mapping, Sequence

from models.champion_rule import stand_in, uncovered
from models.families import FAMILIES
from models.family import Family
from tasks.history import History
from tasks.lineup import Lineup, champions_of, find_lineup
from tasks.train import NotTrainable, train_champion
from warehouse import class_leaders, lookback, matrix
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition, default_definition
from warehouse.registry import ModelRecord

log = logging.getLogger("nightledger")


def ensure_champions(night: Night, *, definition: str | None, horizon_days: int) -> Lineup:
    """Find or train the champions of a night, and return the models that score it.

    Without any champion, each family is trained that the data can feed; for each other one a line says why not. With
    champions, `joining_families` says which others are tried.

    Args:
        night: The night that needs champions.
        definition: What counts as default if there is no champion yet; None for the portfolio's own.
        horizon_days: Within how many days.

    Raises:
        Refused: There is no champion and no family can be trained; the line names each with its reason.
    """
    champions = champions_of(night)
    for family, record in champions.items():
        log.info(
            "champion    %s %s, trained on what was known by %s",
            family, record.model_version, record.knowledge_date,
        )  # fmt: skip
    if champions:
        train_joining(night, champions)
        return find_lineup(night)
    chosen = definition or default_definition(night.portfolio)
    log.info("champion    none yet for %s: training one on its history first (%s)", night.portfolio, chosen)
    history = History(night, OutcomeDefinition.of(chosen, horizon_days=horizon_days))
    reasons = train_families(tuple(FAMILIES.values()), history, night=night)
    if len(reasons) == len(FAMILIES):
        listed = "; ".join(f"{family}: {reason}" for family, reason in reasons.items())
        raise Refused(
            f"{night.portfolio} has no champion as of {night.as_of_date}, and no family can be trained on its {chosen} "
            f"outcomes: {listed}. Deliver more feeds or a longer history, or name another --definition"
        )
    return find_lineup(night)


def joining_families(night: Night, champions: Mapping[str, ModelRecord]) -> Sequence[Family]:
    """Return the families without a champion that a night with champions tries to train beside them.

    All of them on the date that the stand-in was trained on: a first night that was killed, or that found a champion
    trained by hand. On other dates those that cover borrowers of tonight whom no champion covers, after a champion was
    withdrawn or once the record of payments and events spans the lookback before a date with known outcomes. A champion
    of a family that leads no class, neither by itself nor by the lender's choice, stands in, and keeps none of them
    away. Otherwise none: the night would have to build a year-old snapshot first, and most likely for nothing.
    """
    reference = champions[stand_in(champions, FAMILIES)]
    missing = [family for name, family in FAMILIES.items() if name not in champions]
    if reference.outcome.is_cross_section or not missing:
        return ()  # a cross section has no snapshot before its outcomes
    if reference.knowledge_date == night.as_of_date:
        return missing
    with writer(purpose="look for borrowers without a champion") as con:
        chosen = {choice.model_family for choice in class_leaders.on_night(con, night)}
        leading = [name for name in champions if FAMILIES[name].leads or name in chosen]
        waiting = uncovered(matrix.coverages(con, night), leading, FAMILIES)
        begins = lookback.first_day(con, portfolio=night.portfolio)
    (snapshot,) = reference.outcome.snapshot_dates(night.as_of_date)
    if not lookback.spans(begins, snapshot):
        return ()
    return [family for family in missing if set(waiting) & set(family.covers)]


def train_joining(night: Night, champions: Mapping[str, ModelRecord]) -> None:
    """Train the families of `joining_families` on what counts as default for the stand-in; most nights have none."""
    joining = joining_families(night, champions)
    if not joining:
        return
    try:
        history = History(night, champions[stand_in(champions, FAMILIES)].outcome)
    except Refused as refusal:  # the champions score the night all the same
        log.warning("champion    no %s: %s", " and no ".join(family.name for family in joining), refusal)
        return
    train_families(joining, history, night=night)


def train_families(families: Sequence[Family], history: History, *, night: Night) -> dict[str, str]:
    """Train each family that the history can feed; log and return, for each other one, why it was not trained.

    A cross section trains one, the first that can be trained of those that cover most classes.
    """
    cross_section = history.outcome.is_cross_section
    if cross_section:
        families = sorted(families, key=lambda family: -len(family.covers))
    reasons = {}
    for family in families:
        reason = history.too_little(family)
        if reason is None:
            model = family.settings()
            try:
                train_champion(
                    night,
                    history.outcome,
                    model,
                    snapshots=history.snapshots(family, model),
                    built=True,
                    # long pieces are measured once: python -m flows train measures as often as it should
                    repeats=None if family.pieces == "short" else 1,
                )
            except NotTrainable as refusal:
                reason = refusal.reason
        if reason is not None:
            reasons[family.name] = reason
            log.info("champion    no %s: %s", family.name, reason)
        elif cross_section:
            break
    return reasons
