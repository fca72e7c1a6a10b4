"""Measures the voting ensemble's paper again, fold by fold; each is stored when done, so that a killed run goes on."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from types import ModuleType
from typing import NamedTuple
from uuid import uuid4

import numpy as np
import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.utilities.annotations import quote

import models.voting_ensemble
from models import calibration, evaluation, metrics
from models.evaluation import Split, repeated_folds
from models.feature_choice import choose_features
from models.feature_groups import TABLE_1_GROUPS
from models.metrics import Labels
from models.telling import plots
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.voting_ensemble.vif import ENHANCED, ENHANCED_GROUPS
from papers import public_sets, voting_ensemble
from papers.fold_key import fold_key
from papers.paper import Paper, Request
from papers.portfolio import labelled_portfolio
from papers.record import kept_figures
from papers.voting_ensemble.experiment import FoldFigure, Matrix, honest_fold, scores_after_smote
from papers.voting_ensemble.leaky import leaky_fold
from papers.voting_ensemble.page import page
from papers.voting_ensemble.recipes import tuned_fold
from papers.voting_ensemble.summary import summarised
from papers.voting_ensemble.tables import published_figures
from tasks.progress import Progress
from warehouse import matrix, replications
from warehouse.connection import writer
from warehouse.settings import settings

NAME = "voting-ensemble"
DATASETS = ("simulated", "Polish 1", "Polish 2", "Polish 3", "Australian", "Taiwan")
FOLDS = 5
SEED = 7
PAPER = VotingEnsembleSettings(profile="paper", oversample=True)
LIBRARIES = ("scikit-learn", "imbalanced-learn", "xgboost", "lightgbm", "numpy", "scipy")
HONEST_CODE: tuple[ModuleType, ...] = (
    models.voting_ensemble, calibration, evaluation, metrics, voting_ensemble.experiment, voting_ensemble.tables,
)  # fmt: skip
CODE = {
    "honest": HONEST_CODE,
    "tuned": (*HONEST_CODE, voting_ensemble.recipes),
    "leaky": (*HONEST_CODE, voting_ensemble.leaky),
}
log = logging.getLogger("nightledger")


class DataSet(NamedTuple):
    """A data set: name, features, labels and, where some are enhanced, the features without those."""

    name: str
    frame: pl.DataFrame
    labels: Labels
    without: pl.DataFrame | None


@task(name="measure fold", task_run_name="{protocol} repeat {repeat} fold {fold}", cache_policy=NO_CACHE)
def measure_fold(
    protocol: str, repeat: int, fold: int, *, data: DataSet, split: Split, key: str, run_id: str
) -> tuple[int, int]:
    """Measure one test fold, store its figures and return its numbers."""
    name, frame, labels, without = data
    _, _, train, test = split
    ensemble = PAPER.model_copy(update={"random_state": SEED + repeat})
    figures: Iterable[FoldFigure]
    if protocol == "honest":
        after_smote = _scores_after_smote(data, split, ensemble)
        figures = honest_fold(
            frame, labels, train, test, settings=ensemble, without=without, after_smote=after_smote
        )
    elif protocol == "tuned":
        figures = tuned_fold(frame, labels, train, test, settings=ensemble)
    else:
        after_smote = _scores_after_smote(data, split, ensemble)
        by_switch = leaky_fold(
            frame, labels, train, test, fold=fold, settings=ensemble, after_smote=after_smote
        )
        figures = [
            figure._replace(row_name=f"{switch}: {figure.row_name}")
            for switch, own_figures in by_switch.items()
            for figure in own_figures
        ]
    with writer(purpose="store fold") as con:
        replications.record_fold(
            con,
            list(figures),
            paper=NAME,
            dataset=name,
            protocol=protocol,
            fingerprint=key,
            repeat=repeat,
            fold=fold,
            run_id=run_id,
        )
    return repeat, fold


def _scores_after_smote(
    data: DataSet, split: Split, ensemble: VotingEnsembleSettings
) -> tuple[Matrix, Matrix]:
    """Return the members' scores of a test fold after bagged SMOTE; two protocols ask, and they are fitted once."""
    repeat, fold, train, test = split
    file = settings().home / "replication" / f"{_key(data, 'honest')}-{repeat}-{fold}.npz"
    if file.exists():
        with np.load(file) as stored:
            return stored["probabilities"], stored["votes"]
    probabilities, votes = scores_after_smote(data.frame, data.labels, train, test, settings=ensemble)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f".{uuid4().hex}.npz")
    np.savez(partial, probabilities=probabilities, votes=votes)
    partial.rename(file)
    return probabilities, votes


