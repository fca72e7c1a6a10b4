"""Runs the gates again on what is stored and shows what failed; nothing is scored or published."""

from datetime import date
from typing import Literal

from prefect import flow
from pydantic import Field

from flows._parameters import Parameters, Portfolio
from tasks.night import closed_day, end_run, open_run
from tasks.retain import refuse_older
from tasks.validate import validate_features, validate_feeds
from warehouse.connection import writer
from warehouse.night import Night


class ValidateParameters(Parameters):
    """Parameters of one validation."""

    portfolio: Portfolio = Field(default="lender", description="The portfolio whose stored rows are judged")
    as_of: date | None = Field(
        default=None,
        description="The closed day whose features are judged; empty = the day before the scheduled start",
    )
    gate: Literal["feeds", "features", "both"] = Field(
        default="both", description="Which gates run; bad rows of feeds go to quarantine as in a night"
    )


@flow(name="validate")
def validate(run: ValidateParameters = ValidateParameters()) -> str:
    """Judge stored feeds and features again, whatever their earlier verdicts.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    as_of = closed_day(run.as_of)
    with writer(purpose=f"validate {run.portfolio} {as_of}"):
        run_id = open_run("validate", portfolio=run.portfolio, as_of_date=as_of, parameters=run)
        with end_run(run_id):
            night = Night(run.portfolio, as_of, run_id)
            if run.gate != "features":
                validate_feeds(night, again=True)
            if run.gate != "feeds":
                refuse_older(night)
                validate_features(night)
    return run_id
