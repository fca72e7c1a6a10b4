"""Writes the feed files of a source into the landing zone, and only what is not there yet."""

from datetime import date
from pathlib import Path
from typing import Literal

from prefect import flow
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.deliver import deliver_feeds


class DeliverParameters(BaseModel):
    """What one delivery writes, and where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Literal["simulated", "cumcm2020c"] = Field(
        default="simulated",
        description="Where the feeds come from: a simulated portfolio, or the real invoices of cumcm2020c",
        json_schema_extra={"position": 0},
    )
    enterprises: int = Field(
        default=2000,
        ge=100,
        le=1_000_000,
        description="Size of the simulated portfolio",
        json_schema_extra={"position": 1},
    )
    seed: int = Field(
        default=7,
        ge=0,
        le=2**31 - 1,
        description="Seed of the simulated portfolio",
        json_schema_extra={"position": 2},
    )
    through: date | None = Field(
        default=None,
        description="Last day that the simulated files cover; empty = the day before the scheduled start",
        json_schema_extra={"position": 3},
    )
    landing: Path | None = Field(
        default=None,
        description="Folder to write to; empty = NIGHTLEDGER_HOME/landing/<portfolio>",
        json_schema_extra={"position": 4},
    )

    @model_validator(mode="after")
    def through_goes_with_simulated(self) -> "DeliverParameters":
        """Refuse a last day for a data set that is delivered whole."""
        if self.source == "cumcm2020c" and self.through is not None:
            raise ValueError("--through goes with --source simulated; cumcm2020c is delivered whole")
        return self


@flow(name="deliver")
def deliver(run: DeliverParameters = DeliverParameters()) -> str:
    """Write a source's feed files.

    Args:
        run: What this delivery writes.

    Returns:
        The folder that holds the feeds.
    """
    delivery = deliver_feeds(
        source=run.source,
        enterprises=run.enterprises,
        seed=run.seed,
        through=run.through,
        landing=run.landing,
    )
    return str(delivery.landing)
