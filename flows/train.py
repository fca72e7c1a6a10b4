"""Trains a model of one portfolio on what was known by one date, evaluates it and registers it."""

from datetime import date
from typing import Literal

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.families import FAMILIES
from models.family import FamilySettings
from tasks.night import end_run, last_closed_day, open_run
from tasks.train import train_champion
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import Definition, OutcomeDefinition, default_definition
from warehouse.settings import settings

# options that are settings of some families only
OPTIONS = ("learner", "oversample", "profile", "selection", "sensitive")


def families_with(option: str) -> list[str]:
    """Return the families whose settings know an option."""
    return [name for name, family in FAMILIES.items() if option in family.settings.model_fields]


class TrainParameters(BaseModel):
    """What one training run does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    portfolio: str = Field(
        default="lender",
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        description="The portfolio whose feeds have been loaded",
        json_schema_extra={"position": 0},
    )
    as_of: date | None = Field(
        default=None,
        description="Train on what was known by the end of this day; empty = the day before the scheduled start",
        json_schema_extra={"position": 1},
    )
    family: Literal[tuple(FAMILIES)] = Field(
        default="operational_risk",
        description="The model family; voting_ensemble trains on thick files, wide_deep on those and transaction files",
        json_schema_extra={"position": 2},
    )
    learner: Literal["xgboost", "logistic_regression", "svm", "random_forest"] = Field(
        default="xgboost",
        description="The learner at the end of operational_risk's pipeline",
        json_schema_extra={"position": 3},
    )
    definition: Definition | None = Field(
        default=None,
        description="What counts as default; empty = dpd90 (cumcm2020c: cross_section)",
        json_schema_extra={"position": 4},
    )
    horizon_days: int = Field(
        default=365,
        ge=30,
        le=1095,
        description="Within how many days after the snapshot (a cross section has none)",
        json_schema_extra={"position": 5},
    )
    snapshots: int = Field(
        default=1,
        ge=1,
        le=5,
        description="Snapshots, one horizon apart; with two or more the last one calibrates and measures, out of time",
        json_schema_extra={"position": 6},
    )
    role: Literal["champion", "challenger", "shadow"] = Field(
        default="champion", description="What the model is registered for", json_schema_extra={"position": 7}
    )
    oversample: bool = Field(
        default=True, description="SMOTE in the training folds", json_schema_extra={"position": 8}
    )
    profile: Literal["paper", "tuned"] = Field(
        default="paper",
        description="Parameters of voting_ensemble's members: library defaults as in the paper, or searched (slow)",
        json_schema_extra={"position": 9},
    )
    selection: Literal["parsimonious", "paper"] = Field(
        default="parsimonious",
        description="Votes of voting_ensemble: the simplest within noise of the best, or the paper's rule",
        json_schema_extra={"position": 10},
    )
    sensitive: Literal["drop", "use"] = Field(
        default="drop",
        description="Whether wide_deep may see the gender of the legal representative",
        json_schema_extra={"position": 11},
    )

    @model_validator(mode="after")
    def cross_section_has_one_snapshot(self) -> "TrainParameters":
        """Refuse several snapshots of a definition that knows no time."""
        if self.definition == "cross_section" and self.snapshots > 1:
            raise ValueError("--definition cross_section has one snapshot, the date itself")
        return self

    @model_validator(mode="after")
    def options_go_with_their_family(self) -> "TrainParameters":
        """Refuse a choice that the family does not know, rather than ignore it."""
        for name in OPTIONS:
            families = families_with(name)
            if self.family not in families and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(
                    f"--{name} goes with --family {' or '.join(families)}, not with {self.family}"
                )
        return self

    def settings_of_family(self) -> FamilySettings:
        """Return the settings of the model to train."""
        chosen = {name: getattr(self, name) for name in OPTIONS if self.family in families_with(name)}
        return FAMILIES[self.family].settings(**chosen)


@flow(name="train", task_runner=ThreadPoolTaskRunner(max_workers=settings().threads))
def train(run: TrainParameters = TrainParameters()) -> str:
    """Train, evaluate and register one model.

    Args:
        run: What this run does.

    Returns:
        The run's key in ops.run_ledger.
    """
    as_of = run.as_of or last_closed_day()
    with writer(purpose=f"train {run.portfolio} {as_of}"):
        run_id = open_run("train", portfolio=run.portfolio, as_of_date=as_of, parameters=run)
        with end_run(run_id) as counts:
            definition = run.definition or default_definition(run.portfolio)
            record = train_champion(
                Night(run.portfolio, as_of, run_id),
                OutcomeDefinition.of(definition, horizon_days=run.horizon_days),
                run.settings_of_family(),
                snapshots=run.snapshots,
                role=run.role,
            )
            counts["model_version"] = record.model_version
            counts["training_rows"] = record.metrics["rows"]
    return run_id
