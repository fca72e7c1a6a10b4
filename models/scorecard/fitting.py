"""Fit a logistic regression on weights of evidence, and choose its features one by one inside the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from models.metrics import Labels

Matrix = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float64]

ENTERS = (
    3.841  # score statistic from which a feature enters: 95% point of chi-squared with one degree of freedom
)
RIDGE = 1.0  # of the squared weights; keeps them finite where a bin separates the classes
STEPS, NEAR = 50, 1e-10


class Fit(NamedTuple):
    """Log-odds of no default: ``intercept`` plus ``weights`` times the weights of evidence."""

    intercept: float
    weights: Floats


class Path(NamedTuple):
    """Columns in the order in which they entered, the fit of all of them, and the columns that turned a weight."""

    columns: tuple[int, ...]
    fit: Fit
    refused: tuple[int, ...]


def fit_weights(evidence: Matrix, labels: Labels, *, start: Fit | None = None) -> Fit:
    """Return the logistic regression of no default on weights of evidence, by Newton's method.

    Parameters
    ----------
    evidence : ndarray of shape (n_samples, n_columns)
    labels : ndarray of shape (n_samples,)
        Of both classes.
    start : Fit, optional
        Of the same columns but the last, where the search begins.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> evidence = rng.normal(size=(5000, 1))
    >>> labels = (rng.random(5000) < expit(1.0 - 0.8 * evidence[:, 0])).astype(np.int64)
    >>> fit = fit_weights(evidence, labels)
    >>> round(fit.intercept, 1), fit.weights.round(1)
    (-1.0, array([0.8]))
    """
    X = np.column_stack([np.ones(len(evidence)), evidence])
    penalty = np.full(X.shape[1], RIDGE)
    penalty[0] = 0.0
    rate = labels.mean()
    weights = np.zeros(X.shape[1])
    weights[0] = np.log((1 - rate) / rate)
    if start is not None:
        weights[: len(start.weights) + 1] = start.intercept, *start.weights
    value = _objective(X, labels, weights, penalty)
    for _ in range(STEPS):
        good = expit(X @ weights)
        gradient = X.T @ ((1 - labels) - good) - penalty * weights
        hessian = (X * (good * (1 - good))[:, None]).T @ X + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        while (tried := _objective(X, labels, weights + step, penalty)) > value and np.abs(step).max() > NEAR:
            step /= 2
        weights, value = weights + step, tried
        if np.abs(step).max() <= NEAR:
            break
    return Fit(float(weights[0]), weights[1:])


def _objective(X: Matrix, labels: Labels, weights: Floats, penalty: Floats) -> float:
    loss = np.logaddexp(0.0, (2 * labels - 1) * (X @ weights)).sum()
    return float(loss + penalty @ weights**2 / 2)


def forward(evidence: Matrix, labels: Labels, *, most: int) -> Path:
    """Return the path of forward selection: of the columns left, the one with the largest score statistic enters.

    A column enters only where more evidence means less risk beside the columns that are in, and where the statistic is
    far beyond noise (1%: evidence is fitted on the same rows, and of many columns one is always lucky). One that would
    turn its own weight or that of another to zero or below is refused for good.

    Parameters
    ----------
    evidence : ndarray of shape (n_samples, n_candidates)
    labels : ndarray of shape (n_samples,)
    most : int
        Columns that may enter.

    References
    ----------
    Rao (1948), Large sample tests of statistical hypotheses concerning several parameters. Siddiqi (2006), Credit Risk
    Scorecards, chapter 6, on stepwise regression. Thomas (2009), Consumer Credit Models, section 1.8.
    """
    columns: list[int] = []
    refused: list[int] = []
    fit = fit_weights(evidence[:, []], labels)
    while len(columns) < most:
        statistics = _score_statistics(evidence, labels, columns, fit)
        statistics[[*columns, *refused]] = 0.0
        best = int(statistics.argmax()) if len(statistics) else 0
        if not len(statistics) or statistics[best] < ENTERS:
            break
        tried = fit_weights(evidence[:, [*columns, best]], labels, start=fit)
        if tried.weights.min() <= 0:
            refused.append(best)
            continue
        columns.append(best)
        fit = tried
    return Path(tuple(columns), fit, tuple(refused))


def _score_statistics(evidence: Matrix, labels: Labels, columns: Sequence[int], fit: Fit) -> Floats:
    """Return for each column how much it would add to a fit; 0 where it would count against the evidence."""
    inside = np.column_stack([np.ones(len(evidence)), evidence[:, list(columns)]])
    good = expit(fit.intercept + evidence[:, list(columns)] @ fit.weights)
    spread = good * (1 - good)
    slopes = evidence.T @ ((1 - labels) - good)
    weighed = inside * spread[:, None]
    shared = evidence.T @ weighed
    explained = np.einsum("ij,ji->i", shared, np.linalg.solve(weighed.T @ inside, shared.T))
    left = np.square(evidence).T @ spread - explained
    known = left > NEAR * len(evidence)
    return np.where(known & (slopes > 0), slopes**2 / np.where(known, left, 1.0), 0.0)
