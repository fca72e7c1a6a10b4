"""Measures the Wide & Deep paper again, seed by seed; each is stored when done, so that a killed run goes on."""

import hashlib
import json
import logging
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple

import polars as pl
from models.fingerprint import fingerprint
from models.schema import schema_of
from models.telling import plots
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.utilities.annotations import quote
from tasks.progress import Progress
from warehouse import replications
from warehouse.connection import writer

from papers.record import kept_figures
from papers.wide_deep.experiment import POINTS, Point, Sample, figure_2_seed, table_2_seed
from papers.wide_deep.page import page
from papers.wide_deep.plots import differences, sensitivity
from papers.wide_deep.rows import PaperRows, load_rows
from papers.wide_deep.summary import summarised
from papers.wide_deep.tables import table_2

PAPER = "wide-and-deep"
SEED = 7
LIBRARIES = ("torch", "lightgbm", "numpy", "scikit-learn")
CODE = ("wide_deep_replication", "thresholds", "boosted_rows", "wide_deep", "wide_deep_network", "wide_deep_training",
        "wide_deep_steps", "wide_deep_preparation", "wide_slots", "deep_numbers")  # fmt: skip
log = logging.getLogger("nightledger")


class Experiment(NamedTuple):
    """What is measured under one name: Table 2 of a sample, or one point of figure 2."""

    protocol: str
    sample: Sample
    mark: str
    point: Point | None = None


@task(name="measure seed", task_run_name="{protocol} seed {seed}", cache_policy=NO_CACHE)
def measure_seed(protocol: str, seed: int, *, experiment: Experiment, dataset: str, run_id: str) -> str:
    """Measure one seed of an experiment, store its figures and return what it was."""
    sample, point = experiment.sample, experiment.point
    measured = (
        table_2_seed(sample, seed=SEED + seed)
        if point is None
        else figure_2_seed(sample, point, seed=SEED + seed)
    )
    figures = list(measured)
    with writer(purpose="store seed") as con:
        replications.record_fold(
            con,
            figures,
            paper=PAPER,
            dataset=dataset,
            protocol=protocol,
            fingerprint=experiment.mark,
            repeat=seed,
            fold=0,
            run_id=run_id,
        )
    return f"{protocol}, seed {seed + 1}"


def replicate_wide_deep(
    dataset: str,
    protocol: str,
    *,
    sensitive: Literal["drop", "use"],
    repeats: int,
    through: date,
    docs: Path,
    run_id: str,
) -> int:
    """Measure what is not stored yet of a data set, summarise, renew the page and return the number of figures."""
    started = time.perf_counter()
    rows = load_rows(dataset, run_id, sensitive=sensitive, through=through)
    experiments = _experiments(rows, protocol)
    left = [
        (experiment, seed)
        for experiment in experiments
        for seed in range(repeats)
        if seed not in set(_stored(rows.name, experiment)["repeat"])
    ]
    wanted = len(experiments) * repeats
    log.info("replicate   %s, %s: %d of %d seeds to measure", rows.name, protocol, len(left), wanted)
    _measure(left, dataset=rows.name, run_id=run_id)
    number = sum(_record(rows, experiment, repeats=repeats, run_id=run_id) for experiment in experiments)
    renew_page(docs)
    log.info("replicate   %s  %.0f s", docs / f"{PAPER}.md", time.perf_counter() - started)
    return number


def renew_page(docs: Path) -> None:
    """Write page and pictures from the figures in ops.replication and those of other warehouses in the record."""
    with writer(purpose="read figures") as con:
        figures = replications.figures(con, paper=PAPER)
    figures = kept_figures(figures, docs=docs, paper=PAPER)
    images = docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    charts = {"differences": differences(figures), "sensitivity": sensitivity(figures)}
    for name, chart in charts.items():
        if chart is not None:
            (images / f"{PAPER}-{name}.svg").write_text(plots.svg(chart), encoding="utf-8")
    (docs / f"{PAPER}.md").write_text(page(figures), encoding="utf-8")


def _experiments(rows: PaperRows, protocol: str) -> list[Experiment]:
    """Return Table 2 of every sample, or the points of figure 2 on the first."""
    marks = {name: _mark(sample) for name, sample in rows.samples.items()}
    if protocol == "honest":
        return [Experiment(name, sample, marks[name]) for name, sample in rows.samples.items()]
    name, sample = next(iter(rows.samples.items()))
    return [Experiment(f"{what} {value:g}", sample, marks[name], (what, value)) for what, value in POINTS]


def _stored(dataset: str, experiment: Experiment) -> pl.DataFrame:
    """Return what is stored of an experiment with the same rows, settings, code and libraries."""
    with writer(purpose="read seeds") as con:
        return replications.folds(
            con,
            paper=PAPER,
            dataset=dataset,
            protocol=experiment.protocol,
            fingerprint=experiment.mark,
        )


def _measure(left: list[tuple[Experiment, int]], *, dataset: str, run_id: str) -> None:
    """Measure seeds side by side and say how far it is after each."""
    progress = Progress("replicate   measuring seeds")
    futures = [
        measure_seed.submit(
            experiment.protocol, seed, experiment=quote(experiment), dataset=dataset, run_id=run_id
        )
        for experiment, seed in left
    ]
    for number, future in enumerate(as_completed(futures), start=1):
        progress(number, len(left), future.result())


def _record(rows: PaperRows, experiment: Experiment, *, repeats: int, run_id: str) -> int:
    """Replace the means of an experiment by those of its first seeds and return how many there are."""
    every = _stored(rows.name, experiment).filter(pl.col("repeat") < repeats)
    tables: dict[str, list[Any]] = dict(
        summarised(every, table_2() if rows.name.startswith("simulated") else {})
    )
    labels = experiment.sample.labels
    told = {"rows": float(len(labels)), "positives": float(labels.sum()), **rows.counts}
    if experiment.point is None:
        tables["data"] = [(name, "count", value, value, value, None) for name, value in told.items()]
    with writer(purpose="record figures") as con:
        for table, figures in tables.items():
            replications.record(
                con,
                figures,
                paper=PAPER,
                dataset=rows.name,
                protocol=experiment.protocol,
                table_number=table,
                repeats=repeats,
                run_id=run_id,
                beside_other_protocols=True,
            )
    for row, metric, mean, low, high, _ in tables.get("2, rate chosen", ()):
        if metric == "auc":
            log.info(
                "replicate   %s  %-28s auc %.3f (%.3f to %.3f)", experiment.protocol, row, mean, low, high
            )
    return sum(len(figures) for figures in tables.values())


def _mark(sample: Sample) -> str:
    """Return a hash over rows, settings, code and libraries: seeds of anything else are measured again."""
    models = Path(plots.__file__).parent
    parts = [
        fingerprint(sample.frame, sample.labels, schema=schema_of(sample.frame)),
        sample.settings.model_dump_json(),
        json.dumps([sample.positive_share, sample.forms, sample.rates]),
        *(hashlib.sha256((models / f"{name}.py").read_bytes()).hexdigest() for name in CODE),
        *(f"{library} {version(library)}" for library in LIBRARIES),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
