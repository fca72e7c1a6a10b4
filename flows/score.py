"""Scores one portfolio with the champions of one date, validates the scores and writes them."""

from datetime import date

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict, Field

from tasks.lineup import find_lineup
from tasks.night import end_run, last_closed_day, open_run
from tasks.score import score_portfolio
from tasks.summary import show_contributions
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.settings import settings


class ScoreParameters(BaseModel):
    """What one scoring run does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    portfolio: str = Field(
        default="lender",
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        description="The portfolio to score; its features of as_of must have been built",
        json_schema_extra={"position": 0},
    )
    as_of: date | None = Field(
        default=None,
        description="The closed day to score; empty = the day before the scheduled start",
        json_schema_extra={"position": 1},
    )
    partitions: int = Field(
        default=2,
        ge=1,
        le=64,
        description="How many parts are scored in parallel",
        json_schema_extra={"position": 2},
    )
    top_features: int = Field(
        default=10,
        ge=1,
        le=500,
        description="How many contributions are stored for a score; the rest is summed as other",
        json_schema_extra={"position": 3},
    )
    stale_days: int = Field(
        default=90,
        ge=0,
        le=366,
        description="Who cannot be scored tonight keeps a good score that is at most this many days old; 0 = none",
        json_schema_extra={"position": 4},
    )


@flow(name="score", task_runner=ThreadPoolTaskRunner(max_workers=settings().threads))
def score(run: ScoreParameters = ScoreParameters()) -> str:
    """Score a portfolio with the champion of each family that covers it.

    Args:
        run: What this run does.

    Returns:
        The run's key in ops.run_ledger.
    """
    as_of = run.as_of or last_closed_day()
    with writer(purpose=f"score {run.portfolio} {as_of}"):
        run_id = open_run("score", portfolio=run.portfolio, as_of_date=as_of, parameters=run)
        with end_run(run_id):
            night = Night(run.portfolio, as_of, run_id)
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
