"""Measures the Wide & Deep paper again, seed by seed; each is stored when done, so that a killed run goes on."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.utilities.annotations import quote

import models.wide_deep
from models import evaluation, metrics
from models.telling import plots
from papers import wide_deep
from papers.fold_key import fold_key
from papers.paper import Paper, Request
from papers.record import kept_figures
from papers.wide_deep.data_sets import DATA_SETS, PaperRows
from papers.wide_deep.experiment import POINTS, RATE_CHOSEN, Point, Sample, figure_2_seed, table_2_seed
from papers.wide_deep.page import page
from papers.wide_deep.plots import differences, sensitivity
from papers.wide_deep.summary import summarised
from papers.wide_deep.tables import table_2
from tasks.progress import Progress
from warehouse import replications
from warehouse.connection import writer

NAME = "wide-and-deep"
SEED = 7
LIBRARIES = ("torch", "lightgbm", "numpy", "scikit-learn")
CODE = (models.wide_deep, evaluation, metrics, wide_deep.experiment, wide_deep.boosting, wide_deep.thresholds)
log = logging.getLogger("nightledger")


class Experiment(NamedTuple):
    """Table 2 of a sample, or one point of figure 2: figures that are stored under one name and key."""

    protocol: str
    sample: Sample
    key: str
    point: Point | None = None


@task(name="measure seed", task_run_name="{protocol} seed {seed}", cache_policy=NO_CACHE)
def measure_seed(protocol: str, seed: int, *, experiment: Experiment, dataset: str, run_id: str) -> str:
    """Measure one seed of an experiment, store its figures and return its name."""
    sample, point = experiment.sample, experiment.point
    figures = list(
        table_2_seed(sample, seed=SEED + seed)
        if point is None
        else figure_2_seed(sample, point, seed=SEED + seed)
    )
    with writer(purpose="store seed") as con:
        replications.record_fold(
            con,
            figures,
            paper=NAME,
            dataset=dataset,
            protocol=protocol,
            fingerprint=experiment.key,
            repeat=seed,
            fold=0,
            run_id=run_id,
        )
    return f"{protocol}, seed {seed + 1}"


def measure(request: Request) -> int:
    """Measure the seeds that are not stored yet, summarise, renew the page and return the number of figures."""
    started = time.perf_counter()
    rows = DATA_SETS[request.dataset].load(request)
    experiments = _experiments(rows, request.protocol)
    missing = [
        (experiment, seed)
        for experiment in experiments
        for seed in range(request.repeats)
        if seed not in set(_stored(rows.name, experiment)["repeat"])
    ]
    log.info(
        "replicate   %s, %s: %d of %d seeds to measure",
        rows.name, request.protocol, len(missing), len(experiments) * request.repeats,
    )  # fmt: skip
    _measure(missing, dataset=rows.name, run_id=request.run_id)
    count = sum(
        _record(rows, experiment, repeats=request.repeats, run_id=request.run_id)
        for experiment in experiments
    )
    renew_page(request.docs)
    log.info("replicate   %s  %.0f s", request.docs / f"{NAME}.md", time.perf_counter() - started)
    return count


def renew_page(docs: Path) -> None:
    """Write page and pictures from the figures in ops.replication and those of other warehouses in the record."""
    with writer(purpose="read figures") as con:
        figures = replications.figures(con, paper=NAME)
    figures = kept_figures(figures, docs=docs, paper=NAME)
    images = docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    charts = {"differences": differences(figures), "sensitivity": sensitivity(figures)}
    for name, chart in charts.items():
        if chart is not None:
            (images / f"{NAME}-{name}.svg").write_text(plots.svg(chart), encoding="utf-8")
    (docs / f"{NAME}.md").write_text(page(figures), encoding="utf-8")


def _experiments(rows: PaperRows, protocol: str) -> list[Experiment]:
    """Return Table 2 of every sample, or the points of figure 2 on the first."""
    if protocol == "honest":
        return [Experiment(name, sample, _key(sample)) for name, sample in rows.samples.items()]
    sample = next(iter(rows.samples.values()))
    key = _key(sample)
    return [Experiment(f"{setting} {value:g}", sample, key, (setting, value)) for setting, value in POINTS]


def _stored(dataset: str, experiment: Experiment) -> pl.DataFrame:
    """Return the figures that are stored under an experiment's key."""
    with writer(purpose="read seeds") as con:
        return replications.folds(
            con,
            paper=NAME,
            dataset=dataset,
            protocol=experiment.protocol,
            fingerprint=experiment.key,
        )


def _measure(missing: list[tuple[Experiment, int]], *, dataset: str, run_id: str) -> None:
    """Measure seeds side by side and log progress after each."""
    progress = Progress("replicate   measuring seeds")
    futures = [
        measure_seed.submit(  # type: ignore[call-overload] # quote keeps Prefect from looking into the rows
            experiment.protocol, seed, experiment=quote(experiment), dataset=dataset, run_id=run_id
        )
        for experiment, seed in missing
    ]
    for number, future in enumerate(as_completed(futures), start=1):
        progress(number, len(missing), future.result())


def _record(rows: PaperRows, experiment: Experiment, *, repeats: int, run_id: str) -> int:
    """Replace the means of an experiment by those of its first seeds and return how many there are."""
    seeds = _stored(rows.name, experiment).filter(pl.col("repeat") < repeats)
    tables: dict[str, list[Any]] = dict(
        summarised(seeds, table_2() if rows.name.startswith("simulated") else {})
    )
    labels = experiment.sample.labels
    counts = {"rows": float(len(labels)), "positives": float(labels.sum()), **rows.counts}
    if experiment.point is None:
        tables["data"] = [(name, "count", value, value, value, None) for name, value in counts.items()]
    with writer(purpose="record figures") as con:
        for table, figures in tables.items():
            replications.record(
                con,
                figures,
                paper=NAME,
                dataset=rows.name,
                protocol=experiment.protocol,
                table_number=table,
                repeats=repeats,
                run_id=run_id,
                beside_other_protocols=True,
            )
    for row, metric, mean, low, high, _ in tables.get(RATE_CHOSEN, ()):
        if metric == "auc":
            log.info(
                "replicate   %s  %-28s auc %.3f (%.3f to %.3f)", experiment.protocol, row, mean, low, high
            )
    return sum(len(figures) for figures in tables.values())


def _key(sample: Sample) -> str:
    """Return the key under which the seeds of a sample are stored."""
    return fold_key(
        sample.frame,
        sample.labels,
        settings=[
            sample.settings.model_dump_json(),
            json.dumps([sample.positive_share, sample.forms, sample.rates]),
        ],
        code=CODE,
        libraries=LIBRARIES,
    )


WIDE_AND_DEEP = Paper(
    name=NAME,
    experiments={name: data_set.protocols for name, data_set in DATA_SETS.items()},
    measure=measure,
    datasets_help="simulated at the paper's size, sba or taiwan_default",
    protocols_help="Table 2 (honest), or figure 2 on the simulated rows (sensitivity)",
    sensitive_datasets=("taiwan_default",),
)
