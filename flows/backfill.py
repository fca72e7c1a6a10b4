"""Runs the nights of many dates in order, the oldest first, and goes on where it stopped."""

from datetime import date
from pathlib import Path
from typing import Literal

from prefect import flow
from pydantic import ConfigDict, Field, model_validator

from flows._parameters import Enterprises, Parameters, Portfolio, Seed, StaleDays
from flows._task_runner import task_runner
from flows.nightly import NightlyParameters, nightly
from tasks.backfill import BackfillProgress, days, done_night
from tasks.deliver import portfolio_of
from tasks.night import closed_day, end_run, open_run
from warehouse.errors import Refused
from warehouse.night import Night

OWN = {"first", "last", "again"}


class BackfillParameters(Parameters):
    """Parameters of one backfill: which nights are run, and what each of them does."""

    model_config = ConfigDict(populate_by_name=True)

    first: date = Field(alias="from", description="The first date")
    last: date | None = Field(
        default=None, alias="to", description="The last date; empty = the day before the scheduled start"
    )
    again: bool = Field(default=False, description="Run nights again that are done with the same inputs")
    source: Literal["simulated", "folder"] = Field(
        default="simulated", description="Where the feeds come from: a simulated portfolio, or a folder"
    )
    enterprises: Enterprises = 2000
    seed: Seed = 7
    landing: Path | None = Field(default=None, description="Folder of feeds, for source folder")
    portfolio: Portfolio = Field(default="lender", description="Name of the portfolio, for source folder")
    stale_days: StaleDays = Field(
        default=90,
        description="Who cannot be scored keeps a good score that is at most this many days old; 0 = none",
    )

    @model_validator(mode="after")
    def dates_are_in_order(self) -> "BackfillParameters":
        """Refuse a last date before the first, and what a night would refuse."""
        if self.last is not None and self.last < self.first:
            raise ValueError("--to must not lie before --from")
        self.night(self.first)
        return self

    def night(self, day: date) -> NightlyParameters:
        """Return the parameters of the night of one date."""
        return NightlyParameters(**self.model_dump(exclude=OWN), as_of=day)


@flow(name="backfill", task_runner=task_runner())
def backfill(run: BackfillParameters) -> str:
    """Run one night after the other; each uses the models of its own date and opens the warehouse anew.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.

    Raises:
        Refused: A date is not closed yet, or a night was refused; the line says how to go on.
        RuntimeError: A night failed; the line says how to go on.
    """
    first, last = closed_day(run.first, option="--from"), closed_day(run.last, option="--to")
    portfolio = portfolio_of(run.source, enterprises=run.enterprises, seed=run.seed, portfolio=run.portfolio)
    run_id = open_run("backfill", portfolio=portfolio, as_of_date=last, parameters=run)
    dates = days(first, last)
    progress = BackfillProgress(dates)
    with end_run(run_id) as counts:
        for day in dates:
            parameters = run.night(day)
            done, reason = done_night(Night(portfolio, day, run_id), parameters.model_dump(mode="json"))
            if done is not None and not run.again:
                progress.skip(day, done)
                continue
            progress.begin(day, reason)
            try:
                nightly(run=parameters)
            except Exception as error:
                kind = Refused if isinstance(error, Refused) else RuntimeError
                raise kind(progress.stop_message(day, error)) from error
            finally:
                counts.update(nights=len(dates), run=progress.ran, skipped=progress.skipped)
            progress.finish(day)
        counts.update(nights=len(dates), run=progress.ran, skipped=progress.skipped)
    return run_id
