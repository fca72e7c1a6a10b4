"""Search a grid over stratified folds, preparing and oversampling each training fold only once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from models.evaluation import repeated_folds
from models.metrics import Labels, Scores, auc
from models.monotone import Signs, hold, signs_of
from models.operational_risk.learners import Grid, raw_probability
from models.runner import Job, Runner


class GridPoint(NamedTuple):
    """One point of the grid and its mean AUC over the folds."""

    parameters: dict[str, Any]
    mean_auc: float


class PreparedFold(NamedTuple):
    """A training fold, prepared and oversampled, with its test fold, which is prepared only."""

    train: Scores
    train_labels: Labels
    test: Scores
    test_labels: Labels
    signs: Signs


def grid_search(
    frame: pl.DataFrame,
    labels: Labels,
    *,
    preparation: Any,
    oversampler: Any,
    learner: Any,
    grid: Grid,
    folds: int,
    random_state: int,
    runner: Runner,
    borrowers: Sequence[str] | None = None,
    directions: Mapping[str, int] | None = None,
) -> tuple[GridPoint, ...]:
    """Return every point of the grid with its mean AUC, in the order of the grid.

    The result is that of scikit-learn's ``GridSearchCV`` over a pipeline of the three steps; since the grid
    concerns the learner only, the first two steps are not repeated for each point.

    Parameters
    ----------
    frame : polars.DataFrame of shape (n_samples, n_features)
    labels : ndarray of shape (n_samples,)
    preparation : unfitted transformer of frames
    oversampler : sampler, or None
    learner : unfitted classifier
    grid : values to try for each parameter of the learner
    folds : int
        Stratified and shuffled.
    random_state : int
    runner : Runner
        Runs the preparations, then the fits.
    borrowers : sequence of str, optional
        Borrower of each row; all rows of a borrower go to one fold.
    directions : mapping of str to int, optional
        Directions of features that the learner is held to.
    """
    folded = repeated_folds(labels, folds=folds, repeats=1, random_state=random_state, borrowers=borrowers)
    splits = [(train, test) for _, _, train, test in folded]

    def prepare(split: tuple[Any, Any]) -> PreparedFold:
        train, test = split
        fitted = clone(preparation).fit(frame[train])
        rows, row_labels = fitted.transform(frame[train]), labels[train]
        if oversampler is not None:
            rows, row_labels = clone(oversampler).fit_resample(rows, row_labels)
        signs = signs_of(fitted.feature_names_out_, directions or {})
        return PreparedFold(rows, row_labels, fitted.transform(frame[test]), labels[test], signs)

    def score(candidate: dict[str, Any], fold: PreparedFold) -> float:
        unfitted = hold(clone(learner).set_params(**candidate), fold.signs)
        fitted = unfitted.fit(fold.train, fold.train_labels)
        return auc(fold.test_labels, raw_probability(fitted, fold.test))

    candidates = list(ParameterGrid({name: list(values) for name, values in grid.items()}))
    prepared = runner([Job(f"fold {n}", partial(prepare, split)) for n, split in enumerate(splits)])
    aucs = runner(
        [
            Job(f"point {point} fold {n}", partial(score, candidate, fold))
            for point, candidate in enumerate(candidates)
            for n, fold in enumerate(prepared)
        ]
    )
    means = np.array(aucs).reshape(len(candidates), folds).mean(axis=1)
    return tuple(GridPoint(candidate, float(mean)) for candidate, mean in zip(candidates, means, strict=True))
