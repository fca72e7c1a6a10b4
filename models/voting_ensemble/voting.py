"""Combine members into one score: a soft vote with weights by L-BFGS-B, or a stack (paper, section III.C)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit

from models.calibration import EDGE
from models.metrics import Labels, Scores

Matrix = npt.NDArray[np.float64]

MAXIMUM_ITERATIONS = 200
SMALLEST_WEIGHT = 1e-3  # below it a member costs a fit and moves nothing
STEEPEST = 1000.0  # AdaBoost's probabilities may differ in the third decimal only


@dataclass(frozen=True)
class Combiner:
    """The rule that turns the members' probabilities into one score.

    A vote is ``expit(intercept + logit(p @ w))`` with weights on the simplex, ``p @ w`` itself without intercept;
    a stack is ``expit(intercept + logit(p) @ w)``. Log-odds are kept `EDGE` away from 0 and 1. Neither is calibrated.

    Parameters
    ----------
    kind : {"vote", "stack"}
    members : tuple of str
        Names of the columns: only members with a weight.
    weights : tuple of float
    intercept : float, default=0.0
        In log-odds; of a vote, what undoes the prior of oversampled rows.

    Examples
    --------
    >>> vote = Combiner("vote", ("xgboost", "lightgbm"), (0.75, 0.25))
    >>> vote.combine(np.array([[0.2, 0.6]]))
    array([0.3])
    """

    kind: Literal["vote", "stack"]
    members: tuple[str, ...]
    weights: tuple[float, ...]
    intercept: float = 0.0

    def combine(self, probabilities: Matrix) -> Scores:
        """Return one score for each row, shape (n_samples,), inside [0, 1].

        Parameters
        ----------
        probabilities : ndarray of shape (n_samples, len(members))
            In the order of ``members``.
        """
        weights = np.asarray(self.weights)
        if self.kind == "vote":
            return self.shifted(probabilities @ weights)
        margin = self.intercept + logit(np.clip(probabilities, EDGE, 1 - EDGE)) @ weights
        return np.asarray(expit(margin), dtype=np.float64)

    def shifted(self, vote: Scores) -> Scores:
        """Return a weighted vote, shape (n_samples,), with the intercept added to its log-odds."""
        inside = np.asarray(np.clip(vote, 0.0, 1.0), dtype=np.float64)
        if self.intercept == 0:
            return inside
        return np.asarray(expit(_log_odds(inside) + self.intercept), dtype=np.float64)


class Optimum(NamedTuple):
    """The weights of a vote, with the Platt map that was fitted together with them."""

    weights: Scores
    slope: float
    intercept: float
    loss: float
    converged: bool

    def probability(self, probabilities: Matrix) -> Scores:
        """Return the probability of each row after vote and Platt map, shape (n_samples,)."""
        vote = np.clip(probabilities @ self.weights, EDGE, 1 - EDGE)
        return np.asarray(expit(self.slope * logit(vote) + self.intercept), dtype=np.float64)


def optimise_weights(probabilities: Matrix, labels: Labels, *, start: Optimum | None = None) -> Optimum:
    """Return the weights of the vote that minimise its log loss after a Platt map.

    The paper selects by the AUC, which is a step function of the weights: its gradient is zero almost everywhere
    and L-BFGS-B stops where it starts. The log loss is smooth and proper. But after oversampling the
    members' probabilities carry the prior of the balanced rows, and AdaBoost's lie near one half by
    construction; a bare log loss would punish this scale, which calibration removes later, and hardly
    the order of the rows. So slope and intercept of ``expit(slope logit(p @ w) + intercept)`` are fitted
    together with the weights: a shifted prior does not change the loss, which then measures how well the vote
    separates the classes.

    The weights are ``u / sum(u)`` with ``u >= 0``, so that a weight can be exactly zero; one below
    `SMALLEST_WEIGHT` becomes zero. A search that does not converge returns equal weights, with the Platt map
    fitted to them and ``converged`` False.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_members)
        Out of fold.
    labels : ndarray of shape (n_samples,), 0 or 1
    start : Optimum, optional
        Starting point from a similar problem; None: equal weights.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.repeat([0, 1], 200)
    >>> signal = expit(2 * labels - 1 + rng.normal(size=400))
    >>> optimise_weights(np.column_stack([signal, rng.uniform(size=400)]), labels).weights.round(1)
    array([1., 0.])
    """
    members = probabilities.shape[1]
    rows, defaults = np.ones(len(labels)), labels.astype(np.float64)
    equal = np.full(members, 1.0 / members)
    optimum = _search(probabilities, rows, defaults, start or _plain(probabilities, equal, rows, defaults))
    if optimum.converged:
        return optimum
    vote = probabilities @ equal
    return fit_platt(vote, rows, defaults)._replace(weights=equal, converged=False)


def fit_platt(vote: Scores, rows: Scores, defaults: Scores, *, start: Optimum | None = None) -> Optimum:
    """Return the Platt map of one score that minimises the log loss, as an optimum with the weight 1.

    Parameters
    ----------
    vote : ndarray of shape (n_values,)
    rows, defaults : ndarray of shape (n_values,)
        Number of rows with each score, and number of defaults among them.
    start : Optimum, optional
    """
    column = vote[:, None]
    return _search(column, rows, defaults, start or _plain(column, np.ones(1), rows, defaults))


def _plain(probabilities: Matrix, weights: Scores, rows: Scores, defaults: Scores) -> Optimum:
    """Return a starting point: the given weights, slope 1, and the intercept that matches the default rate."""
    rate = np.clip(defaults.sum() / rows.sum(), EDGE, 1 - EDGE)
    shift = logit(rate) - np.average(_log_odds(probabilities @ weights), weights=rows)
    return Optimum(weights, 1.0, float(shift), float("nan"), False)


def _log_odds(vote: Scores) -> Scores:
    return np.asarray(logit(np.clip(vote, EDGE, 1 - EDGE)), dtype=np.float64)


def _search(probabilities: Matrix, rows: Scores, defaults: Scores, first: Optimum) -> Optimum:
    """Run L-BFGS-B over the free weights, the slope and the intercept, with the exact gradient."""
    members, share = probabilities.shape[1], rows / rows.sum()
    bad = defaults / rows.sum()
    # the intercept is searched at the middle of the votes, where it hardly depends on the slope
    centre = float(_log_odds(probabilities @ first.weights) @ share)

    def loss(point: Scores) -> tuple[float, Scores]:
        total = point[:members].sum()
        if total == 0:  # no vote at all: the line search turns back
            return STEEPEST, np.zeros(members + 2)
        weights = point[:members] / total
        vote = probabilities @ weights
        clipped = np.clip(vote, EDGE, 1 - EDGE)
        shape = logit(clipped) - centre
        margin = point[members] * shape + point[members + 1]
        residual = share * expit(margin) - bad
        steepness = np.where(vote == clipped, 1.0 / (clipped * (1.0 - clipped)), 0.0)
        by_weight = (residual * steepness) @ probabilities * point[members]
        by_free = (by_weight - by_weight @ weights) / total
        value = float(share @ np.logaddexp(0.0, margin) - bad @ margin)
        return value, np.concatenate([by_free, [residual @ shape, residual.sum()]])

    result = minimize(
        loss,
        np.concatenate([first.weights, [first.slope, first.intercept + first.slope * centre]]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * members + [(0.0, STEEPEST), (None, None)],
        options={"ftol": 1e-11, "gtol": 1e-6, "maxiter": MAXIMUM_ITERATIONS},
    )
    weights = result.x[:members] / result.x[:members].sum()
    weights = np.where(weights < SMALLEST_WEIGHT, 0.0, weights)
    slope, intercept = float(result.x[members]), float(result.x[members + 1])
    return Optimum(
        weights / weights.sum(), slope, intercept - slope * centre, float(result.fun), bool(result.success)
    )
