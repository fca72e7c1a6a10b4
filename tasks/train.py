"""Trains, evaluates, stores and registers a model of operational risk for one portfolio and date."""

import logging
import time
from datetime import date, timedelta

from prefect import task
from prefect.artifacts import create_image_artifact, create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from models import artefact, report
from models.errors import ModelError
from models.fingerprint import fingerprint
from models.metrics import plain
from models.operational_risk import OperationalRiskSettings
from models.training import Training, train
from tasks.features import build_features, build_labels
from warehouse import matrix, registry
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.registry import ModelRecord
from warehouse.settings import settings

FAMILY = "operational_risk"
log = logging.getLogger("nightledger")


def snapshot_dates(
    as_of_date: date, *, definition: str, horizon_days: int, snapshots: int = 1
) -> tuple[date, ...]:
    """Return the dates whose features are trained on, oldest first; every label window ends by as_of_date.

    A cross section has one date, as_of_date itself. Windows of several snapshots do not overlap.
    """
    if definition == "cross_section":
        return (as_of_date,)
    return tuple(as_of_date - timedelta(days=horizon_days * back) for back in range(snapshots, 0, -1))


def default_definition(portfolio: str) -> str:
    """Return the label definition of a portfolio for which none was asked: outcomes of cumcm2020c carry no date."""
    return "cross_section" if portfolio == "cumcm2020c" else "dpd90"


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
    try:
        training = train(
            frame.drop("label"),
            labels,
            settings=model,
            groups=matrix.feature_groups(),
            borrowers=frame["enterprise_id"].to_list(),
            snapshots=frame["as_of_date"].to_list(),
            n_jobs=settings().threads,
        )
    except ModelError as error:
        raise Refused(f"{portfolio}, {definition}: {error}") from error
    schema = training.model.classifier.preparation_.schema_
    return training, fingerprint(frame, labels, schema=schema, keys=("as_of_date", "enterprise_id"))


@task(name="register model", cache_policy=NO_CACHE)
def register_model(
    training: Training,
    data_fingerprint: str,
    *,
    portfolio: str,
    as_of_date: date,
    definition: str,
    horizon_days: int,
    role: str,
    run_id: str,
) -> ModelRecord:
    """Store the artefact and register it; the very same model of the same date is registered once."""
    path, sha256 = artefact.save(training.model, settings().models_dir)
    classifier = training.model.classifier
    version = f"{as_of_date}-{sha256[:8]}"
    with writer(purpose="register model") as con:
        for known in registry.records(con, portfolio=portfolio):
            if (known.model_family, known.model_version, known.role) == (FAMILY, version, role):
                return known
        return registry.register(
            con,
            ModelRecord(
                model_family=FAMILY,
                model_version=version,
                portfolio=portfolio,
                role=role,
                purpose="describe" if definition == "cross_section" else "forecast",
                knowledge_date=as_of_date,
                label_definition=definition,
                horizon_days=None if definition == "cross_section" else horizon_days,
                settings=(classifier.settings or OperationalRiskSettings()).model_dump(mode="json"),
                feature_groups=classifier.groups_,
                feature_names=tuple(classifier.feature_names_in_.tolist()),
                schema_hash=classifier.schema_hash_,
                data_fingerprint=data_fingerprint,
                metrics={
                    "protocol": training.evaluation.protocol,
                    "folds": training.evaluation.folds,
                    "repeats": training.evaluation.repeats,
                    "rows": training.rows,
                    "defaults": training.positives,
                    "calibrated_on": training.model.calibrated_on,
                    "best_params": classifier.best_params_,
                    "raw": plain(training.evaluation.raw),
                    "pd": plain(training.evaluation.pd),
                },
                artefact_path=str(path),
                artefact_sha256=sha256,
                base_rate=classifier.base_rate_,
                run_id=run_id,
            ),
        )


@task(name="show model", cache_policy=NO_CACHE)
def show_model(training: Training, record: ModelRecord) -> None:
    """Put the model's card and its plots where the Prefect UI shows them."""
    create_markdown_artifact(
        key="model-card",
        markdown=report.card(training, title=f"{record.portfolio}: {FAMILY} {record.model_version}"),
        description=f"{record.role} of {record.portfolio}, {record.purpose}, as of {record.knowledge_date}",
    )
    for name, uri in report.pictures(training).items():
        create_image_artifact(
            image_url=uri, key=f"model-{name}", description=f"{record.model_version}: {name}"
        )


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
    for day in dates:
        if not features_built(portfolio, day):
            build_features(portfolio, day)
        build_labels(portfolio, day, known_by=as_of_date, definition=definition, horizon_days=horizon)
    training, data_fingerprint = train_model(
        portfolio, dates, definition, horizon, model or OperationalRiskSettings()
    )
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


def features_built(portfolio: str, day: date) -> bool:
    """Say whether the night itself has built this day's features just now (a cross section describes that day)."""
    with writer(purpose="look for features") as con:
        return matrix.has_features(con, portfolio=portfolio, as_of_date=day)


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
