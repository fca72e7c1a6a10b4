"""Stresses a scored night: what it would lose in a severe year and under delivered scenarios, by grade and sector."""

from datetime import date

from prefect import flow
from pydantic import Field

from flows._parameters import Parameters, Portfolio
from models.stress import StressSettings
from tasks.night import closed_day, end_run, open_run
from tasks.stress import last_night, stress_night
from warehouse.connection import writer
from warehouse.night import Night


class _OfNight(Parameters):
    """The night; apart, so that it comes before the settings on the form."""

    portfolio: Portfolio = Field(default="lender", description="The portfolio; it must have been scored")
    as_of: date | None = Field(
        default=None, description="The scored night; empty = the last one of the portfolio"
    )


class StressParameters(StressSettings, _OfNight):
    """Parameters of one stress of a night."""


@flow(name="stress")
def stress(run: StressParameters = StressParameters()) -> str:
    """Stress one scored night; readers see its losses at once, in ops and in marts.mart_stress.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    asked = None if run.as_of is None else closed_day(run.as_of)
    with writer(purpose=f"stress {run.portfolio}"):
        as_of = asked or last_night(run.portfolio)
        run_id = open_run("stress", portfolio=run.portfolio, as_of_date=as_of, parameters=run)
        with end_run(run_id, at_once=True) as counts:
            night = Night(run.portfolio, as_of, run_id)
            how = StressSettings(**run.model_dump(include=set(StressSettings.model_fields)))
            counts["borrowers"] = stress_night(night, how)
    return run_id
