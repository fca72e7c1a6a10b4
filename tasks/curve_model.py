"""Learn the shape of default curves where a portfolio has none yet, or its own is a year old."""

import logging
from dataclasses import replace
from datetime import timedelta

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models.champion_rule import COVERAGES, stand_in
from models.errors import ModelError
from models.families import FAMILIES
from models.fingerprint import fingerprint
from models.hazard import stored
from models.hazard.learning import Learnt, check_outcomes, learn
from models.hazard.model import RISK, HazardSettings
from models.hazard.months import month_of
from models.schema import schema_hash, schema_of
from tasks.features import build_features
from tasks.labels import build_labels
from tasks.lineup import Lineup
from warehouse import curves, lookback, matrix, registry
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.registry import ModelRecord
from warehouse.settings import settings

SNAPSHOTS = 5  # a horizon apart: as far back as a curve of five years can learn from
RENEWED_AFTER = timedelta(days=365)
ROWS = 50_000
log = logging.getLogger("nightledger")


def with_curve_model(night: Night, lineup: Lineup) -> Lineup:
    """Return the lineup with the hazard model of the night; it is learnt first where there is none, or one a year old.

    Where none can be learnt, a line says why, and the curves have a constant hazard, or the shape of the one there is.
    """
    known = lineup.curve
    if known is not None and night.as_of_date < known.knowledge_date + RENEWED_AFTER:
        return lineup
    outcome = lineup.champions[stand_in(lineup.champions, FAMILIES)].outcome
    if outcome.is_cross_section:
        log.info("curves      none: outcomes without dates tell nothing of months")
        return lineup
    try:
        learnt = learn_curve(night, outcome)
    except (Refused, ModelError) as reason:
        instead = "a constant hazard" if known is None else f"the shape of {known.model_version}"
        log.warning("curves      %s for every borrower, none learnt: %s", instead, reason)
        return lineup
    return replace(lineup, curve=register_curve(night, outcome, learnt))


@task(name="learn curve", cache_policy=NO_CACHE)
def learn_curve(night: Night, outcome: OutcomeDefinition) -> Learnt:
    """Learn the hazard model from snapshots a horizon apart and the months after each, as known by the night.

    Raises:
        Refused, ModelError: too few defaults or months, or no labelled borrower.
    """
    dates = outcome.snapshot_dates(night.as_of_date, snapshots=SNAPSHOTS)
    choices = HazardSettings()
    with writer(purpose="read outcomes") as con:
        outcomes, settled = curves.outcomes(con, night), curves.settled(con, night)
        begins = lookback.first_day(con, portfolio=night.portfolio)
        for record in registry.records(con, portfolio=night.portfolio):
            if (record.model_family, record.knowledge_date) == (stored.FAMILY, night.as_of_date):
                raise Refused(f"{record.model_version} of the same knowledge is no champion any more")
    dates = tuple(day for day in dates if day == dates[-1] or lookback.spans(begins, day))
    if settled is None:
        raise Refused("no outcome is known")
    check_outcomes(outcomes, dates, definition=outcome.definition, settled=settled, settings=choices)
    for snapshot in map(night.on, dates):
        with writer(purpose="look for features") as con:
            built = matrix.has_features(con, snapshot)
        if not built:
            build_features(snapshot)
        build_labels(snapshot, outcome, known_by=night.as_of_date)
    with writer(purpose="read snapshots") as con:
        frame, _ = matrix.training_matrix(
            con, portfolio=night.portfolio, snapshot_dates=dates, outcome=outcome, coverage=COVERAGES, at_most=ROWS
        )  # fmt: skip
        moving = lookback.beyond(con, portfolio=night.portfolio, day=dates[0])
    return learn(
        frame, outcomes, definition=outcome.definition, settled=settled, month=month_of(outcome.horizon_days),
        kept_out=moving, settings=choices,
    )  # fmt: skip


@task(name="register curve", cache_policy=NO_CACHE)
def register_curve(night: Night, outcome: OutcomeDefinition, learnt: Learnt) -> ModelRecord:
    """Store and register the hazard model as the one that gives curves from this night on, and log what it learnt."""
    path, sha256 = stored.save(learnt.model, settings().models_dir)
    seen = learnt.panel.select(RISK)
    for line in learnt.lines():
        log.info("curves      %s", line)
    with writer(purpose="register curve") as con:
        return registry.register(
            con,
            ModelRecord(
                model_family=stored.FAMILY,
                model_version=f"{night.as_of_date}-{sha256[:8]}",
                portfolio=night.portfolio,
                role="champion",
                purpose="forecast",
                knowledge_date=night.as_of_date,
                label_definition=outcome.definition,
                horizon_days=outcome.horizon_days,
                settings=learnt.model.settings.model_dump(mode="json"),
                feature_groups=("score",),
                feature_names=(RISK,),
                schema_hash=schema_hash(schema_of(seen)),
                data_fingerprint=fingerprint(
                    learnt.panel, learnt.panel["event"].cast(pl.Int64).to_numpy(), schema=schema_of(seen),
                    keys=("as_of_date", "enterprise_id", "month"),
                ),
                metrics=learnt.metrics(),
                artefact_path=str(path),
                artefact_sha256=sha256,
                run_id=night.run_id,
            ),
        )  # fmt: skip
