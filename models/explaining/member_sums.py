"""Split a fitted member's sum among the columns of each row, by its trees or else by its own library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from lightgbm import LGBMClassifier
from scipy.special import expit
from xgboost import DMatrix, XGBClassifier

from models.calibration import Calibrator
from models.errors import ModelError
from models.explaining.member_trees import member_trees
from models.explanation import Explanation, after, completed, slopes_of, value_at

Matrix = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float64]

TOLERANCE = 1e-5  # XGBoost adds its trees up in 32 bits


class MemberSums(NamedTuple):
    """The sum of a member's trees for each row, and the contribution of each column to it.

    ``base`` plus the row sum of ``contributions``, of shape (n_samples, n_columns), is a log-odds where ``margin``
    is true and a probability otherwise. ``decision`` gives the reason if the trees were not read.
    """

    base: float
    contributions: Matrix
    margin: bool
    decision: str | None

    def link(self, total: Floats) -> Floats:
        """Return the member's probability for each sum."""
        return np.asarray(expit(total) if self.margin else total, dtype=np.float64)

    def totals(self) -> Floats:
        """Return the sum of each row, shape (n_samples,)."""
        return np.asarray(self.base + self.contributions.sum(axis=1), dtype=np.float64)


def member_sums(name: str, estimator: Any, X: Matrix, probability: Floats) -> MemberSums:
    """Return a member's sums, checked against the probability that it gives each row.

    XGBoost and LightGBM compute such contributions themselves, slower and the former in 32 bits. They take
    over if the trees cannot be read here or disagree with the member's prediction; ``decision`` records it.

    Parameters
    ----------
    name : str
    estimator : fitted member
    X : ndarray of shape (n_samples, n_columns)
    probability : ndarray of shape (n_samples,)
        The member's prediction for each row.

    Raises
    ------
    ModelError
        The trees cannot be read or disagree with the member's prediction, and its library has no
        contributions either.
    """
    try:
        trees = member_trees(estimator)
        sums = MemberSums(trees.base, trees.contributions(X), trees.margin, None)
        _check_sums(name, sums, probability)
    except ModelError as error:
        if not isinstance(estimator, XGBClassifier | LGBMClassifier):
            raise
        sums = _library_sums(estimator, X, decision=f"{name} is explained by its own library: {error}")
        _check_sums(name, sums, probability)
    return sums


def linear_sums(coefficients: Floats, intercept: float, means: Floats, X: Matrix) -> MemberSums:
    """Split the log-odds of a linear model exactly: each column adds its coefficient times (value - mean).

    These are the Shapley values of the game in which an unknown column takes its mean, in any order.

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


def explain_sums(
    sums: MemberSums, probability: Floats, calibrator: Calibrator, *, sources: Sequence[str]
) -> Explanation:
    """Return the contribution of each feature to the calibrated PD of each row, for a model that is one sum.

    The rescale rule takes the sum through its link and the calibration as one curve. The contributions add up to
    the PD from the learner's own prediction: they share out any rounding in its arithmetic.

    Parameters
    ----------
    sums : MemberSums
        Of one fitted learner.
    probability : ndarray of shape (n_samples,)
        The learner's prediction for each row.
    calibrator : Calibrator
        Fitted.
    sources : sequence of str
        The feature behind each column; columns of one feature are added up.

    Examples
    --------
    >>> sums = MemberSums(-1.0, np.array([[0.5, 0.25, 0.25], [0.0, -1.0, 0.5]]), margin=True, decision=None)
    >>> raw = sums.link(sums.totals())
    >>> calibrator = Calibrator().fit(np.array([0.2, 0.4, 0.6, 0.8]), np.array([0, 1, 0, 1]))
    >>> explained = explain_sums(sums, raw, calibrator, sources=("debt", "sector", "sector"))
    >>> total = explained.base_value + explained.contributions.sum(axis=1)
    >>> explained.features, np.allclose(total, calibrator.predict(raw))
    (('debt', 'sector'), True)
    """
    features = tuple(dict.fromkeys(sources))
    contributions = np.zeros((len(sums.contributions), len(features)))
    for source, values in zip(sources, sums.contributions.T, strict=True):
        contributions[:, features.index(source)] += values
    published = after(sums.link, calibrator.predict)
    contributions *= slopes_of(published, sums.base, sums.totals())
    base_value = value_at(published, sums.base)
    whole = completed(contributions, calibrator.predict(probability) - base_value)
    return Explanation(base_value, whole, features, probability, (sums.decision,) if sums.decision else ())


def _check_sums(name: str, sums: MemberSums, probability: Floats) -> None:
    gap = np.abs(sums.link(sums.totals()) - probability).max(initial=0.0)
    if not gap <= TOLERANCE:
        raise ModelError(f"the contributions of member {name} miss its probability by up to {gap:.1e}")


def _library_sums(estimator: XGBClassifier | LGBMClassifier, X: Matrix, *, decision: str) -> MemberSums:
    """Return the library's own contributions; the base is its last column, read from one extra row."""
    rows = np.vstack([X, np.zeros((1, X.shape[1]))])
    if isinstance(estimator, XGBClassifier):
        output = estimator.get_booster().predict(DMatrix(rows), pred_contribs=True)
    else:
        output = estimator.predict(rows, pred_contrib=True)
    table = np.asarray(output, dtype=np.float64)
    return MemberSums(float(table[-1, -1]), table[:-1, :-1], True, decision)
