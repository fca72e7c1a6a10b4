"""Evaluate models honestly: repeated stratified folds by borrower, every choice made inside the training folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, StratifiedShuffleSplit

from models.calibration import Calibrator
from models.errors import TooFewRowsError
from models.metrics import METRICS, Interval, Labels, Scores, corrected_interval, measure
from models.runner import Job, Runner, threads


class Fold(NamedTuple):
    """The scores of one model on rows that it had not seen."""

    repeat: int
    number: int
    rows: npt.NDArray[np.int64]
    labels: Labels
    scores: Scores
    trained_on: int


Progress = Callable[[int, int], None]
Split = tuple[int, int, npt.NDArray[np.int64], npt.NDArray[np.int64]]


def repeated_folds(
    labels: Labels, *, folds: int, repeats: int, random_state: int, borrowers: Sequence[str] | None = None
) -> tuple[Split, ...]:
    """Return (repeat, fold, training rows, test rows); no borrower is on both sides of a split.

    Stratified by label. When a borrower has several rows (snapshots), all of them go to one fold.

    Raises
    ------
    TooFewRowsError
        Fewer defaults, or others, than folds.
    """
    if min(int(labels.sum()), int((1 - labels).sum())) < folds:
        raise TooFewRowsError(
            f"{int(labels.sum())} defaults among {len(labels)} rows do not fill {folds} folds"
        )
    repeated = borrowers is not None and len(set(borrowers)) < len(borrowers)
    splits: list[Split] = []
    for repeat in range(repeats):
        seed = random_state + repeat
        if repeated:
            splitter: Any = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        else:
            splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
        parts = splitter.split(np.zeros(len(labels)), labels, borrowers if repeated else None)
        splits += [(repeat, number, train, test) for number, (train, test) in enumerate(parts)]
    return tuple(splits)


def fold_numbers(
    labels: Labels, *, folds: int, random_state: int, borrowers: Sequence[str] | None = None
) -> npt.NDArray[np.int64]:
    """Return for each row the number of the fold of `repeated_folds` that holds it out, shape (n_samples,)."""
    numbers = np.empty(len(labels), dtype=np.int64)
    splits = repeated_folds(labels, folds=folds, repeats=1, random_state=random_state, borrowers=borrowers)
    for _, number, _, held_out in splits:
        numbers[held_out] = number
    return numbers


def borrowers_of(frame: pl.DataFrame) -> list[str] | None:
    """Return the borrower of each row, whose rows must share a fold, or None if the frame has no such column."""
    return frame["enterprise_id"].to_list() if "enterprise_id" in frame.columns else None


def repeated_holdouts(
    labels: Labels, *, test_share: float, repeats: int, random_state: int
) -> tuple[Split, ...]:
    """Return one random stratified split into training and test rows for each repeat."""
    splitter = StratifiedShuffleSplit(repeats, test_size=test_share, random_state=random_state)
    parts = splitter.split(np.zeros(len(labels)), labels)
    return tuple((repeat, 0, train, test) for repeat, (train, test) in enumerate(parts))


def cross_validate(
    estimator: Any,
    frame: pl.DataFrame,
    labels: Labels,
    splits: Sequence[Split],
    *,
    runner: Runner | None = None,
    on_progress: Progress | None = None,
) -> tuple[Fold, ...]:
    """Fit a clone on each training part and score its test part; splits run side by side.

    The clone searches its grid, fits its scaler and oversamples inside the training part only. The
    result does not depend on the runner.

    Parameters
    ----------
    estimator : estimator with ``fit`` and ``predict_proba`` on frames
    frame : polars.DataFrame of shape (n_samples, n_columns)
    labels : ndarray of shape (n_samples,)
    splits : from `repeated_folds` or `repeated_holdouts`
    runner : Runner, optional
        None: one split after the other.
    on_progress : callable, optional
        Called after each split, in its thread, with the number of splits done and the number of all splits.
    """
    done = count(1)

    def evaluate(split: Split) -> Fold:
        repeat, number, train, test = split
        fitted = clone(estimator).fit(frame[train], labels[train])
        scores = np.asarray(fitted.predict_proba(frame[test])[:, 1], dtype=np.float64)
        if on_progress is not None:
            on_progress(next(done), len(splits))
        return Fold(repeat, number, test, labels[test], scores, len(train))

    run = runner or threads()
    return tuple(
        run([Job(f"repeat {split[0]} fold {split[1]}", partial(evaluate, split)) for split in splits])
    )


def calibrated(folds: Sequence[Fold]) -> tuple[Fold, ...]:
    """Return the folds with cross-fitted PDs: each fold is calibrated on the other folds of its repeat."""
    calibrated_folds = []
    for fold in folds:
        others = [other for other in folds if other.repeat == fold.repeat and other.number != fold.number]
        calibrator = Calibrator().fit(
            np.concatenate([other.scores for other in others]),
            np.concatenate([other.labels for other in others]),
        )
        calibrated_folds.append(fold._replace(scores=calibrator.predict(fold.scores)))
    return tuple(calibrated_folds)


def summarise(folds: Sequence[Fold]) -> dict[str, Interval]:
    """Return the mean of every measure over the folds with its corrected resampled-t interval (95%)."""
    values = [measure(fold.labels, fold.scores) for fold in folds]
    share = _test_share(folds)
    return {name: corrected_interval([value[name] for value in values], test_share=share) for name in METRICS}


def difference(
    left: Sequence[Fold], right: Sequence[Fold], metric: Callable[[Labels, Scores], float]
) -> Interval:
    """Return left minus right of one measure, paired by fold, with its corrected resampled-t interval (95%).

    Raises
    ------
    ValueError
        The two were not evaluated on the same test rows.
    """
    if [fold.rows.tolist() for fold in left] != [fold.rows.tolist() for fold in right]:
        raise ValueError("a paired difference needs the same folds on both sides")
    gaps = [metric(a.labels, a.scores) - metric(b.labels, b.scores) for a, b in zip(left, right, strict=True)]
    return corrected_interval(gaps, test_share=_test_share(left))


def out_of_fold(folds: Sequence[Fold]) -> tuple[Labels, Scores]:
    """Return labels and scores of all test rows of all repeats, concatenated."""
    return np.concatenate([fold.labels for fold in folds]), np.concatenate([fold.scores for fold in folds])


def _test_share(folds: Sequence[Fold]) -> float:
    """Return the mean share of test rows among all rows of a split."""
    return float(np.mean([len(fold.rows) / (len(fold.rows) + fold.trained_on) for fold in folds]))
