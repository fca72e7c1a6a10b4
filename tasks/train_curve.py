"""Learn the shape of default curves on what was known by one date, and register it."""

import logging
import time

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models.champion_rule import COVERAGES
from models.errors import ModelError
from models.fingerprint import fingerprint
from models.hazard import stored
from models.hazard.learning import Learnt, check_outcomes, learn
from models.hazard.model import RISK, HazardSettings
from models.hazard.months import month_of
from models.schema import schema_hash, schema_of
from tasks.features import build_features
from tasks.labels import build_labels
from warehouse import curves, lookback, matrix, registry
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.registry import ModelRecord
from warehouse.settings import settings

SNAPSHOTS = 5  # a horizon apart: as far back as a curve of five years can learn from
ROWS = 50_000
log = logging.getLogger("nightledger")


def train_curve(night: Night, outcome: OutcomeDefinition, *, role: str) -> ModelRecord:
    """Learn the hazard model on what was known by the night and return it as registered in a role.

    Raises:
        Refused: outcomes without dates, too few defaults or months, no labelled borrower, or the same model is
            registered in another role.
    """
    started = time.perf_counter()
    if outcome.is_cross_section:
        raise Refused(f"{night.portfolio}, {stored.FAMILY}: outcomes without dates tell nothing of months")
    try:
        learnt = learn_curve(night, outcome)
    except ModelError as reason:
        raise Refused(f"{night.portfolio}, {stored.FAMILY}, {outcome.definition}: {reason}") from reason
    record = register_curve(night, outcome, learnt, role=role)
    log.info(
        "curves      %s %s is %s of %s  %.1f s",
        record.model_family, record.model_version, role, night.portfolio, time.perf_counter() - started,
    )  # fmt: skip
    return record


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
def register_curve(night: Night, outcome: OutcomeDefinition, learnt: Learnt, *, role: str) -> ModelRecord:
    """Store and register the hazard model, once, and log what it learnt; as champion it gives curves from then on."""
    path, sha256 = stored.save(learnt.model, settings().models_dir)
    seen = learnt.panel.select(RISK)
    for line in learnt.lines():
        log.info("curves      %s", line)
    version = f"{night.as_of_date}-{sha256[:8]}"
    with writer(purpose="register curve") as con:
        for earlier in registry.records(con, portfolio=night.portfolio):
            if (*earlier.key, earlier.role) == (stored.FAMILY, version, role):
                return earlier
        return registry.register(
            con,
            ModelRecord(
                model_family=stored.FAMILY,
                model_version=version,
                portfolio=night.portfolio,
                role=role,
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
