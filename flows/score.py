"""Scores one portfolio with the champions of one date, validates the scores and writes them."""

from datetime import date

from prefect import flow
from pydantic import Field

from flows._parameters import Parameters, Partitions, Portfolio, StaleDays, TopFeatures
from flows._task_runner import task_runner
from tasks.lineup import find_lineup
from tasks.night import closed_day, end_run, open_run
from tasks.retain import refuse_older
from tasks.score import score_portfolio
from tasks.summary import show_contributions
from warehouse.connection import writer
from warehouse.night import Night


class ScoreParameters(Parameters):
    """Parameters of one scoring run."""

    portfolio: Portfolio = Field(
        default="lender", description="The portfolio to score; its features of as_of must have been built"
    )
    as_of: date | None = Field(
        default=None, description="The closed day to score; empty = the day before the scheduled start"
    )
    partitions: Partitions = 2
    top_features: TopFeatures = 10
    stale_days: StaleDays = 90


@flow(name="score", task_runner=task_runner())
def score(run: ScoreParameters = ScoreParameters()) -> str:
    """Score a portfolio with the champion of each family that covers it.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    as_of = closed_day(run.as_of)
    with writer(purpose=f"score {run.portfolio} {as_of}"):
        run_id = open_run("score", portfolio=run.portfolio, as_of_date=as_of, parameters=run)
        with end_run(run_id):
            night = Night(run.portfolio, as_of, run_id)
            refuse_older(night)
            lineup = find_lineup(night)
            score_portfolio(
                night,
                lineup,
                partitions=run.partitions,
                top_features=run.top_features,
                stale_days=run.stale_days,
            )
            show_contributions(night, lineup)
    return run_id
