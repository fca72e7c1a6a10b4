"""Stores a trained model, registers it and shows its card."""

import math
from dataclasses import asdict
from datetime import date
from typing import Any

import polars as pl
from prefect import task
from prefect.artifacts import create_image_artifact, create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from models import artefact
from models.metrics import plain
from models.operational_risk.classifier import OperationalRiskClassifier
from models.telling import training_card as report
from models.training import Training
from models.wide_deep.classifier import WideDeepClassifier
from warehouse import evaluations, reference, registry
from warehouse.connection import writer
from warehouse.registry import ModelRecord
from warehouse.settings import settings


@task(name="register model", cache_policy=NO_CACHE)
def register_model(
    training: Training,
    data_fingerprint: str,
    unseen: pl.DataFrame,
    bins: pl.DataFrame,
    *,
    family: str,
    portfolio: str,
    as_of_date: date,
    definition: str,
    horizon_days: int,
    role: str,
    run_id: str,
) -> ModelRecord:
    """Store and register the model with its unseen rows and reference bins; the very same model is registered once."""
    path, sha256 = artefact.save(training.model, settings().models_dir)
    classifier = training.model.classifier
    version = f"{as_of_date}-{sha256[:8]}"
    with writer(purpose="register model") as con:
        for known in registry.records(con, portfolio=portfolio):
            if (known.model_family, known.model_version, known.role) == (family, version, role):
                return known
        record = registry.register(
            con,
            ModelRecord(
                model_family=family,
                model_version=version,
                portfolio=portfolio,
                role=role,
                purpose="describe" if definition == "cross_section" else "forecast",
                knowledge_date=as_of_date,
                label_definition=definition,
                horizon_days=None if definition == "cross_section" else horizon_days,
                settings=classifier.settings.model_dump(mode="json"),
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
                    "raw": plain(training.evaluation.raw),
                    "pd": plain(training.evaluation.pd),
                    **_reasons(training),
                    **chosen(training),
                },
                master_scale=training.model.scale.settings.model_dump(mode="json"),
                artefact_path=str(path),
                artefact_sha256=sha256,
                base_rate=classifier.base_rate_,
                run_id=run_id,
            ),
        )
        evaluations.record(con, unseen, record)
        reference.record(con, bins, record)
        return record


def chosen(training: Training) -> dict[str, Any]:
    """Return what a family chose on the way, for the registry."""
    classifier: Any = training.model.classifier
    if isinstance(classifier, OperationalRiskClassifier):
        return {"best_params": classifier.best_params_}
    if isinstance(classifier, WideDeepClassifier):
        return {
            "best_epoch": classifier.best_epoch_,
            "history": [epoch._asdict() for epoch in classifier.history_],
            "decisions": list(classifier.decisions_),
        }
    found = classifier.selection_
    shown = {"chosen": found.chosen, "best_single": found.best_single, "equal": found.equal,
             "optimised": found.optimised, "stacked": found.stacked}  # fmt: skip
    without = training.challenger
    return {
        "selection": {name: asdict(candidate) for name, candidate in shown.items()},
        "decisions": list(classifier.decisions_),
        "variance_inflation": {
            name: factor if math.isfinite(factor) else str(factor) for name, factor in classifier.vif_.items()
        },
        "without_resampling": None
        if without is None
        else {"raw": plain(without.raw), "pd": plain(without.pd)},
    }


def _reasons(training: Training) -> dict[str, Any]:
    """Return how often first reasons hold, and the reference values, where the family explains itself."""
    checked = training.reasons
    if checked is None:
        return {}
    share = None if checked.share is None else checked.share._asdict()
    return {
        "reason_check": {
            "rows": checked.rows,
            "raised": checked.raised,
            "passed": checked.passed,
            "share": share,
        },
        "reference_values": dict(checked.references),
    }


@task(name="show model", cache_policy=NO_CACHE)
def show_model(training: Training, record: ModelRecord) -> None:
    """Put the model's card and its plots where the Prefect UI shows them."""
    create_markdown_artifact(
        key=f"model-card-{_dashed(record)}",
        markdown=report.card(
            training, title=f"{record.portfolio}: {record.model_family} {record.model_version}"
        ),
        description=f"{record.role} of {record.portfolio}, {record.purpose}, as of {record.knowledge_date}",
    )
    for name, uri in report.pictures(training).items():
        create_image_artifact(
            image_url=uri,
            key=f"model-{_dashed(record)}-{name}",
            description=f"{record.model_version}: {name}",
        )


def _dashed(record: ModelRecord) -> str:
    """Return the family as keys of artifacts spell it."""
    return record.model_family.replace("_", "-")
