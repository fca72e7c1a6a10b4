"""Gives a registered model another role from a day on, with a reason and the name of who approved it."""

from datetime import date
from typing import Literal

from prefect import flow
from pydantic import ConfigDict, Field

from flows._family import Trained
from flows._parameters import Parameters, Portfolio
from tasks.night import end_run, open_run
from tasks.promote import promote_model
from warehouse.connection import writer


class PromoteParameters(Parameters):
    """Parameters of one promotion: what was approved."""

    model_config = ConfigDict(str_strip_whitespace=True)

    portfolio: Portfolio = Field(description="The portfolio that the model was trained for")
    family: Trained = Field(description="The model family, or pd_curve, the shape of default curves")
    version: str = Field(min_length=1, description="The version, as ops.model_registry names it")
    role: Literal["champion", "challenger", "shadow", "retired"] = Field(
        default="champion", description="The role that it gets"
    )
    effective_from: date = Field(description="First night of the role, not before what the model knows")
    reason: str = Field(min_length=1, description="Why it gets the role")
    approver: str = Field(min_length=1, description="Who approved it")
    former: Literal["challenger", "retired"] = Field(
        default="challenger", description="What the champion becomes whose place is taken"
    )


@flow(name="promote")
def promote(run: PromoteParameters) -> str:
    """Record one approval; nights of effective_from and later follow it, also when they are run again.

    Readers see it at once: the schema ops of the published copy is renewed, its scores stay those of the last night.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    with writer(purpose=f"promote {run.portfolio} {run.family}"):
        run_id = open_run("promote", portfolio=run.portfolio, as_of_date=run.effective_from, parameters=run)
        with end_run(run_id, at_once=True) as counts:
            written = promote_model(
                run.portfolio,
                run.family,
                run.version,
                role=run.role,
                former=run.former,
                effective_from=run.effective_from,
                reason=run.reason,
                approver=run.approver,
                run_id=run_id,
            )
            counts["approvals"] = len(written)
    return run_id
