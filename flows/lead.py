"""Lets a model family lead coverage classes from a day on, with a reason and the name of who approved it."""

from datetime import date
from typing import Annotated, Literal, Self

from prefect import flow
from pydantic import ConfigDict, Field, model_validator

from flows._family import Family
from flows._parameters import Parameters, Portfolio
from models.champion_rule import COVERAGES
from models.families import FAMILIES
from tasks.lead import choose_leader
from tasks.night import end_run, open_run
from warehouse.connection import writer

Coverage = Literal[COVERAGES]


class LeadParameters(Parameters):
    """Parameters of one choice of who leads: what was approved."""

    model_config = ConfigDict(str_strip_whitespace=True)

    portfolio: Portfolio = Field(description="The portfolio whose headline PDs the family shall give")
    family: Family = Field(
        description="The model family, with the classes that it covers: "
        + "; ".join(f"{name} ({', '.join(family.covers)})" for name, family in FAMILIES.items())
    )
    classes: Annotated[tuple[Coverage, ...], Field(min_length=1)] = Field(
        description="The coverage classes that it leads, one or several with commas between them"
    )
    effective_from: date = Field(description="First night that it leads them, when it has a champion")
    reason: str = Field(min_length=1, description="Why it leads them")
    approver: str = Field(min_length=1, description="Who approved it")

    @model_validator(mode="after")
    def _covers_each_class_once(self) -> Self:
        """Refuse a class that the family cannot score, or one that is named twice."""
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("--classes names a class twice")
        covers = FAMILIES[self.family].covers
        for coverage in self.classes:
            if coverage not in covers:
                raise ValueError(
                    f"--classes {coverage}: {self.family} scores {' and '.join(covers)} files only"
                )
        return self


@flow(name="lead")
def lead(run: LeadParameters) -> str:
    """Record one approval; nights of effective_from and later follow it, also when they are run again.

    Readers see it at once: the schema ops of the published copy is renewed, its scores stay those of the last night.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    with writer(purpose=f"lead {run.portfolio} {run.family}"):
        run_id = open_run("lead", portfolio=run.portfolio, as_of_date=run.effective_from, parameters=run)
        with end_run(run_id, at_once=True) as counts:
            choices = choose_leader(
                run.portfolio,
                run.family,
                run.classes,
                effective_from=run.effective_from,
                reason=run.reason,
                approver=run.approver,
                run_id=run_id,
            )
            counts["approvals"] = len(choices)
    return run_id
