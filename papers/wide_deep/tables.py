"""Table 2 of the Wide & Deep paper, and whether its figures can be those of one class or averages of two."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PUBLISHED = Path(__file__).with_name("published.json")
RECALLS = 4001  # recalls of the positive class that are tried


class Reading(NamedTuple):
    """The averages by class that come closest to one published row."""

    positive_share: float
    recall: float
    specificity: float
    largest_error: float


@cache
def published() -> dict[str, Any]:
    """Return the paper's size, class mix, settings and Table 2."""
    content: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return content


def table_2() -> dict[str, dict[str, float]]:
    """Return Table 2 as {row: {auc, precision, recall, f1}}."""
    rows: dict[str, dict[str, float]] = published()["table_2"]
    return rows


def of_one_class(figures: Mapping[str, float]) -> bool:
    """Return whether precision, recall and F1 can be those of one class, whose F1 is their harmonic mean.

    Half a unit of the third digit is left for rounding.

    Examples
    --------
    >>> of_one_class({"precision": 0.6, "recall": 0.75, "f1": 0.6667})
    True
    >>> of_one_class({"precision": 0.669, "recall": 0.695, "f1": 0.653})
    False
    """
    precision, recall = figures["precision"], figures["recall"]
    return abs(2 * precision * recall / (precision + recall) - figures["f1"]) < 0.0005


def as_class_average(figures: Mapping[str, float], positive_share: float) -> Reading:
    """Return the averages weighted by class that come closest to a published row at a share of positives.

    So averaged, recall is the accuracy. That leaves one free number, the recall of the positive class, which is
    tried from 0 to 1; the error is the larger one of precision and F1.

    Parameters
    ----------
    figures : mapping
        precision, recall and f1 of one row.
    positive_share : float
        Share of positive rows in the test set.

    Examples
    --------
    >>> row = {"precision": 0.669, "recall": 0.695, "f1": 0.653}
    >>> round(as_class_average(row, 0.6).largest_error, 3), round(as_class_average(row, 0.67).largest_error, 3)
    (0.024, 0.002)
    """
    share = positive_share
    recall = np.linspace(0.0, 1.0, RECALLS)
    specificity = (figures["recall"] - share * recall) / (1.0 - share)
    possible = (specificity >= 0.0) & (specificity <= 1.0)
    recall, specificity = recall[possible], specificity[possible]
    hit, left = share * recall, (1.0 - share) * specificity
    missed, false = share - hit, 1.0 - share - left
    called, others = np.maximum(hit + false, 1e-12), np.maximum(left + missed, 1e-12)
    precision = share * hit / called + (1.0 - share) * left / others
    f1 = share * 2 * hit / (2 * hit + false + missed) + (1.0 - share) * 2 * left / (2 * left + false + missed)
    error = np.maximum(np.abs(precision - figures["precision"]), np.abs(f1 - figures["f1"]))
    best = int(error.argmin())
    return Reading(share, float(recall[best]), float(specificity[best]), float(error[best]))


def largest_error(positive_share: float) -> float:
    """Return by how much the worst row of Table 2 misses averages weighted by class, at a share of positives."""
    return max(as_class_average(row, positive_share).largest_error for row in table_2().values())
