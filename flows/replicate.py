"""Measures a paper's experiments again, side by side with the published figures, and renews their page."""

from datetime import date
from pathlib import Path
from typing import Literal

from prefect import flow
from pydantic import BaseModel, ConfigDict, Field

from tasks.night import end_run, open_run
from tasks.replicate import DOCS, replicate_paper
from warehouse.connection import writer


class ReplicateParameters(BaseModel):
    """What one replication does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    paper: Literal["operational-risk"] = Field(
        default="operational-risk", description="The paper", json_schema_extra={"position": 0}
    )
    dataset: Literal["simulated", "cumcm2020c"] = Field(
        default="simulated",
        description="simulated: Table 4 on 5,000 enterprises; cumcm2020c: hypothesis 1 on real invoices",
        json_schema_extra={"position": 1},
    )
    repeats: int = Field(
        default=10,
        ge=1,
        le=100,
        description="Splits (simulated), or repeats of five folds (cumcm2020c)",
        json_schema_extra={"position": 2},
    )
    through: date = Field(
        default=date(2026, 6, 30),
        description="Last simulated day; fixed, so that the figures can be had again",
        json_schema_extra={"position": 3},
    )
    docs: Path = Field(
        default=DOCS, description="Folder that receives page and pictures", json_schema_extra={"position": 4}
    )


@flow(name="replicate")
def replicate(run: ReplicateParameters = ReplicateParameters()) -> str:
    """Measure one data set again.

    Args:
        run: What this replication does.

    Returns:
        The run's key in ops.run_ledger.
    """
    with writer(purpose=f"replicate {run.paper} {run.dataset}"):
        run_id = open_run("replicate", portfolio=run.dataset, as_of_date=None, parameters=run)
        with end_run(run_id) as counts:
            counts["figures"] = replicate_paper(
                run.dataset, repeats=run.repeats, through=run.through, docs=run.docs, run_id=run_id
            )
    return run_id
