"""Measures a paper's experiments again, side by side with the published figures, and renews their page."""

from datetime import date
from pathlib import Path
from typing import Literal

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict, Field, model_validator

from papers.catalogue import PAPERS
from papers.paper import Request
from papers.record import DOCS
from tasks.night import end_run, open_run
from warehouse.connection import writer
from warehouse.settings import settings

DATASETS = tuple(dict.fromkeys(name for paper in PAPERS.values() for name in paper.experiments))
PROTOCOLS = tuple(dict.fromkeys(name for paper in PAPERS.values() for name in paper.protocols))


class ReplicateParameters(BaseModel):
    """Parameters of one replication."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    paper: Literal[*PAPERS] = Field(
        default="operational-risk", description="The paper", json_schema_extra={"position": 0}
    )
    dataset: Literal[*DATASETS] = Field(
        default="simulated",
        description="; ".join(f"{paper.name}: {paper.datasets_help}" for paper in PAPERS.values()),
        json_schema_extra={"position": 1},
    )
    protocol: Literal[*PROTOCOLS] = Field(
        default="honest",
        description="; ".join(
            f"{paper.name}: {paper.protocols_help}" for paper in PAPERS.values() if paper.protocols_help
        ),
        json_schema_extra={"position": 2},
    )
    repeats: int = Field(
        default=10,
        ge=1,
        le=100,
        description="Splits (operational-risk on simulated, wide-and-deep), or repeats of five folds; "
        "what was measured before is kept",
        json_schema_extra={"position": 3},
    )
    sensitive: Literal["drop", "use"] = Field(
        default="drop",
        description="wide-and-deep on taiwan_default: whether the card holder's sex enters",
        json_schema_extra={"position": 4},
    )
    through: date = Field(
        default=date(2026, 6, 30),
        description="Last simulated day; fixed, so that the figures can be had again",
        json_schema_extra={"position": 5},
    )
    docs: Path = Field(
        default=DOCS, description="Folder that receives page and pictures", json_schema_extra={"position": 6}
    )

    @model_validator(mode="after")
    def paper_has_the_experiment(self) -> "ReplicateParameters":
        """Refuse a data set, a protocol or a sensitive column that the paper does not have."""
        paper = PAPERS[self.paper]
        for option, value, allowed in (
            ("dataset", self.dataset, paper.experiments),
            ("protocol", self.protocol, paper.protocols),
        ):
            if value not in allowed:
                raise ValueError(
                    f"--paper {self.paper} goes with --{option} {', '.join(allowed)}; {value} is not one of them"
                )
        if self.protocol not in paper.experiments[self.dataset]:
            datasets = [name for name, protocols in paper.experiments.items() if self.protocol in protocols]
            raise ValueError(f"--protocol {self.protocol} goes with --dataset {', '.join(datasets)} only")
        if self.sensitive == "use" and self.dataset not in paper.sensitive_datasets:
            choices = [
                f"--paper {other.name} --dataset {name}"
                for other in PAPERS.values()
                for name in other.sensitive_datasets
            ]
            raise ValueError(f"--sensitive use goes with {' or '.join(choices)} only")
        return self


@flow(name="replicate", task_runner=ThreadPoolTaskRunner(max_workers=settings().threads))
def replicate(run: ReplicateParameters = ReplicateParameters()) -> str:
    """Measure one data set again.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.
    """
    with writer(purpose=f"replicate {run.paper} {run.dataset}"):
        run_id = open_run("replicate", portfolio=run.dataset, as_of_date=None, parameters=run)
        with end_run(run_id) as counts:
            request = Request(**run.model_dump(exclude={"paper"}), run_id=run_id)
            counts["figures"] = PAPERS[run.paper].measure(request)
    return run_id
