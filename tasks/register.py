"""Stores a trained model, registers it and shows its card."""

from datetime import date

from prefect import task
from prefect.artifacts import create_image_artifact, create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from models import artefact, report
from models.metrics import plain
from models.operational_risk import OperationalRiskSettings
from models.training import Training
from warehouse import registry
from warehouse.connection import writer
from warehouse.registry import ModelRecord
from warehouse.settings import settings

FAMILY = "operational_risk"


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
