"""Measures the voting ensemble's tables again, fold by fold; each is stored when done, so that a killed run goes on."""

import hashlib
import json
import logging
import time
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import polars as pl
from models.evaluation import Split, repeated_folds
from models.feature_choice import choose_features
from models.feature_groups import TABLE_1_GROUPS
from models.fingerprint import fingerprint
from models.metrics import Labels
from models.schema import schema_of
from models.telling import plots
from models.voting_ensemble.classifier import ENHANCED, ENHANCED_GROUPS
from models.voting_ensemble.settings import VotingEnsembleSettings
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.utilities.annotations import quote
from tasks.progress import Progress
from warehouse import matrix, replications
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.settings import settings

from papers import public_sets
from papers.operational_risk.run import load_dataset
from papers.record import kept_figures
from papers.voting_ensemble.experiment import FoldFigure, Matrix, honest_fold, said_after_smote
from papers.voting_ensemble.leaky import leaky_fold
from papers.voting_ensemble.page import page
from papers.voting_ensemble.recipes import tuned_fold
from papers.voting_ensemble.summary import summarised
from papers.voting_ensemble.tables import published_figures

PAPER = "voting-ensemble"
FOLDS = 5
SEED = 7
LIBRARIES = ("scikit-learn", "imbalanced-learn", "xgboost", "lightgbm", "numpy", "scipy")
CODE = ("ensemble_replication", "bagged_smote", "bags", "members", "candidates", "voting", "selection", "out_of_fold",
        "standard_preparation", "calibration", "levels")  # fmt: skip
CODE_OF = {"honest": (), "tuned": ("ensemble_recipes",), "leaky": ("ensemble_protocols",)}
log = logging.getLogger("nightledger")


class Rows(NamedTuple):
    """A data set: name, features, labels and, where some are enhanced, the features without those."""

    name: str
    frame: pl.DataFrame
    labels: Labels
    without: pl.DataFrame | None


@task(name="measure fold", task_run_name="{protocol} repeat {repeat} fold {fold}", cache_policy=NO_CACHE)
def measure_fold(
    protocol: str, repeat: int, fold: int, *, rows: Rows, split: Split, keep: dict[str, Any]
) -> tuple[int, int]:
    """Measure one test fold, store its figures and return which it was."""
    name, frame, labels, without = rows
    _, _, train, test = split
    ensemble = VotingEnsembleSettings(random_state=SEED + repeat)
    figures: Iterable[FoldFigure]
    if protocol == "honest":
        refit = _refit(rows, split, ensemble)
        figures = honest_fold(frame, labels, train, test, settings=ensemble, without=without, refit=refit)
    elif protocol == "tuned":
        figures = tuned_fold(frame, labels, train, test, settings=ensemble)
    else:
        refit = _refit(rows, split, ensemble)
        leaks = leaky_fold(frame, labels, train, test, fold=fold, settings=ensemble, refit=refit)
        figures = [
            figure._replace(row_name=f"{switch}: {figure.row_name}")
            for switch, some in leaks.items()
            for figure in some
        ]
    with writer(purpose="store fold") as con:
        replications.record_fold(
            con, list(figures), paper=PAPER, dataset=name, protocol=protocol, repeat=repeat, fold=fold, **keep
        )
    return repeat, fold


def _refit(rows: Rows, split: Split, ensemble: VotingEnsembleSettings) -> tuple[Matrix, Matrix]:
    """Return what the members after bagged SMOTE say of a test fold; the two protocols that ask fit them once."""
    repeat, fold, train, test = split
    kept = settings().home / "replication" / f"{_mark(rows.frame, rows.labels, CODE)}-{repeat}-{fold}.npz"
    if kept.exists():
        with np.load(kept) as stored:
            return stored["own"], stored["taken"]
    own, taken = said_after_smote(rows.frame, rows.labels, train, test, settings=ensemble)
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(f".{uuid4().hex}.npz")
    np.savez(part, own=own, taken=taken)
    part.rename(kept)
    return own, taken


