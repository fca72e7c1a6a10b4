"""Moves older nights from the warehouse to Parquet, or puts one of them back; scores and readings stay for ever."""

from datetime import date
from typing import Self

from prefect import flow
from pydantic import Field, model_validator

from flows._parameters import Parameters, Portfolio
from tasks.night import end_run, open_run
from tasks.retain import put_night_back, retain_nights
from warehouse.connection import writer
from warehouse.retention import KEPT_NIGHTS


class RetainParameters(Parameters):
    """Parameters of one retention."""

    portfolio: Portfolio | None = Field(
        default=None, description="The portfolio whose nights are moved; empty = every portfolio"
    )
    keep_nights: int = Field(
        default=KEPT_NIGHTS,
        ge=KEPT_NIGHTS,
        le=10_000,
        description="How many of the last scored nights stay; the last of each month and those trained on stay too",
    )
    bring_back: date | None = Field(
        default=None, description="Move nothing, put this night of the portfolio back into the warehouse"
    )

    @model_validator(mode="after")
    def one_portfolio_comes_back(self) -> Self:
        """Refuse to put a night back of which the portfolio is not named."""
        if self.bring_back is not None and self.portfolio is None:
            raise ValueError("--bring-back needs --portfolio")
        return self


@flow(name="retain")
def retain(run: RetainParameters = RetainParameters()) -> str:
    """Move contributions, changes, counts in bins and features of older nights to files, verified before they go.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    with writer(purpose="retain"):
        run_id = open_run(
            "retain", portfolio=run.portfolio or "all", as_of_date=run.bring_back, parameters=run
        )
        with end_run(run_id) as counts:
            if run.bring_back is not None and run.portfolio is not None:
                counts.update(put_night_back(run_id, run.portfolio, run.bring_back))
            else:
                counts.update(retain_nights(run_id, run.portfolio, keep_nights=run.keep_nights))
    return run_id
