"""Builds the feature tables of one portfolio as known on one date."""

from datetime import date

from prefect import flow
from pydantic import Field, model_validator

from flows._parameters import HorizonDays, Parameters, Portfolio
from flows._task_runner import task_runner
from tasks.features import build_features
from tasks.labels import build_labels
from tasks.night import closed_day, end_run, open_run
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import Definition, OutcomeDefinition


class FeaturesParameters(Parameters):
    """Parameters of one feature build."""

    portfolio: Portfolio = Field(default="lender", description="The portfolio whose feeds have been loaded")
    as_of: date | None = Field(
        default=None, description="The closed day to describe; empty = the day before the scheduled start"
    )
    definition: Definition | None = Field(
        default=None, description="Also build labels under this definition of default; empty = features only"
    )
    horizon_days: HorizonDays = Field(default=365, description="Labels: within how many days after as_of")
    known_by: date | None = Field(
        default=None,
        description="Labels: outcomes known by the end of this day; empty = the day before the start",
    )

    @model_validator(mode="after")
    def known_by_goes_with_labels(self) -> "FeaturesParameters":
        """Refuse a known_by that nothing would use or that lies before as_of."""
        if self.known_by is not None and self.definition is None:
            raise ValueError("--known-by goes with --definition")
        if self.known_by is not None and self.as_of is not None and self.known_by < self.as_of:
            raise ValueError("--known-by must not lie before --as-of")
        return self


@flow(name="features", task_runner=task_runner())
def features(run: FeaturesParameters = FeaturesParameters()) -> str:
    """Build features, and labels where a definition is given.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    as_of, known_by = closed_day(run.as_of), closed_day(run.known_by, option="--known-by")
    with writer(purpose=f"features {run.portfolio} {as_of}"):
        run_id = open_run("features", portfolio=run.portfolio, as_of_date=as_of, parameters=run)
        with end_run(run_id) as counts:
            night = Night(run.portfolio, as_of, run_id)
            counts["enterprises"] = build_features(night)
            if run.definition is not None:
                outcome = OutcomeDefinition.of(run.definition, horizon_days=run.horizon_days)
                counts["labels"] = build_labels(night, outcome, known_by=known_by)
    return run_id