def load_rows(dataset: str, run_id: str, *, through: date) -> Rows:
    """Return a data set; of the simulated ledger, its thick files."""
    if dataset != "simulated":
        try:
            found = public_sets.load(settings().data_dir, dataset)
        except ValueError as error:
            raise Refused(str(error)) from error
        return Rows(found.name, found.frame, found.labels, None)
    delivery, rows = load_dataset("simulated", run_id, through=through)
    thick, groups = rows.filter(coverage="thick"), matrix.feature_groups()
    names, _ = choose_features(thick, groups=groups, wanted=TABLE_1_GROUPS, windows=("all",))
    frame = thick.select(names)
    enhanced = [name for name in names if name in ENHANCED or groups[name] in ENHANCED_GROUPS]
    labels = thick["label"].cast(pl.Int64).to_numpy()
    return Rows(f"{delivery.portfolio}, thick files", frame, labels, frame.drop(enhanced))


def replicate_ensemble(
    dataset: str, protocol: str, *, repeats: int, through: date, docs: Path, run_id: str
) -> int:
    """Measure what is not stored yet of a data set, summarise, renew the page and return the number of figures."""
    started = time.perf_counter()
    loaded = load_rows(dataset, run_id, through=through)
    name, frame, labels, _ = loaded
    splits = repeated_folds(labels, folds=FOLDS, repeats=repeats, random_state=SEED)
    mark = _mark(frame, labels, (*CODE, *CODE_OF[protocol]))
    key = {"paper": PAPER, "dataset": name, "protocol": protocol}
    with writer(purpose="read folds") as con:
        stored = replications.folds(con, **key, fingerprint=mark)
    done = set(stored.select("repeat", "fold").unique().iter_rows())
    left = [split for split in splits if split[:2] not in done]
    log.info(
        "replicate   %s, %s: %s rows, %d of %d folds to measure",
        name, protocol, f"{frame.height:,}", len(left), len(splits),
    )  # fmt: skip
    _measure(left, protocol, loaded, {"fingerprint": mark, "run_id": run_id})
    with writer(purpose="record figures") as con:
        every = replications.folds(con, **key, fingerprint=mark).filter(pl.col("repeat") < repeats)
        tables = summarised(every, published_figures(name))
        for table, rows in tables.items():
            replications.record(
                con,
                rows,
                **key,
                table_number=table,
                repeats=repeats,
                run_id=run_id,
                beside_other_protocols=True,
            )
        figures = replications.figures(con, paper=PAPER)
    figures = kept_figures(figures, docs=docs, paper=PAPER)
    (docs / "images").mkdir(parents=True, exist_ok=True)
    picture = plots.svg(plots.beside_published(figures))
    (docs / "images" / f"{PAPER}.svg").write_text(picture, encoding="utf-8")
    (docs / f"{PAPER}.md").write_text(page(figures), encoding="utf-8")
    for table, rows in tables.items():
        for row, metric, mean, low, high, published in rows:
            if metric == "auc":
                beside = "" if published is None else f"  published {published:.3f}"
                told = (table, row, mean, low, high, beside)
                log.info("replicate   table %s  %-45s auc %.3f (%.3f to %.3f)%s", *told)
    log.info("replicate   %s  %.0f s", docs / f"{PAPER}.md", time.perf_counter() - started)
    return sum(len(rows) for rows in tables.values())


def _measure(left: list[Split], protocol: str, rows: Rows, keep: dict[str, Any]) -> None:
    """Measure folds side by side and say how far it is after each."""
    progress = Progress("replicate   measuring folds")
    futures = [
        measure_fold.submit(protocol, *split[:2], rows=quote(rows), split=quote(split), keep=keep)
        for split in left
    ]
    for number, future in enumerate(as_completed(futures), start=1):
        repeat, fold = future.result()
        progress(number, len(left), f"repeat {repeat + 1} fold {fold + 1}")


def _mark(frame: pl.DataFrame, labels: Labels, code: tuple[str, ...]) -> str:
    """Return a hash over rows, settings, code and libraries: folds of anything else are measured again."""
    models = Path(plots.__file__).parent
    parts = [fingerprint(frame, labels, schema=schema_of(frame)), VotingEnsembleSettings().model_dump_json()]
    parts += [hashlib.sha256((models / f"{name}.py").read_bytes()).hexdigest() for name in code]
    parts += [f"{library} {version(library)}" for library in LIBRARIES]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
