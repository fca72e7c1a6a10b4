"""Gives a registered model another role from a day on, with a reason and the name of who approved it."""

from datetime import date
from typing import Literal

from prefect import flow
from pydantic import BaseModel, ConfigDict, Field

from tasks.night import end_run, open_run
from tasks.promote import promote_model
from warehouse.connection import writer


class PromoteParameters(BaseModel):
    """What was approved."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    portfolio: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        description="The portfolio that the model was trained for",
        json_schema_extra={"position": 0},
    )
    family: Literal["operational_risk", "voting_ensemble", "wide_deep"] = Field(
        description="The model family", json_schema_extra={"position": 1}
    )
    version: str = Field(
        min_length=1,
        description="The version, as ops.model_registry names it",
        json_schema_extra={"position": 2},
    )
    role: Literal["champion", "challenger", "shadow", "retired"] = Field(
        default="champion", description="The role that it gets", json_schema_extra={"position": 3}
    )
    effective_from: date = Field(
        description="First night of the role, not before what the model knows",
        json_schema_extra={"position": 4},
    )
    reason: str = Field(min_length=1, description="Why it gets the role", json_schema_extra={"position": 5})
    approver: str = Field(min_length=1, description="Who approved it", json_schema_extra={"position": 6})
    former: Literal["challenger", "retired"] = Field(
        default="challenger",
        description="What the champion becomes whose place is taken",
        json_schema_extra={"position": 7},
    )


@flow(name="promote")
def promote(run: PromoteParameters) -> str:
    """Record one approval; nights of effective_from and later follow it, also when they are run again.

    Args:
        run: What was approved.

    Returns:
        The run's key in ops.run_ledger.
    """
    with writer(purpose=f"promote {run.portfolio} {run.family}"):
        run_id = open_run("promote", portfolio=run.portfolio, as_of_date=run.effective_from, parameters=run)
        with end_run(run_id) as counts:
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
