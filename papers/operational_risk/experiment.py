"""The operational risk paper's experiments: Table 4, and its first hypothesis on real invoices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from models.evaluation import (
    Fold,
    Split,
    cross_validate,
    difference,
    repeated_folds,
    repeated_holdouts,
    summarise,
)
from models.metrics import METRICS, Labels
from models.operational_risk.classifier import OperationalRiskClassifier
from models.operational_risk.learners import PUBLISHED_NAMES, Learner
from models.operational_risk.settings import OperationalRiskSettings
from models.runner import Runner
from papers.operational_risk.tables import published_table_4

OPERATIONAL = ("consistency", "dependency", "digital_intensity", "latency", "turnover", "behaviour")
FEATURE_SETS: dict[str, tuple[str, ...]] = {
    "operational": OPERATIONAL,
    "operational and recency": (*OPERATIONAL, "recency"),
    "volume": ("volume",),
    "operational and volume": (*OPERATIONAL, "volume"),
    "all three": (*OPERATIONAL, "recency", "volume"),
}
DIFFERENCES = (
    ("operational", "volume"),
    ("operational and recency", "volume"),
    ("operational and volume", "volume"),
    ("all three", "operational and volume"),
)
HYPOTHESIS_LEARNERS: tuple[Learner, ...] = ("logistic_regression", "xgboost")


class Figure(NamedTuple):
    """One measured figure, with the published one where there is one."""

    row_name: str
    metric: str
    mean: float
    low: float
    high: float
    published: float | None


class Replication(NamedTuple):
    """The figures of one experiment, and the first repeat's folds of each row, for plots."""

    protocol: str
    table_number: str
    figures: tuple[Figure, ...]
    curves: dict[str, tuple[Fold, ...]]


def table_4(
    frame: pl.DataFrame, labels: Labels, *, groups: Mapping[str, str], repeats: int, runner: Runner
) -> Replication:
    """Measure the four learners by the paper's protocol: 20% held out, SMOTE and grid search in the rest.

    Parameters
    ----------
    frame : polars.DataFrame of shape (n_samples, n_columns)
    labels : ndarray of shape (n_samples,)
    groups : mapping of column to group
    repeats : int
        Random stratified splits; the paper has one.
    runner : Runner
    """
    splits = repeated_holdouts(labels, test_share=0.2, repeats=repeats, random_state=7)
    published = published_table_4()
    figures: list[Figure] = []
    curves: dict[str, tuple[Fold, ...]] = {}
    for learner, name in PUBLISHED_NAMES.items():
        folds = _folds(
            OperationalRiskSettings(learner=learner),
            frame,
            labels,
            groups=groups,
            splits=splits,
            runner=runner,
        )
        figures += _figures(name, folds, published[name])
        curves[name] = tuple(fold for fold in folds if fold.repeat == 0)
    return Replication(f"{repeats} stratified splits, 20% held out", "4", tuple(figures), curves)


def hypothesis_1(
    frame: pl.DataFrame, labels: Labels, *, groups: Mapping[str, str], repeats: int, runner: Runner
) -> Replication:
    """Measure operational vectors against static volume on features of the known history, paired by fold.

    Parameters
    ----------
    frame, labels, groups, runner : see `table_4`
    repeats : int
        Repeats of five stratified folds; a borrower is one row.
    """
    splits = repeated_folds(labels, folds=5, repeats=repeats, random_state=7)
    figures: list[Figure] = []
    curves: dict[str, tuple[Fold, ...]] = {}
    for learner in HYPOTHESIS_LEARNERS:
        folds_by_set: dict[str, tuple[Fold, ...]] = {}
        for name, feature_groups in FEATURE_SETS.items():
            settings = OperationalRiskSettings(
                learner=learner, feature_groups=feature_groups, windows=("all",)
            )
            folds_by_set[name] = _folds(settings, frame, labels, groups=groups, splits=splits, runner=runner)
            figures += _figures(f"{name}, {PUBLISHED_NAMES[learner]}", folds_by_set[name], {})
        for left, right in DIFFERENCES:
            interval = difference(folds_by_set[left], folds_by_set[right], METRICS["auc"])
            figures.append(
                Figure(f"{left} less {right}, {PUBLISHED_NAMES[learner]}", "auc difference", *interval, None)
            )
        if learner == "xgboost":
            curves = {
                name: tuple(fold for fold in folds if fold.repeat == 0)
                for name, folds in folds_by_set.items()
            }
    return Replication(f"{repeats} x 5 stratified folds", "hypothesis 1", tuple(figures), curves)


def _folds(
    settings: OperationalRiskSettings,
    frame: pl.DataFrame,
    labels: Labels,
    *,
    groups: Mapping[str, str],
    splits: tuple[Split, ...],
    runner: Runner,
) -> tuple[Fold, ...]:
    """Score the test part of each split."""
    estimator = OperationalRiskClassifier(settings=settings, groups=groups)
    return cross_validate(estimator, frame, labels, splits, runner=runner)


def _figures(name: str, folds: tuple[Fold, ...], published: Mapping[str, float]) -> list[Figure]:
    """Return every measure of one row."""
    return [Figure(name, metric, *span, published.get(metric)) for metric, span in summarise(folds).items()]
