"""Trains, evaluates, stores and registers a model of operational risk for one portfolio and date."""

import logging
import time
from datetime import date

from prefect import task
from prefect.cache_policies import NO_CACHE

from models import report
from models.errors import ModelError
from models.fingerprint import fingerprint
from models.operational_risk import OperationalRiskClassifier, OperationalRiskSettings
from models.runner import threads
from models.training import Training, train
from tasks.progress import Progress
from tasks.register import FAMILY, register_model, show_model
from tasks.snapshots import build_snapshots, default_definition, snapshot_dates
from warehouse import matrix, registry
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.registry import ModelRecord
from warehouse.settings import settings

log = logging.getLogger("nightledger")


@task(name="train model", cache_policy=NO_CACHE)
def train_model(
    portfolio: str,
    dates: tuple[date, ...],
    definition: str,
    horizon_days: int,
    model: OperationalRiskSettings,
) -> tuple[Training, str]:
    """Train on the labelled rows of the dates and return the model with the fingerprint of its rows."""
    with writer(purpose="read training rows") as con:
        frame = matrix.training_matrix(
            con, portfolio=portfolio, snapshot_dates=dates, definition=definition, horizon_days=horizon_days
        )
    labels = frame["label"].to_numpy()
    log.info("train       %s rows: search, measure, calibrate; minutes, not seconds", f"{frame.height:,}")
    try:
        training = train(
            OperationalRiskClassifier(settings=model.for_rows(frame.height), groups=matrix.feature_groups()),
            frame.drop("label"),
            labels,
            borrowers=frame["enterprise_id"].to_list(),
            snapshots=frame["as_of_date"].to_list(),
            runner=threads(settings().threads),
            on_progress=Progress("train       measuring on rows it has not seen"),
        )
    except ModelError as error:
        raise Refused(f"{portfolio}, {definition}: {error}") from error
    schema = training.model.classifier.preparation_.schema_
    return training, fingerprint(frame, labels, schema=schema, keys=("as_of_date", "enterprise_id"))


def train_champion(
    portfolio: str,
    as_of_date: date,
    *,
    definition: str,
    horizon_days: int,
    run_id: str,
    model: OperationalRiskSettings | None = None,
    snapshots: int = 1,
    role: str = "champion",
) -> ModelRecord:
    """Build the snapshots, train on what was known by as_of_date and return the registered model.

    Raises:
        Refused: too few labelled rows, one class only, or no feature was delivered.
    """
    started = time.perf_counter()
    dates = snapshot_dates(as_of_date, definition=definition, horizon_days=horizon_days, snapshots=snapshots)
    horizon = 0 if definition == "cross_section" else horizon_days
    build_snapshots(dates, portfolio, known_by=as_of_date, definition=definition, horizon_days=horizon)
    chosen = model or OperationalRiskSettings()
    if definition == "cross_section" and not chosen.windows:
        # the outcome has no date: what happened in the last year may be its consequence
        chosen = chosen.model_copy(update={"windows": ("all",)})
    training, data_fingerprint = train_model(portfolio, dates, definition, horizon, chosen)
    record = register_model(
        training,
        data_fingerprint,
        portfolio=portfolio,
        as_of_date=as_of_date,
        definition=definition,
        horizon_days=horizon_days,
        role=role,
        run_id=run_id,
    )
    show_model(training, record)
    for line in report.lines(training):
        log.info("train       %s", line)
    log.info(
        "train       %s %s is %s of %s  %.1f s",
        FAMILY,
        record.model_version,
        role,
        portfolio,
        time.perf_counter() - started,
    )
    return record


def ensure_champion(
    portfolio: str, as_of_date: date, *, definition: str | None, horizon_days: int, run_id: str
) -> ModelRecord:
    """Return the champion that this night may use; where there is none, train one on the history first and say so."""
    with writer(purpose="look for a champion") as con:
        found = registry.champion(con, portfolio=portfolio, family=FAMILY, as_of_date=as_of_date)
    if found is not None:
        log.info(
            "champion    %s %s, trained on what was known by %s",
            FAMILY,
            found.model_version,
            found.knowledge_date,
        )
        return found
    wanted = definition or default_definition(portfolio)
    log.info("champion    none yet for %s: training one on its history first (%s)", portfolio, wanted)
    return train_champion(portfolio, as_of_date, definition=wanted, horizon_days=horizon_days, run_id=run_id)
