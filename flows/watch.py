"""Watches one scored night: stability, performance, calibration, alerts and fairness as rows."""

from datetime import date

from prefect import flow
from pydantic import Field

from flows._parameters import Parameters, Portfolio
from models.watching.settings import WatchSettings
from tasks.night import closed_day, end_run, open_run
from tasks.watch import watch_portfolio
from warehouse.connection import writer
from warehouse.night import Night


class WatchParameters(Parameters):
    """Parameters of one run of the watch."""

    portfolio: Portfolio = Field(
        default="lender", description="The portfolio to watch; it must have been scored for as_of"
    )
    as_of: date | None = Field(
        default=None, description="The scored night; empty = the day before the scheduled start"
    )
    limits: WatchSettings = Field(
        default=WatchSettings(), description="Limits, sizes and the cut-off of the watch"
    )


@flow(name="watch")
def watch(run: WatchParameters = WatchParameters()) -> str:
    """Watch one scored night; its readings, alerts and fairness figures are replaced whole.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    as_of = closed_day(run.as_of)
    with writer(purpose=f"watch {run.portfolio} {as_of}"):
        run_id = open_run("watch", portfolio=run.portfolio, as_of_date=as_of, parameters=run)
        with end_run(run_id) as counts:
            counts.update(watch_portfolio(Night(run.portfolio, as_of, run_id), limits=run.limits))
    return run_id
