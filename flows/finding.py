"""Opens a finding on a model, with who settles it until when, or closes one, with who closed it and how."""

from datetime import date
from typing import Self

from prefect import flow
from pydantic import ConfigDict, Field, model_validator

from flows._family import Family
from flows._parameters import Parameters, Portfolio
from tasks.findings import close_finding, open_finding
from tasks.night import end_run, open_run, past_day
from warehouse.connection import writer

OPENING = ("family", "version", "what", "owner", "due")
CLOSING = ("by", "how")


class FindingParameters(Parameters):
    """Parameters of one finding that is opened, or of one that is closed."""

    model_config = ConfigDict(str_strip_whitespace=True)

    portfolio: Portfolio = Field(description="The portfolio of the model")
    family: Family | None = Field(default=None, description="To open: the model family")
    version: str = Field(default="", description="To open: the version, as ops.model_registry names it")
    what: str = Field(
        default="", description="To open: what was found; published, so without names of borrowers"
    )
    owner: str = Field(default="", description="To open: who has to settle it; published")
    due: date | None = Field(default=None, description="To open: the last day on which it is not overdue")
    close: int | None = Field(default=None, ge=1, description="To close: the number of the finding")
    by: str = Field(default="", description="To close: who closes it; published")
    how: str = Field(default="", description="To close: how it was settled; published")
    on: date | None = Field(default=None, description="The day that it was opened or closed; empty = today")

    @model_validator(mode="after")
    def _opens_or_closes(self) -> Self:
        """Refuse a finding that is neither opened nor closed, or both."""
        needed, other = (OPENING, CLOSING) if self.close is None else (CLOSING, OPENING)
        missing = [f"--{name}" for name in needed if not getattr(self, name)]
        surplus = [f"--{name}" for name in other if getattr(self, name)]
        deed = "open a finding" if self.close is None else "close a finding"
        if missing:
            raise ValueError(f"to {deed}, give {', '.join(missing)}")
        if surplus:
            raise ValueError(f"to {deed}, leave {', '.join(surplus)} out")
        return self


@flow(name="finding")
def finding(run: FindingParameters) -> str:
    """Record one finding, or its end; no finding is ever removed, and readers see it at once.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    day = past_day(run.on)
    with writer(purpose=f"finding on a model of {run.portfolio}"):
        run_id = open_run("finding", portfolio=run.portfolio, as_of_date=day, parameters=run)
        with end_run(run_id, at_once=True) as counts:
            if run.close is not None:
                close_finding(run.portfolio, run.close, day=day, by=run.by, how=run.how, run_id=run_id)
            elif run.family is not None and run.due is not None:
                counts["finding"] = open_finding(
                    run.portfolio,
                    run.family,
                    run.version,
                    what=run.what,
                    owner=run.owner,
                    day=day,
                    due=run.due,
                    run_id=run_id,
                )
    return run_id
