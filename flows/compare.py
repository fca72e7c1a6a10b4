"""Splits the difference of every headline PD between two scored nights into data, model, calibration and coverage."""

from datetime import date
from typing import Self

from prefect import flow
from pydantic import Field, model_validator

from flows._parameters import Parameters, Portfolio, TopFeatures
from flows._task_runner import task_runner
from tasks.changes import compare_nights, night_before
from tasks.night import closed_day, end_run, open_run
from warehouse.connection import writer
from warehouse.night import Night


class CompareParameters(Parameters):
    """Parameters of one comparison of two nights."""

    portfolio: Portfolio = Field(default="lender", description="The portfolio whose nights have been scored")
    as_of: date | None = Field(
        default=None, description="The later night; empty = the day before the scheduled start"
    )
    against: date | None = Field(
        default=None,
        description="The earlier night; empty = the last one that was scored before the later one",
    )
    top_features: TopFeatures = Field(
        default=10, description="How many features are kept for a borrower; the rest is summed as other"
    )

    @model_validator(mode="after")
    def against_comes_first(self) -> Self:
        """Refuse two nights in the wrong order."""
        if self.as_of is not None and self.against is not None and self.against >= self.as_of:
            raise ValueError("--against must lie before --as-of")
        return self


@flow(name="compare", task_runner=task_runner())
def compare(run: CompareParameters = CompareParameters()) -> str:
    """Compare two nights; readers see the result with the next publication.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    as_of = closed_day(run.as_of)
    closed_day(run.against, option="--against")
    with writer(purpose=f"compare {run.portfolio} {as_of}"):
        run_id = open_run("compare", portfolio=run.portfolio, as_of_date=as_of, parameters=run)
        with end_run(run_id) as counts:
            night = Night(run.portfolio, as_of, run_id)
            against = run.against or night_before(night)
            counts.update(compare_nights(night, against, top_features=run.top_features))
    return run_id
