"""A fitted member's sum for each row, split among the columns: by its trees, or by its own library where they fail."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from lightgbm import LGBMClassifier
from scipy.special import expit
from xgboost import DMatrix, XGBClassifier

from models.errors import ModelError
from models.member_trees import member_trees
from models.members import member_probability

Matrix = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float64]

TOLERANCE = 1e-5  # XGBoost adds its trees up in 32 bits


class MemberSums(NamedTuple):
    """What a member's trees sum up to, and what each column adds to it.

    ``base`` plus the row sum of ``contributions``, of shape (n_samples, n_columns), is a log-odds where ``margin``
    is true and a probability otherwise. ``decision`` says why the trees were not read, if they were not.
    """

    base: float
    contributions: Matrix
    margin: bool
    decision: str | None

    def link(self, total: Floats) -> Floats:
        """Return the member's probability of each sum."""
        return np.asarray(expit(total) if self.margin else total, dtype=np.float64)

    def totals(self) -> Floats:
        """Return the sum of each row, shape (n_samples,)."""
        return np.asarray(self.base + self.contributions.sum(axis=1), dtype=np.float64)


def member_sums(name: str, estimator: Any, X: Matrix) -> tuple[MemberSums, Floats]:
    """Return a member's sums, and its probability of each row as it gives it, which they were held to.

    XGBoost and LightGBM compute such contributions themselves, slower and the former in 32 bits. They take
    over where the trees cannot be read here or do not say what the member predicts; the decision tells it.

    Parameters
    ----------
    name : str
    estimator : fitted member
    X : ndarray of shape (n_samples, n_columns)

    Raises
    ------
    ModelError
        The trees cannot be read or do not say what the member predicts, and its library has no
        contributions either.
    """
    probability = member_probability(name, estimator, X) if len(X) else np.empty(0)
    try:
        trees = member_trees(estimator)
        sums = MemberSums(trees.base, trees.contributions(X), trees.margin, None)
        _hold(name, sums, probability)
    except ModelError as error:
        if not isinstance(estimator, XGBClassifier | LGBMClassifier):
            raise
        sums = _own(estimator, X, decision=f"{name} is explained by its own library: {error}")
        _hold(name, sums, probability)
    return sums, probability


def linear_sums(coefficients: Floats, intercept: float, means: Floats, X: Matrix) -> MemberSums:
    """Return the log-odds of a linear model, split exactly: each column adds its coefficient times (value - mean).

    These are the Shapley values of the game in which an unknown column stands at its mean, whatever the order.

    Parameters
    ----------
    coefficients : ndarray of shape (n_columns,)
    intercept : float
    means : ndarray of shape (n_columns,)
        Of the training rows.
    X : ndarray of shape (n_samples, n_columns)

    References
    ----------
    Strumbelj & Kononenko (2014), Explaining prediction models and individual predictions with feature
    contributions. Knowledge and Information Systems 41.

    Examples
    --------
    >>> linear_sums(np.array([2.0, -1.0]), 0.5, np.array([0.5, 0.5]), np.array([[1.0, 0.0]]))[:2]
    (1.0, array([[1. , 0.5]]))
    """
    base = float(intercept + coefficients @ means)
    return MemberSums(base, np.asarray(coefficients * (X - means), dtype=np.float64), True, None)


def _hold(name: str, sums: MemberSums, probability: Floats) -> None:
    apart = np.abs(sums.link(sums.totals()) - probability).max(initial=0.0)
    if not apart <= TOLERANCE:
        raise ModelError(f"the contributions of member {name} miss its probability by up to {apart:.1e}")


def _own(estimator: XGBClassifier | LGBMClassifier, X: Matrix, *, decision: str) -> MemberSums:
    """Return what the library itself says, which puts the base in a last column; one row more holds the base."""
    rows = np.vstack([X, np.zeros((1, X.shape[1]))])
    if isinstance(estimator, XGBClassifier):
        said = estimator.get_booster().predict(DMatrix(rows), pred_contribs=True)
    else:
        said = estimator.predict(rows, pred_contrib=True)
    table = np.asarray(said, dtype=np.float64)
    return MemberSums(float(table[-1, -1]), table[:-1, :-1], True, decision)
