"""Measures the operational risk paper again and writes figures, pictures and the page that shows them."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Literal, cast

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models.evaluation import out_of_fold
from models.operational_risk.classifier import OperationalRiskClassifier
from models.operational_risk.importance import feature_importance
from models.runner import threads
from models.telling import plots
from papers.operational_risk.experiment import Replication, hypothesis_1, table_4
from papers.operational_risk.page import page
from papers.paper import Paper, Request
from papers.portfolio import labelled_portfolio
from papers.record import kept_figures
from warehouse import matrix, replications
from warehouse.connection import writer
from warehouse.settings import settings

NAME = "operational-risk"
log = logging.getLogger("nightledger")


@task(name="measure again", cache_policy=NO_CACHE)
def measure_again(dataset: str, frame: pl.DataFrame, repeats: int) -> Replication:
    """Measure Table 4 on simulated rows, hypothesis 1 on real ones."""
    experiment = table_4 if dataset == "simulated" else hypothesis_1
    return experiment(
        frame.drop("label"),
        frame["label"].to_numpy(),
        groups=matrix.feature_groups(),
        repeats=repeats,
        runner=threads(settings().threads),
    )


@task(name="draw pictures", cache_policy=NO_CACHE)
def draw_pictures(dataset: str, frame: pl.DataFrame, replication: Replication, folder: Path) -> None:
    """Write the ROC curves of the first repeat and, for Table 4, the importance of a model of all rows."""
    folder.mkdir(parents=True, exist_ok=True)
    curves = {name: out_of_fold(folds) for name, folds in replication.curves.items()}
    roc = plots.roc(curves, title="ROC, first repeat")
    (folder / f"{NAME}-{dataset}-roc.svg").write_text(plots.svg(roc), encoding="utf-8")
    if dataset == "simulated":
        classifier = OperationalRiskClassifier(
            groups=matrix.feature_groups(), runner=threads(settings().threads)
        )
        classifier.fit(frame.drop("label"), frame["label"].to_numpy())
        bars = plots.importance(
            feature_importance(classifier, frame).shares, title="XGBoost, share of splits"
        )
        (folder / f"{NAME}-{dataset}-importance.svg").write_text(plots.svg(bars), encoding="utf-8")


def measure(request: Request) -> int:
    """Measure one data set again, store the figures, renew page and pictures, and return the number of figures."""
    started = time.perf_counter()
    source = cast('Literal["simulated", "cumcm2020c"]', request.dataset)
    portfolio, frame = labelled_portfolio(source, request.run_id, through=request.through)
    log.info("replicate   %s: %s labelled rows, %d repeats", portfolio, f"{frame.height:,}", request.repeats)
    replication = measure_again(request.dataset, frame, request.repeats)
    draw_pictures(request.dataset, frame, replication, request.docs / "images")
    with writer(purpose="record figures") as con:
        replications.record(
            con,
            replication.figures,
            paper=NAME,
            dataset=portfolio,
            protocol=f"{replication.protocol}, {frame.height:,} rows, {int(frame['label'].sum())} defaults",
            table_number=replication.table_number,
            repeats=request.repeats,
            run_id=request.run_id,
        )
        figures = replications.figures(con, paper=NAME)
    figures = kept_figures(figures, docs=request.docs, paper=NAME, experiment=("dataset", "table_number"))
    file = request.docs / f"{NAME}.md"
    file.write_text(page(figures), encoding="utf-8")
    for figure in replication.figures:
        if figure.metric in {"auc", "auc difference"}:
            log.info("replicate   %-50s %s %.3f (%.3f to %.3f)", figure.row_name, figure.metric, *figure[2:5])
    log.info("replicate   %s  %.0f s", file, time.perf_counter() - started)
    return len(replication.figures)


OPERATIONAL_RISK = Paper(
    name=NAME,
    experiments={"simulated": ("honest",), "cumcm2020c": ("honest",)},
    measure=measure,
    datasets_help="simulated (Table 4) or cumcm2020c (hypothesis 1 on real invoices)",
)
