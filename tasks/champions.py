"""Sees to it that a night has the champions that it may use: found in the registry, or trained on the history first."""

import logging
from datetime import date

from models.ensemble_settings import VotingEnsembleSettings
from tasks.families import FAMILIES, OPERATIONAL_RISK, VOTING_ENSEMBLE, covered
from tasks.snapshots import default_definition, snapshot_dates
from tasks.train import train_champion
from warehouse import matrix, registry
from warehouse.connection import writer
from warehouse.registry import ModelRecord

log = logging.getLogger("nightledger")


def ensure_champions(
    portfolio: str, as_of_date: date, *, definition: str | None, horizon_days: int, run_id: str
) -> None:
    """Have a champion of every family that the portfolio can feed, and say which.

    Operational risk is trained where it has no champion. The voting ensemble is trained beside it: on the same
    knowledge, definition and horizon, in the same night or when a killed night is run again, where enough thick files
    have a label. A later night does not build a year-old snapshot again only to find too few.
    """
    with writer(purpose="look for champions") as con:
        found = {
            family: registry.champion(con, portfolio=portfolio, family=family, as_of_date=as_of_date)
            for family in FAMILIES
        }
    for family, record in found.items():
        if record is not None:
            log.info(
                "champion    %s %s, trained on what was known by %s",
                family, record.model_version, record.knowledge_date,
            )  # fmt: skip
    first = found[OPERATIONAL_RISK]
    if first is None:
        wanted = definition or default_definition(portfolio)
        log.info("champion    none yet for %s: training one on its history first (%s)", portfolio, wanted)
        first = train_champion(
            portfolio, as_of_date, definition=wanted, horizon_days=horizon_days, run_id=run_id
        )
    if found[VOTING_ENSEMBLE] is None and first.knowledge_date == as_of_date:
        train_ensemble_beside(first, built=found[OPERATIONAL_RISK] is None, run_id=run_id)


def train_ensemble_beside(first: ModelRecord, *, built: bool, run_id: str) -> None:
    """Train a voting ensemble on what another champion knew, where enough thick files have a label; else say so."""
    if first.horizon_days is None:
        return  # a cross section has no snapshot before its outcomes, and no ledger
    dates = snapshot_dates(
        first.knowledge_date, definition=first.label_definition, horizon_days=first.horizon_days
    )
    with writer(purpose="count labels") as con:
        for known in registry.records(con, portfolio=first.portfolio):
            if (known.model_family, known.knowledge_date) == (VOTING_ENSEMBLE, first.knowledge_date):
                log.info(
                    "champion    no %s: %s of the same knowledge is %s",
                    VOTING_ENSEMBLE, known.model_version, known.role,
                )  # fmt: skip
                return
        labelled, defaults = matrix.labelled(
            con,
            portfolio=first.portfolio,
            snapshot_dates=dates,
            definition=first.label_definition,
            horizon_days=first.horizon_days,
            coverage=covered(VOTING_ENSEMBLE),
        )
    model = VotingEnsembleSettings()
    if min(defaults, labelled - defaults) < model.minimum_positives:
        if labelled:
            log.info(
                "champion    no %s: %s labelled thick files with %s defaults, %d of each kind are needed",
                VOTING_ENSEMBLE, f"{labelled:,}", f"{defaults:,}", model.minimum_positives,
            )  # fmt: skip
        return
    train_champion(
        first.portfolio,
        first.knowledge_date,
        definition=first.label_definition,
        horizon_days=first.horizon_days,
        run_id=run_id,
        model=model,
        built=built,
        repeats=1,  # a night has no time for more; python -m flows train measures as often as it should
    )
