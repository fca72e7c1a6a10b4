"""Records a review of a model, what came of it, and when the next one is due."""

from datetime import date

from prefect import flow
from pydantic import ConfigDict, Field

from flows._family import Family
from flows._parameters import Parameters, Portfolio
from tasks.findings import record_review
from tasks.night import end_run, open_run, past_day
from warehouse.connection import writer


class ReviewParameters(Parameters):
    """Parameters of one review of a model."""

    model_config = ConfigDict(str_strip_whitespace=True)

    portfolio: Portfolio = Field(description="The portfolio that the model was trained for")
    family: Family = Field(description="The model family")
    version: str = Field(min_length=1, description="The version, as ops.model_registry names it")
    reviewer: str = Field(min_length=1, description="Who reviewed it; published")
    result: str = Field(min_length=1, description="What came of it; published, so without names of borrowers")
    next: date = Field(description="The last day on which the next review is not overdue")
    on: date | None = Field(default=None, description="The day of the review; empty = today")


@flow(name="review")
def review(run: ReviewParameters) -> str:
    """Record one review; the next is due as it says until another one is recorded, and readers see it at once.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    day = past_day(run.on)
    with writer(purpose=f"review of {run.portfolio} {run.family}"):
        run_id = open_run("review", portfolio=run.portfolio, as_of_date=day, parameters=run)
        with end_run(run_id, at_once=True):
            record_review(
                run.portfolio,
                run.family,
                run.version,
                day=day,
                reviewer=run.reviewer,
                result=run.result,
                next_on=run.next,
                run_id=run_id,
            )
    return run_id
