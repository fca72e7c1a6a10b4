"""Thresholds: the one with the best F1 of some rows, and precision, recall and F1 of the calls that one makes."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from models.metrics import Labels, Scores

Average = Literal["defaults", "classes"]


def class_weights(labels: Labels, positive_share: float | None) -> Scores:
    """Return a weight for each row, such that defaults make up that share of all weight; ones where it is None.

    Rows that were drawn by class are read this way as the population that they were drawn from. The AUC does not
    change by it, precision and F1 do.

    Examples
    --------
    >>> class_weights(np.array([1, 1, 0, 0]), 0.25)
    array([0.5, 0.5, 1.5, 1.5])
    """
    if positive_share is None:
        return np.ones(len(labels))
    drawn = float(labels.mean())
    return np.where(labels == 1, positive_share / drawn, (1.0 - positive_share) / (1.0 - drawn))


def calls(
    labels: Labels, scores: Scores, threshold: float, *, weights: Scores, average: Average
) -> dict[str, float]:
    """Return precision, recall and F1 of calling every row from the threshold on a default.

    Parameters
    ----------
    labels, scores, weights : ndarray of shape (n_samples,)
    threshold : float
    average : {"defaults", "classes"}
        ``defaults``: of the defaults alone, so that F1 lies between precision and recall. ``classes``: each is
        measured for defaults and for the others and averaged by their weight; recall is then the accuracy, and F1
        may lie below both.

    Examples
    --------
    >>> labels, scores = np.array([1, 1, 1, 0]), np.array([0.9, 0.8, 0.2, 0.7])
    >>> figures = calls(labels, scores, 0.5, weights=np.ones(4), average="defaults")
    >>> [round(value, 3) for value in figures.values()]
    [0.667, 0.667, 0.667]
    """
    called = scores >= threshold
    hit, missed = weights[called & (labels == 1)].sum(), weights[~called & (labels == 1)].sum()
    false, left = weights[called & (labels == 0)].sum(), weights[~called & (labels == 0)].sum()
    figures = _figures(np.array([hit]), np.array([false]), hit + missed, false + left, average)
    return {name: float(values[0]) for name, values in figures.items()}


def best_threshold(labels: Labels, scores: Scores, *, weights: Scores, average: Average) -> float:
    """Return the score from which on calling a default gives the best F1 of these rows; of equal ones the highest.

    Examples
    --------
    >>> labels, scores = np.array([1, 1, 0, 0]), np.array([0.9, 0.6, 0.4, 0.1])
    >>> best_threshold(labels, scores, weights=np.ones(4), average="defaults")
    0.6
    """
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    bad = np.where(labels == 1, weights, 0.0)[order]
    good = np.where(labels == 0, weights, 0.0)[order]
    hit, false = np.cumsum(bad)[last_of_tie], np.cumsum(good)[last_of_tie]
    f1 = _figures(hit, false, float(bad.sum()), float(good.sum()), average)["f1"]
    return float(scores[order][last_of_tie[int(f1.argmax())]])


def _figures(
    hit: npt.NDArray[np.float64], false: npt.NDArray[np.float64], bad: float, good: float, average: Average
) -> dict[str, npt.NDArray[np.float64]]:
    """Return the three figures from the weight of defaults and others called; nothing called counts as 0."""
    defaults = _one_class(hit, false, bad)
    if average == "defaults":
        return defaults
    others = _one_class(good - false, bad - hit, good)
    share = bad / (bad + good)
    return {name: share * defaults[name] + (1.0 - share) * others[name] for name in defaults}


def _one_class(
    hit: npt.NDArray[np.float64], false: npt.NDArray[np.float64], total: float
) -> dict[str, npt.NDArray[np.float64]]:
    called = hit + false
    precision = np.divide(hit, called, out=np.zeros_like(hit), where=called > 0)
    return {"precision": precision, "recall": hit / total, "f1": 2.0 * hit / (called + total)}
