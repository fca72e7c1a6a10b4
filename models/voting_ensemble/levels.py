"""Round many training rows to at most 255 values a column, so that exact trees are as fast as histograms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

LEVELS = 255
ROWS_ABOVE = 50_000


def round_to_levels(X: npt.NDArray[Any], *, rows_above: int = ROWS_ABOVE) -> npt.NDArray[Any]:
    """Return the rows with at most 255 values in each column, or unchanged if there are few rows.

    XGBoost and LightGBM do this by themselves; scikit-learn's gradient boosting, AdaBoost, forests and
    bagging sort every column at every node instead, and ties make that about twice as fast. Each
    value becomes the mean of its group of equally many neighbours, so that a tree's thresholds stay in the
    column's own units and rows to score need no rounding. A column with at most 255 values keeps them all.

    Up to `ROWS_ABOVE` rows nothing changes: there the signal may lie in the exact values, and speed does not matter.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
        Without gaps.
    rows_above : int, default=50,000

    Returns
    -------
    ndarray of shape (n_samples, n_columns)
        float32 by columns, the number format of every tree here, when rounded.

    Examples
    --------
    >>> rows = np.arange(1000.0)[:, None]
    >>> len(np.unique(round_to_levels(rows, rows_above=100))), round_to_levels(rows) is rows
    (255, True)
    """
    if len(X) <= rows_above:
        return X
    rounded = np.empty(X.shape, dtype=np.float32, order="F")
    for number, column in enumerate(X.T):
        rounded[:, number] = _rounded(np.ascontiguousarray(column))
    return rounded


def _rounded(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return one column with each value replaced by the mean of its group; equal values share a group."""
    values, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    if len(values) <= LEVELS:
        return column
    group = (np.cumsum(counts) - counts) * LEVELS // len(column)
    sums = np.bincount(group, values * counts, minlength=LEVELS)
    rows = np.bincount(group, counts, minlength=LEVELS)
    return np.asarray((sums / np.maximum(rows, 1))[group[place]])
