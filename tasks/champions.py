"""Sees to it that a night has the champions that it may use: found in the registry, or trained on the history first."""

import logging
from collections.abc import Callable
from datetime import date

from models.operational_risk.settings import OperationalRiskSettings
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.wide_deep.settings import WideDeepSettings
from tasks.families import FAMILIES, OPERATIONAL_RISK, STAND_IN, VOTING_ENSEMBLE, WIDE_DEEP, covered, intended
from tasks.history import History, needed
from tasks.snapshots import default_definition
from tasks.train import Settings, train_champion
from warehouse import evaluations, registry
from warehouse.connection import writer
from warehouse.registry import ModelRecord

log = logging.getLogger("nightledger")

# what a night trains beside the champion of operational risk
BESIDE: dict[str, Callable[[], Settings]] = {
    VOTING_ENSEMBLE: VotingEnsembleSettings,
    WIDE_DEEP: WideDeepSettings,
}


def champions_of(portfolio: str, as_of_date: date) -> dict[str, ModelRecord]:
    """Return the champion of each family that has one for a night of that date."""
    with writer(purpose="look for champions") as con:
        found = {
            family: registry.champion(con, portfolio=portfolio, family=family, as_of_date=as_of_date)
            for family in FAMILIES
        }
    return {family: record for family, record in found.items() if record is not None}


def beside_of(portfolio: str, as_of_date: date) -> tuple[ModelRecord, ...]:
    """Return the challengers and shadows of the date, whom a night scores beside the champion of their family."""
    with writer(purpose="look for challengers") as con:
        found = registry.in_role(con, ("challenger", "shadow"), portfolio=portfolio, as_of_date=as_of_date)
    return tuple(record for record in found if record.model_family in FAMILIES)


def shown_worse(portfolio: str, as_of_date: date) -> tuple[str, ...]:
    """Return the families whose champion is worse than the stand-in's beyond noise, and say how they compare.

    Both are judged by the log loss of rows that neither had seen, of the classes that the family is meant for. A family
    that explains its number gives the headline unless it is shown to be worse; where nothing can be compared (models of
    other snapshots, or of a version that kept no such rows) nothing is shown.
    """
    champions, worse = champions_of(portfolio, as_of_date), list[str]()
    if STAND_IN not in champions:
        return ()
    for family in (one for one in champions if one != STAND_IN):
        with writer(purpose="compare families") as con:
            found = evaluations.compare(
                con, champions[family], champions[STAND_IN], coverage=intended(family)
            )
        if found is None:
            log.info("champion    %s and %s share no unseen rows to be compared on", family, STAND_IN)
            continue
        log.info(
            "champion    %s less %s on %s unseen %s files: log loss %+.4f (%+.4f to %+.4f)",
            family, STAND_IN, f"{found.rows:,}", " and ".join(intended(family)), *found[1:],
        )  # fmt: skip
        if found.worse:
            worse.append(family)
    return tuple(worse)


def ensure_champions(
    portfolio: str, as_of_date: date, *, definition: str | None, horizon_days: int, run_id: str
) -> None:
    """Have a champion of every family that the portfolio can feed, and say which.

    Operational risk is trained where it has no champion. The other families are trained beside it: on the same
    knowledge, definition and horizon, in the same night or when a killed night is run again, where enough of the files
    that they cover have a label. A later night does not build a year-old snapshot again only to find too few.
    """
    found = champions_of(portfolio, as_of_date)
    for family, record in found.items():
        log.info(
            "champion    %s %s, trained on what was known by %s",
            family, record.model_version, record.knowledge_date,
        )  # fmt: skip
    first = found.get(OPERATIONAL_RISK)
    if first is None:
        wanted = definition or default_definition(portfolio)
        log.info("champion    none yet for %s: training one on its history first (%s)", portfolio, wanted)
        history = History(portfolio, as_of_date, wanted, horizon_days)
        first = train_champion(
            portfolio,
            as_of_date,
            definition=wanted,
            horizon_days=horizon_days,
            run_id=run_id,
            snapshots=history.snapshots(OPERATIONAL_RISK, OperationalRiskSettings()),
            built=True,
        )
    elif (
        first.knowledge_date != as_of_date
        or first.horizon_days is None
        or all(one in found for one in BESIDE)
    ):
        return  # a cross section has no snapshot before its outcomes
    else:
        history = History(portfolio, as_of_date, first.label_definition, first.horizon_days)
    for family in (one for one in BESIDE if one not in found and first.horizon_days is not None):
        train_beside(first, family, history=history, run_id=run_id)


def train_beside(first: ModelRecord, family: str, *, history: History, run_id: str) -> None:
    """Train another family on what a champion knew, where enough of the files it covers have a label; else say so."""
    model, files = BESIDE[family](), " and ".join(covered(family))
    with writer(purpose="count labels") as con:
        for known in registry.records(con, portfolio=first.portfolio):
            if (known.model_family, known.knowledge_date) == (family, first.knowledge_date):
                log.info(
                    "champion    no %s: %s of the same knowledge is %s",
                    family,
                    known.model_version,
                    known.role,
                )
                return
    labelled, defaults = history.labelled(family)
    if min(defaults, labelled - defaults) < needed(model):
        if labelled:
            log.info(
                "champion    no %s: %s labelled %s files with %s defaults, %d of each kind are needed",
                family, f"{labelled:,}", files, f"{defaults:,}", needed(model),
            )  # fmt: skip
        return
    train_champion(
        first.portfolio,
        first.knowledge_date,
        definition=first.label_definition,
        horizon_days=first.horizon_days,
        run_id=run_id,
        model=model,
        snapshots=history.snapshots(family, model),
        built=True,
        repeats=1,  # a night has no time for more; python -m flows train measures as often as it should
    )
