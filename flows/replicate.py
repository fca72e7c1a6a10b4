"""Measures a paper's experiments again, side by side with the published figures, and renews their page."""

from datetime import date
from pathlib import Path
from typing import Literal

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict, Field, model_validator

from papers.operational_risk.run import DOCS, replicate_paper
from papers.voting_ensemble.run import replicate_ensemble
from papers.wide_deep.run import replicate_wide_deep
from tasks.night import end_run, open_run
from warehouse.connection import writer
from warehouse.settings import settings

DATASETS = {
    "operational-risk": ("simulated", "cumcm2020c"),
    "voting-ensemble": ("simulated", "Polish 1", "Polish 2", "Polish 3", "Australian", "Taiwan"),
    "wide-and-deep": ("simulated", "sba", "taiwan_default"),
}
PROTOCOLS = {
    "operational-risk": ("honest",),
    "voting-ensemble": ("honest", "tuned", "leaky"),
    "wide-and-deep": ("honest", "sensitivity"),
}


class ReplicateParameters(BaseModel):
    """What one replication does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    paper: Literal["operational-risk", "voting-ensemble", "wide-and-deep"] = Field(
        default="operational-risk", description="The paper", json_schema_extra={"position": 0}
    )
    dataset: Literal[
        "simulated",
        "cumcm2020c",
        "Polish 1",
        "Polish 2",
        "Polish 3",
        "Australian",
        "Taiwan",
        "sba",
        "taiwan_default",
    ] = Field(
        default="simulated",
        description="operational-risk: simulated (Table 4) or cumcm2020c (hypothesis 1 on real invoices); "
        "voting-ensemble: simulated or one of the paper's public sets; "
        "wide-and-deep: simulated at the paper's size, sba or taiwan_default",
        json_schema_extra={"position": 1},
    )
    protocol: Literal["honest", "tuned", "leaky", "sensitivity"] = Field(
        default="honest",
        description="voting-ensemble: everything inside training rows; our best recipe likewise; suspected shortcuts; "
        "wide-and-deep: Table 2 (honest), or figure 2 on the simulated rows (sensitivity)",
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
    def paper_has_the_dataset(self) -> "ReplicateParameters":
        """Refuse a data set that is not the paper's, and a protocol that it does not know."""
        if self.dataset not in DATASETS[self.paper]:
            known = ", ".join(DATASETS[self.paper])
            raise ValueError(
                f"--paper {self.paper} goes with --dataset {known}; {self.dataset} is not one of them"
            )
        if self.protocol not in PROTOCOLS[self.paper]:
            known = ", ".join(PROTOCOLS[self.paper])
            raise ValueError(
                f"--paper {self.paper} goes with --protocol {known}; {self.protocol} is not one of them"
            )
        if self.protocol == "sensitivity" and self.dataset != "simulated":
            raise ValueError(
                "--protocol sensitivity goes with --dataset simulated, where figure 2 is measured"
            )
        if self.sensitive == "use" and (self.paper, self.dataset) != ("wide-and-deep", "taiwan_default"):
            raise ValueError("--sensitive use goes with --paper wide-and-deep --dataset taiwan_default only")
        return self


@flow(name="replicate", task_runner=ThreadPoolTaskRunner(max_workers=settings().threads))
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
            if run.paper == "wide-and-deep":
                counts["figures"] = replicate_wide_deep(
                    run.dataset,
                    run.protocol,
                    sensitive=run.sensitive,
                    repeats=run.repeats,
                    through=run.through,
                    docs=run.docs,
                    run_id=run_id,
                )
            elif run.paper == "voting-ensemble":
                counts["figures"] = replicate_ensemble(
                    run.dataset,
                    run.protocol,
                    repeats=run.repeats,
                    through=run.through,
                    docs=run.docs,
                    run_id=run_id,
                )
            else:
                counts["figures"] = replicate_paper(
                    run.dataset, repeats=run.repeats, through=run.through, docs=run.docs, run_id=run_id
                )
    return run_id