def load_rows(request: Request) -> DataSet:
    """Return a data set; of the simulated ledger, its thick files."""
    if request.dataset != "simulated":
        public = public_sets.load(settings().data_dir, request.dataset)
        return DataSet(public.name, public.frame, public.labels, None)
    portfolio, rows = labelled_portfolio("simulated", request.run_id, through=request.through)
    thick, groups = rows.filter(coverage="thick"), matrix.feature_groups()
    names, _ = choose_features(thick, groups=groups, wanted=TABLE_1_GROUPS, windows=("all",))
    frame = thick.select(names)
    enhanced = [name for name in names if name in ENHANCED or groups[name] in ENHANCED_GROUPS]
    labels = thick["label"].cast(pl.Int64).to_numpy()
    return DataSet(f"{portfolio}, thick files", frame, labels, frame.drop(enhanced))


def measure(request: Request) -> int:
    """Measure the folds that are not stored yet, summarise, renew the page and return the number of figures."""
    started = time.perf_counter()
    data, protocol = load_rows(request), request.protocol
    splits = repeated_folds(data.labels, folds=FOLDS, repeats=request.repeats, random_state=SEED)
    experiment_key = {"paper": NAME, "dataset": data.name, "protocol": protocol}
    key = _key(data, protocol)
    with writer(purpose="read folds") as con:
        stored = replications.folds(con, **experiment_key, fingerprint=key)
    done = set(stored.select("repeat", "fold").unique().iter_rows())
    missing = [split for split in splits if split[:2] not in done]
    log.info(
        "replicate   %s, %s: %s rows, %d of %d folds to measure",
        data.name, protocol, f"{data.frame.height:,}", len(missing), len(splits),
    )  # fmt: skip
    _measure(missing, protocol, data, key=key, run_id=request.run_id)
    with writer(purpose="record figures") as con:
        folds = replications.folds(con, **experiment_key, fingerprint=key)
        rows_by_table = summarised(
            folds.filter(pl.col("repeat") < request.repeats), published_figures(data.name)
        )
        for table, rows in rows_by_table.items():
            replications.record(
                con,
                rows,
                **experiment_key,
                table_number=table,
                repeats=request.repeats,
                run_id=request.run_id,
                beside_other_protocols=True,
            )
        figures = replications.figures(con, paper=NAME)
    figures = kept_figures(figures, docs=request.docs, paper=NAME)
    (request.docs / "images").mkdir(parents=True, exist_ok=True)
    picture = plots.svg(plots.beside_published(figures))
    (request.docs / "images" / f"{NAME}.svg").write_text(picture, encoding="utf-8")
    file = request.docs / f"{NAME}.md"
    file.write_text(page(figures), encoding="utf-8")
    for table, rows in rows_by_table.items():
        for row, metric, mean, low, high, published in rows:
            if metric == "auc":
                suffix = "" if published is None else f"  published {published:.3f}"
                span = (mean, low, high, suffix)
                log.info("replicate   table %s  %-45s auc %.3f (%.3f to %.3f)%s", table, row, *span)
    log.info("replicate   %s  %.0f s", file, time.perf_counter() - started)
    return sum(len(rows) for rows in rows_by_table.values())


def _measure(missing: list[Split], protocol: str, data: DataSet, *, key: str, run_id: str) -> None:
    """Measure folds side by side and log progress after each."""
    progress = Progress("replicate   measuring folds")
    futures = [
        measure_fold.submit(  # type: ignore[call-overload] # quote keeps Prefect from looking into the rows
            protocol, *split[:2], data=quote(data), split=quote(split), key=key, run_id=run_id
        )
        for split in missing
    ]
    for number, future in enumerate(as_completed(futures), start=1):
        repeat, fold = future.result()
        progress(number, len(missing), f"repeat {repeat + 1} fold {fold + 1}")


def _key(data: DataSet, protocol: str) -> str:
    """Return the key under which the folds of a protocol are stored."""
    return fold_key(
        data.frame,
        data.labels,
        settings=[PAPER.model_dump_json()],
        code=CODE[protocol],
        libraries=LIBRARIES,
    )


VOTING_ENSEMBLE = Paper(
    name=NAME,
    experiments=dict.fromkeys(DATASETS, ("honest", "tuned", "leaky")),
    measure=measure,
    datasets_help="simulated or one of the paper's public sets",
    protocols_help="everything inside training rows; our best recipe likewise; suspected shortcuts",
)
