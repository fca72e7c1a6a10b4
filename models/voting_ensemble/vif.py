"""Measure variance inflation: how far each feature is a linear combination of the others."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import numpy as np
import numpy.typing as npt

# features and groups that the paper adds to the loan ledger: section III.A and Table 1
ENHANCED = ("debt_to_income",)
ENHANCED_GROUPS = ("legal", "opinion")


def variance_inflation(
    matrix: npt.NDArray[np.float64], names: Sequence[str], *, of: Container[str] | None = None
) -> dict[str, float]:
    """Return the variance inflation factor of each column, ``1 / (1 - R²)`` of its regression on the others.

    A column determined by the others has an infinite factor; a constant column has none and gets NaN. The paper
    calls multicollinearity below 5 weak. The rows become a square triangle first, which keeps every length and angle
    between columns, so that a regression costs the same for many rows as for few.

    Parameters
    ----------
    matrix : ndarray of shape (n_samples, n_features)
        Without gaps.
    names : sequence of str
        Name of each column.
    of : container of str, optional
        Columns whose factor is wanted; None: all.

    References
    ----------
    Yang & Xiao (2024), equation (1).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 1000))
    >>> {name: round(factor, 1) for name, factor in variance_inflation(np.c_[a, b, a + b], "abc").items()}
    {'a': inf, 'b': inf, 'c': inf}
    >>> round(variance_inflation(np.c_[a, a + b], "ab")["a"], 1)
    2.0
    """
    triangle = np.asarray(np.linalg.qr(matrix - matrix.mean(axis=0), mode="r"), dtype=np.float64)
    constant = np.ptp(matrix, axis=0) == 0
    factors: dict[str, float] = {}
    for column, name in enumerate(names):
        if of is not None and name not in of:
            continue
        if constant[column]:
            factors[name] = float("nan")
            continue
        turned, others = triangle[:, column], np.delete(triangle, column, axis=1)
        fitted = others @ np.linalg.lstsq(others, turned, rcond=None)[0]
        unexplained = float(((turned - fitted) ** 2).sum() / (turned**2).sum())
        factors[name] = 1.0 / unexplained if unexplained > 1e-10 else float("inf")
    return factors


def enhanced_inflation(
    matrix: npt.NDArray[np.float64], names: Sequence[str], groups: Mapping[str, str]
) -> dict[str, float]:
    """Return the variance inflation of the enhanced features among all numbers of the training rows.

    Parameters
    ----------
    matrix : ndarray of shape (n_samples, at least n_features)
        Its first columns are the numbers.
    names : sequence of str
        Names of the numbers.
    groups : mapping of str to str
        Group of each feature.
    """
    enhanced = {name for name in names if name in ENHANCED or groups.get(name) in ENHANCED_GROUPS}
    return variance_inflation(matrix[:, : len(names)], names, of=enhanced)
