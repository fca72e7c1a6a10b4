"""Hold the contribution of each feature to the published PD of each borrower; they add up to the PD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Matrix = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float64]
Curve = Callable[[Floats], Floats]

OTHER = "other"
NEAR = 1e-9  # a value this close to the base is explained by the slope there


@dataclass(frozen=True)
class Explanation:
    """Contributions to the PD: ``base_value`` plus the sum of a row is the PD of that row.

    Parameters
    ----------
    base_value : float
        The PD when no feature is known: the published chain (link, vote or stack, calibration) at the members'
        expected sums; the same for every row of a model version. It is not the mean PD: the chain is
        curved, and the expectation is over the oversampled training rows as the trees counted them.
    contributions : ndarray of shape (n_samples, n_features)
    features : tuple of str
    raw : ndarray of shape (n_samples,)
        What ``predict_proba`` gives each row, to 1e-12, so that no row is prepared twice.
    decisions : tuple of str
        Members that were not explained by their trees, each with the reason.
    """

    base_value: float
    contributions: Matrix
    features: tuple[str, ...]
    raw: Floats
    decisions: tuple[str, ...] = ()


def strongest(explanation: Explanation, ids: pl.Series, *, top: int) -> pl.DataFrame:
    """Return the strongest contributions of each row, and the sum of the rest.

    Parameters
    ----------
    explanation : Explanation
    ids : polars.Series
        The enterprise of each row.
    top : int
        At least 1.

    Returns
    -------
    polars.DataFrame
        enterprise_id, feature, contribution, rank. The rows of a borrower stand together; rank 1 is the largest
        absolute contribution (the earlier feature if two are equal), and the last row is the rest under ``other``,
        unless there are at most ``top`` features. The base value plus a borrower's contributions is its PD.

    Examples
    --------
    >>> parts = np.array([[0.02, -0.03, 0.01]])
    >>> explanation = Explanation(0.05, parts, ("age", "debt", "sector"), raw=np.array([0.2]))
    >>> strongest(explanation, pl.Series(["E1"]), top=1).rows()
    [('E1', 'debt', -0.03, 1), ('E1', 'other', 0.03, 2)]
    """
    values = explanation.contributions
    kept = min(top, len(explanation.features))
    order = np.argsort(-np.abs(values), axis=1, kind="stable")
    shown = np.take_along_axis(values, order[:, :kept], axis=1)
    names = np.array([*explanation.features, OTHER], dtype=object)[order[:, :kept]]
    if kept < len(explanation.features):
        rest = np.take_along_axis(values, order[:, kept:], axis=1).sum(axis=1, keepdims=True)
        shown = np.hstack([shown, rest])
        names = np.hstack([names, np.full((len(values), 1), OTHER, dtype=object)])
    places = shown.shape[1]
    return pl.DataFrame(
        {
            "enterprise_id": ids.gather(np.repeat(np.arange(len(values)), places)),
            "feature": pl.Series(names.ravel(), dtype=pl.String),
            "contribution": shown.ravel(),
            "rank": pl.Series(np.tile(np.arange(1, places + 1), len(values)), dtype=pl.Int32),
        }
    )


def value_at(curve: Curve, value: float) -> float:
    """Return the value of a curve at one point."""
    return float(curve(np.array([value]))[0])


def slopes_of(curve: Curve, base: float, values: Floats) -> Matrix:
    """Return the secant of a curve from the base to each value, shape (n_values, 1), or its slope at a near value."""
    near = np.abs(values - base) < NEAR
    low, high = np.where(near, base - NEAR, base), np.where(near, base + NEAR, values)
    return np.asarray((curve(high) - curve(low)) / (high - low))[:, None]


def completed(contributions: Matrix, totals: Floats) -> Matrix:
    """Return contributions whose rows add up to the given totals; any gap is shared out in proportion to their size."""
    size = np.abs(contributions)
    size[size.sum(axis=1) == 0] = 1.0
    missing = totals - contributions.sum(axis=1)
    return np.asarray(contributions + size / size.sum(axis=1, keepdims=True) * missing[:, None])


def after(first: Curve, second: Curve) -> Curve:
    """Return the curve that applies ``first`` and then ``second``."""
    return lambda values: second(first(values))
