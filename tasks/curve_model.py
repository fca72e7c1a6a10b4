"""Find the hazard model that shapes a night's default curves; learn it where there is none, or one a year old."""

import logging
from dataclasses import replace
from datetime import date, timedelta

from models.champion_rule import stand_in
from models.errors import ModelError
from models.families import FAMILIES
from models.hazard.stored import FAMILY
from tasks.lineup import Lineup
from tasks.train_curve import learn_curve, register_curve
from warehouse import registry
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night

RENEWED_AFTER = timedelta(days=365)
log = logging.getLogger("nightledger")


def with_curve_model(night: Night, lineup: Lineup) -> Lineup:
    """Return the lineup with the hazard model of the night; it is learnt where there is none or after a year.

    The year begins with the model's knowledge, or with the night from which it was promoted. Where none can be learnt,
    a line says why, and the curves have a constant hazard, or the shape of the one there is.
    """
    known = lineup.curve
    if not is_due(night, lineup.curve_since):
        return lineup
    outcome = lineup.champions[stand_in(lineup.champions, FAMILIES)].outcome
    if outcome.is_cross_section:
        log.info("curves      none: outcomes without dates tell nothing of months")
        return lineup
    try:
        check_not_taken_away(night)
        learnt = learn_curve(night, outcome)
    except (Refused, ModelError) as reason:
        instead = "a constant hazard" if known is None else f"the shape of {known.model_version}"
        log.warning("curves      %s for every borrower, none learnt: %s", instead, reason)
        return lineup
    curve = register_curve(night, outcome, learnt, role="champion")
    return replace(lineup, curve=curve, curve_since=night.as_of_date)


def is_due(night: Night, since: date | None) -> bool:
    """Return whether a night learns a hazard model: it has none, or one that has its role `since` a year ago."""
    return since is None or night.as_of_date >= since + RENEWED_AFTER


def check_not_taken_away(night: Night) -> None:
    """Refuse to learn again what somebody made no champion, or took the role from."""
    with writer(purpose="look for curve models") as con:
        for record in registry.records(con, portfolio=night.portfolio):
            if (record.model_family, record.knowledge_date) == (FAMILY, night.as_of_date):
                role = "champion no more" if record.role == "champion" else record.role
                raise Refused(f"{record.model_version} of the same knowledge is {role}")
