"""Measures a paper's experiments again and writes figures, pictures and the page that shows them."""

import logging
import time
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl
from models.evaluation import out_of_fold
from models.operational_risk.classifier import OperationalRiskClassifier
from models.operational_risk.importance import feature_importance
from models.runner import threads
from models.telling import plots
from prefect import task
from prefect.cache_policies import NO_CACHE
from tasks.deliver import Delivery, deliver_feeds
from tasks.features import build_features, build_labels
from tasks.ingest import ingest_landing
from warehouse import matrix, replications
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition, default_definition
from warehouse.settings import settings

from papers.operational_risk.experiment import Replication, hypothesis_1, table_4
from papers.operational_risk.page import page
from papers.record import kept_figures

PAPER = "operational-risk"
HORIZON_DAYS = 365
HISTORY_DAYS = 760  # of the simulated portfolio: two years and a month, as the pages were measured
DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
log = logging.getLogger("nightledger")


def load_dataset(
    dataset: Literal["simulated", "cumcm2020c"], run_id: str, *, through: date
) -> tuple[Delivery, pl.DataFrame]:
    """Deliver and load a data set, build its snapshot and return the labelled rows."""
    world = {"history_days": HISTORY_DAYS} if dataset == "simulated" else None
    delivery = deliver_feeds(source=dataset, enterprises=5000, through=through, world=world)
    portfolio, as_of = delivery.portfolio, delivery.as_of_default
    ingest_landing(delivery.landing, portfolio, run_id)
    outcome = OutcomeDefinition.of(default_definition(portfolio), horizon_days=HORIZON_DAYS)
    (day,) = outcome.snapshot_dates(as_of)
    snapshot = Night(portfolio, day, run_id)
    build_features(snapshot)
    build_labels(snapshot, outcome, known_by=as_of)
    with writer(purpose="read labelled rows") as con:
        frame = matrix.training_matrix(con, portfolio=portfolio, snapshot_dates=(day,), outcome=outcome)
    return delivery, frame


@task(name="measure again", cache_policy=NO_CACHE)
def measure_again(dataset: str, frame: pl.DataFrame, repeats: int) -> Replication:
    """Run the experiment of one data set: Table 4 on simulated rows, hypothesis 1 on real ones."""
    experiment = table_4 if dataset == "simulated" else hypothesis_1
    labels = frame["label"].to_numpy()
    return experiment(
        frame.drop("label"),
        labels,
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
    (folder / f"{PAPER}-{dataset}-roc.svg").write_text(plots.svg(roc), encoding="utf-8")
    if dataset == "simulated":
        classifier = OperationalRiskClassifier(
            groups=matrix.feature_groups(), runner=threads(settings().threads)
        )
        classifier.fit(frame.drop("label"), frame["label"].to_numpy())
        bars = plots.importance(feature_importance(classifier), title="XGBoost, share of splits")
        (folder / f"{PAPER}-{dataset}-importance.svg").write_text(plots.svg(bars), encoding="utf-8")


def replicate_paper(
    dataset: Literal["simulated", "cumcm2020c"], *, repeats: int, through: date, docs: Path, run_id: str
) -> int:
    """Measure one data set again, store the figures, renew page and pictures, and return the number of figures."""
    started = time.perf_counter()
    delivery, frame = load_dataset(dataset, run_id, through=through)
    log.info("replicate   %s: %s labelled rows, %d repeats", delivery.portfolio, f"{frame.height:,}", repeats)
    replication = measure_again(dataset, frame, repeats)
    draw_pictures(dataset, frame, replication, docs / "images")
    with writer(purpose="record figures") as con:
        replications.record(
            con,
            replication.figures,
            paper=PAPER,
            dataset=delivery.portfolio,
            protocol=f"{replication.protocol}, {frame.height:,} rows, {int(frame['label'].sum())} defaults",
            table_number=replication.table_number,
            repeats=repeats,
            run_id=run_id,
        )
        figures = replications.figures(con, paper=PAPER)
    figures = kept_figures(figures, docs=docs, paper=PAPER, experiment=("dataset", "table_number"))
    (docs / f"{PAPER}.md").write_text(page(figures), encoding="utf-8")
    for figure in replication.figures:
        if figure.metric in {"auc", "auc difference"}:
            log.info("replicate   %-50s %s %.3f (%.3f to %.3f)", figure.row_name, figure.metric, *figure[2:5])
    log.info("replicate   %s  %.0f s", docs / f"{PAPER}.md", time.perf_counter() - started)
    return len(replication.figures)
