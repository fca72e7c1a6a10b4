"""Store a trained model, register it and show its card."""

from typing import NamedTuple

import polars as pl
from prefect import task
from prefect.artifacts import create_image_artifact, create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from models import artefact, examination
from models.families import FAMILIES
from models.metrics import plain
from models.telling import training_card
from models.training import Training
from warehouse import evaluations, reference, registry, scorecards
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.registry import ModelRecord
from warehouse.settings import settings


class Trained(NamedTuple):
    """A trained model, the fingerprint of its rows, its PDs of unseen rows with their keys, and its reference bins."""

    training: Training
    data_fingerprint: str
    unseen: pl.DataFrame
    bins: pl.DataFrame


@task(name="register model", cache_policy=NO_CACHE)
def register_model(trained: Trained, night: Night, outcome: OutcomeDefinition, *, role: str) -> ModelRecord:
    """Store and register a model with its unseen rows and reference bins; a model is registered only once."""
    training = trained.training
    path, sha256 = artefact.save(training.model, settings().models_dir)
    classifier = training.model.classifier
    family = FAMILIES[classifier.family]
    version = f"{night.as_of_date}-{sha256[:8]}"
    with writer(purpose="register model") as con:
        for earlier in registry.records(con, portfolio=night.portfolio):
            if (earlier.model_family, earlier.model_version, earlier.role) == (family.name, version, role):
                return earlier
        record = registry.register(
            con,
            ModelRecord(
                model_family=family.name,
                model_version=version,
                portfolio=night.portfolio,
                role=role,
                purpose="describe" if outcome.is_cross_section else "forecast",
                knowledge_date=night.as_of_date,
                label_definition=outcome.definition,
                horizon_days=None if outcome.is_cross_section else outcome.horizon_days,
                settings=classifier.settings.model_dump(mode="json"),
                feature_groups=classifier.groups_,
                feature_names=tuple(classifier.feature_names_in_.tolist()),
                schema_hash=classifier.schema_hash_,
                data_fingerprint=trained.data_fingerprint,
                metrics={
                    "protocol": training.evaluation.protocol,
                    "folds": training.evaluation.folds,
                    "repeats": training.evaluation.repeats,
                    "rows": training.rows,
                    "defaults": training.positives,
                    "calibrated_on": training.model.calibrated_on,
                    "raw": plain(training.evaluation.raw),
                    "pd": plain(training.evaluation.pd),
                    **({} if training.drawn_from is None else {"drawn_from": training.drawn_from}),
                    "left_out": training.left_out,
                    **examination.figures(training),
                    **family.choices(training),
                },
                master_scale=training.model.scale.settings.model_dump(mode="json"),
                artefact_path=str(path),
                artefact_sha256=sha256,
                base_rate=classifier.base_rate_,
                run_id=night.run_id,
            ),
        )
        evaluations.record(con, trained.unseen, record)
        reference.record(con, trained.bins, record)
        if (card := family.card_rows(training.model)) is not None:
            scorecards.record(con, card, record)
        return record


@task(name="show model", cache_policy=NO_CACHE)
def show_model(training: Training, record: ModelRecord) -> None:
    """Show the model's card and its plots in the Prefect UI."""
    family = FAMILIES[record.model_family]
    create_markdown_artifact(
        key=f"model-card-{_dashed(record)}",
        markdown=training_card.card(
            training, family, title=f"{record.portfolio}: {record.model_family} {record.model_version}"
        ),
        description=f"{record.role} of {record.portfolio}, {record.purpose}, as of {record.knowledge_date}",
    )
    for name, uri in training_card.pictures(training).items():
        create_image_artifact(
            image_url=uri,
            key=f"model-{_dashed(record)}-{name}",
            description=f"{record.model_version}: {name}",
        )


def _dashed(record: ModelRecord) -> str:
    """Return the family's name as the keys of artifacts spell it."""
    return record.model_family.replace("_", "-")
