"""Trains a model of one portfolio on what was known by one date, evaluates it and registers it."""

from datetime import date
from typing import Literal, Self

from prefect import flow
from pydantic import Field, model_validator

from flows._family import CURVE, Trained, families_with, family_settings
from flows._parameters import HorizonDays, Parameters, Portfolio
from flows._task_runner import task_runner
from models.champion_rule import stand_in
from models.families import FAMILIES
from models.family import FamilySettings
from tasks.night import closed_day, end_run, open_run
from tasks.train import train_champion
from tasks.train_curve import train_curve
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import Definition, OutcomeDefinition, default_definition

# options that are settings of some families only
OPTIONS = ("learner", "monotone", "oversample", "profile", "selection", "sensitive")


class TrainParameters(Parameters):
    """Parameters of one training run."""

    portfolio: Portfolio = Field(default="lender", description="The portfolio whose feeds have been loaded")
    as_of: date | None = Field(
        default=None,
        description="Train on what was known by the end of this day; empty = the day before the scheduled start",
    )
    family: Trained = Field(
        default=stand_in(FAMILIES, FAMILIES),
        description="The model family, with the files that it trains on: "
        + ", ".join(f"{name} ({', '.join(family.covers)})" for name, family in FAMILIES.items())
        + f"; or {CURVE}, the shape of default curves (all of them)",
    )
    learner: Literal["xgboost", "logistic_regression", "svm", "random_forest"] = Field(
        default="xgboost", description="The learner at the end of operational_risk's pipeline"
    )
    definition: Definition | None = Field(
        default=None, description="What counts as default; empty = dpd90 (cumcm2020c: cross_section)"
    )
    horizon_days: HorizonDays = Field(
        default=365, description="Within how many days after the snapshot (a cross section has none)"
    )
    snapshots: int = Field(
        default=1,
        ge=1,
        le=5,
        description="Snapshots, one horizon apart; with two or more the last one calibrates and measures, out of time",
    )
    role: Literal["champion", "challenger", "shadow"] = Field(
        default="champion", description="What the model is registered for"
    )
    oversample: bool | None = Field(
        default=None,
        description="SMOTE in the training folds; empty = operational_risk always, voting_ensemble where it helps",
    )
    profile: Literal["night", "paper", "tuned"] = Field(
        default="night",
        description="Parameters of voting_ensemble's members: library defaults within bounds, as in the paper without "
        "them, or searched (slow)",
    )
    selection: Literal["parsimonious", "paper"] = Field(
        default="parsimonious",
        description="Votes of voting_ensemble: the simplest within noise of the best, or the paper's rule",
    )
    monotone: bool = Field(
        default=False, description="Hold the trees to the directions that the feature catalogue gives"
    )
    sensitive: Literal["drop", "use"] = Field(
        default="drop", description="Whether wide_deep may see the gender of the legal representative"
    )

    @model_validator(mode="after")
    def options_go_together(self) -> Self:
        """Refuse a choice that the family or the definition does not know, rather than ignore it."""
        if self.family == CURVE and self.snapshots > 1:
            raise ValueError(f"--family {CURVE} takes up to five snapshots by itself, without --snapshots")
        if self.definition == "cross_section" and self.snapshots > 1:
            raise ValueError("--definition cross_section has one snapshot, the date itself")
        for name in OPTIONS:
            families = families_with(name)
            if self.family not in families and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(
                    f"--{name} goes with --family {' or '.join(families)}, not with {self.family}"
                )
        if self.family != CURVE:
            self.settings_of_family()
        return self

    def settings_of_family(self) -> FamilySettings:
        """Return the settings of the model to train."""
        chosen = {name: getattr(self, name) for name in OPTIONS if self.family in families_with(name)}
        if self.oversample is None:
            chosen.pop("oversample", None)
        return family_settings(self.family, chosen)


@flow(name="train", task_runner=task_runner())
def train(run: TrainParameters = TrainParameters()) -> str:
    """Train, evaluate and register one model.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    as_of = closed_day(run.as_of)
    with writer(purpose=f"train {run.portfolio} {as_of}"):
        run_id = open_run("train", portfolio=run.portfolio, as_of_date=as_of, parameters=run)
        with end_run(run_id) as counts:
            night = Night(run.portfolio, as_of, run_id)
            definition = run.definition or default_definition(run.portfolio)
            outcome = OutcomeDefinition.of(definition, horizon_days=run.horizon_days)
            if run.family == CURVE:
                record = train_curve(night, outcome, role=run.role)
                counts["months_at_risk"] = record.metrics["months_at_risk"]
            else:
                settings = run.settings_of_family()
                record = train_champion(night, outcome, settings, snapshots=run.snapshots, role=run.role)
                counts["training_rows"] = record.metrics["rows"]
            counts["model_version"] = record.model_version
    return run_id
