"""Trains, evaluates, stores and registers a model of one family for one portfolio and date."""

import logging
import time
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models.errors import ModelError
from models.explaining.reason_check import check_reasons
from models.fingerprint import fingerprint
from models.operational_risk.classifier import OperationalRiskClassifier
from models.operational_risk.settings import OperationalRiskSettings
from models.runner import threads
from models.scoring import explains_itself
from models.telling import training_card as report
from models.training import Training, train
from models.voting_ensemble.classifier import VotingEnsembleClassifier
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.watching.stability import reference_frame
from models.wide_deep.classifier import WideDeepClassifier
from models.wide_deep.settings import WideDeepSettings
from tasks.families import OPERATIONAL_RISK, VOTING_ENSEMBLE, WIDE_DEEP, covered
from tasks.jobs import training_runner
from tasks.progress import Progress
from tasks.register import register_model, show_model
from tasks.snapshots import build_snapshots, snapshot_dates
from warehouse import matrix
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.registry import ModelRecord
from warehouse.settings import settings

Settings = OperationalRiskSettings | VotingEnsembleSettings | WideDeepSettings
FAMILY_OF: dict[type[Settings], str] = {
    OperationalRiskSettings: OPERATIONAL_RISK,
    VotingEnsembleSettings: VOTING_ENSEMBLE,
    WideDeepSettings: WIDE_DEEP,
}
log = logging.getLogger("nightledger")


class Trained(NamedTuple):
    """A model version, the fingerprint of its rows, what it said of unseen rows with their keys, its reference bins."""

    training: Training
    data_fingerprint: str
    unseen: pl.DataFrame
    bins: pl.DataFrame


@task(name="train model", task_run_name="train model of {portfolio}", cache_policy=NO_CACHE)
def train_model(
    portfolio: str,
    dates: tuple[date, ...],
    definition: str,
    horizon_days: int,
    model: Settings,
    *,
    repeats: int | None = None,
) -> Trained:
    """Train on the labelled rows of the dates and return the model with the fingerprint of its rows."""
    family = FAMILY_OF[type(model)]
    with writer(purpose="read training rows") as con:
        frame = matrix.training_matrix(
            con,
            portfolio=portfolio,
            snapshot_dates=dates,
            definition=definition,
            horizon_days=horizon_days,
            coverage=covered(family),
        )
        if isinstance(model, WideDeepSettings) and model.sensitive == "use":
            frame = matrix.add_sensitive(con, frame, portfolio=portfolio)
    labels = frame["label"].to_numpy()
    log.info(
        "train       %s on %s rows: search, measure, calibrate; minutes, not seconds",
        family,
        f"{frame.height:,}",
    )
    try:
        training = train(
            **estimators(model, rows=frame.height),
            frame=frame.drop("label"),
            labels=labels,
            borrowers=frame["enterprise_id"].to_list(),
            snapshots=frame["as_of_date"].to_list(),
            repeats=repeats,
            on_progress=Progress("train       measuring on rows it has not seen"),
        )
        if explains_itself(training.model):
            training = replace(training, reasons=check_reasons(training.model, frame, labels))
    except ModelError as error:
        raise Refused(f"{portfolio}, {family}, {definition}: {error}") from error
    schema = training.model.classifier.preparation_.schema_
    keys = frame.select("as_of_date", "enterprise_id", "coverage").with_row_index("row")
    unseen = training.evaluation.unseen.join(keys.cast({"row": pl.Int64}), on="row").drop("row")
    mark = fingerprint(frame, labels, schema=schema, keys=("as_of_date", "enterprise_id"))
    features = training.model.classifier.feature_names_in_.tolist()
    return Trained(training, mark, unseen, reference_frame(frame, unseen, features=features))


def estimators(model: Settings, *, rows: int) -> dict[str, Any]:
    """Return the estimator of a family, what runs its pieces, and the challenger that is measured beside it."""
    groups = matrix.feature_groups()
    if isinstance(model, OperationalRiskSettings):
        estimator = OperationalRiskClassifier(settings=model.for_rows(rows), groups=groups)
        # the pieces of its grid search are hundreds and short: threads, not tasks
        return {"estimator": estimator, "runner": threads(settings().threads)}
    if isinstance(model, WideDeepSettings):
        estimator = WideDeepClassifier(settings=model, groups=groups)
        return {"estimator": estimator, "runner": training_runner()}
    without = VotingEnsembleClassifier(settings=model.model_copy(update={"oversample": False}), groups=groups)
    return {
        "estimator": VotingEnsembleClassifier(settings=model, groups=groups),
        "runner": training_runner(),
        "challenger": without if model.oversample else None,
    }


def train_champion(
    portfolio: str,
    as_of_date: date,
    *,
    definition: str,
    horizon_days: int,
    run_id: str,
    model: Settings | None = None,
    snapshots: int = 1,
    role: str = "champion",
    repeats: int | None = None,
    built: bool = False,
) -> ModelRecord:
    """Build the snapshots unless this run has, train on what was known by as_of_date, return the registered model.

    Raises:
        Refused: too few labelled rows, one class only, or no feature was delivered.
    """
    started = time.perf_counter()
    dates = snapshot_dates(as_of_date, definition=definition, horizon_days=horizon_days, snapshots=snapshots)
    horizon = 0 if definition == "cross_section" else horizon_days
    if not built:
        build_snapshots(dates, portfolio, known_by=as_of_date, definition=definition, horizon_days=horizon)
    chosen = model or OperationalRiskSettings()
    if isinstance(chosen, OperationalRiskSettings) and definition == "cross_section" and not chosen.windows:
        # the outcome has no date: what happened in the last year may be its consequence
        chosen = chosen.model_copy(update={"windows": ("all",)})
    training, data_fingerprint, unseen, bins = train_model(
        portfolio, dates, definition, horizon, chosen, repeats=repeats
    )
    record = register_model(
        training,
        data_fingerprint,
        unseen,
        bins,
        family=FAMILY_OF[type(chosen)],
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
        record.model_family,
        record.model_version,
        role,
        portfolio,
        time.perf_counter() - started,
    )
    return record
