"""Writes the feed files of a source into the landing zone, and only what is not there yet."""

from datetime import date
from pathlib import Path
from typing import Any, Literal

from prefect import flow
from pydantic import Field, model_validator

from flows._parameters import Enterprises, Parameters, Seed
from sources.simulated_incidents import Incidents
from tasks.deliver import deliver_feeds
from tasks.night import closed_day


class DeliverParameters(Parameters):
    """Parameters of one delivery."""

    source: Literal["simulated", "cumcm2020c"] = Field(
        default="simulated",
        description="Where the feeds come from: a simulated portfolio, or the real invoices of cumcm2020c",
    )
    enterprises: Enterprises = 2000
    seed: Seed = 7
    through: date | None = Field(
        default=None,
        description="Last day that the simulated files cover; empty = the day before the scheduled start",
    )
    landing: Path | None = Field(
        default=None, description="Folder to write to; empty = NIGHTLEDGER_HOME/landing/<portfolio>"
    )

    history_days: int | None = Field(
        default=None,
        ge=30,
        le=3650,
        description="Simulated: days of history before the first delivery; empty = 1125, or as the folder has it",
    )
    incidents: Incidents = Field(
        default=Incidents(),
        description="Simulated: what goes wrong on the way; later deliveries into the folder keep to it",
    )

    @model_validator(mode="after")
    def options_go_with_simulated(self) -> "DeliverParameters":
        """Refuse what would change a data set that is delivered whole."""
        for name in ("through", "history_days", "incidents"):
            if self.source == "cumcm2020c" and getattr(self, name) != type(self).model_fields[name].default:
                option = name.replace("_", "-")
                raise ValueError(f"--{option} goes with --source simulated; cumcm2020c is delivered whole")
        return self

    def world(self) -> dict[str, Any] | None:
        """Return the settings of the simulated portfolio that this run gives, or None if it gives none."""
        settings = {"history_days": self.history_days} if self.history_days is not None else {}
        if self.incidents != Incidents():
            return {**settings, "incidents": self.incidents}
        return settings or None


@flow(name="deliver")
def deliver(run: DeliverParameters = DeliverParameters()) -> str:
    """Write a source's feed files.

    Args:
        run: The parameters of this delivery.

    Returns:
        The folder that holds the feeds.
    """
    delivery = deliver_feeds(
        source=run.source,
        enterprises=run.enterprises,
        seed=run.seed,
        through=closed_day(run.through, option="--through"),
        landing=run.landing,
        world=run.world(),
    )
    return str(delivery.landing)
