"""Say how much a model leans on each feature; a learner that has no figure for it is asked through shap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float64]

BACKGROUND = 10  # rows that stand for "not known": each costs as much again
SEED = 7


class Importance(NamedTuple):
    """The share of each feature, strongest first, and in words how it was measured."""

    how: str
    shares: Mapping[str, float]


def importance_of(
    how: str, weights: Floats, *, sources: Sequence[str], features: Iterable[str]
) -> Importance:
    """Return the share of each feature in the weights of the columns; a category or mark counts for its feature.

    Parameters
    ----------
    how : str
    weights : ndarray of shape (n_columns,)
        Not negative.
    sources : sequence of str
        The feature behind each column.
    features : iterable of str
        All features of the model; one without a column has the share 0.

    Examples
    --------
    >>> importance_of("coefficients", np.array([1.0, 2.0, 1.0]), sources=("a", "b", "b"), features=("a", "b")).shares
    {'b': 0.75, 'a': 0.25}
    """
    total = float(weights.sum()) or 1.0
    shares: dict[str, float] = dict.fromkeys(features, 0.0)
    for source, weight in zip(sources, weights, strict=True):
        shares[source] += float(weight) / total
    return Importance(how, dict(sorted(shares.items(), key=lambda pair: -pair[1])))


def shap_importance(
    score: Callable[[Matrix], Floats], X: Matrix, *, sources: Sequence[str], features: Iterable[str]
) -> Importance:
    """Return the mean size of each feature's contribution to a score that is no sum of trees or columns.

    shap's permutation explainer takes each row once through the columns in a random order and once back, and replaces
    what is not yet known by the values of `BACKGROUND` rows. So a row of p columns costs at most
    ``(2 p + 1) * BACKGROUND`` scores, whatever the number of training rows. Contributions of the columns of one
    feature are added up before their size is taken.

    Parameters
    ----------
    score : callable
        From prepared rows to one number a row.
    X : ndarray of shape (n_samples, n_columns)
        Prepared training rows: the first `BACKGROUND` are the background, the others are explained.
    sources, features
        As in `importance_of`.

    References
    ----------
    Lundberg & Lee (2017), A unified approach to interpreting model predictions. NeurIPS.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(30, 3))
    >>> curved = lambda rows: np.tanh(rows[:, 0]) + 0.1 * rows[:, 1]
    >>> list(shap_importance(curved, X, sources=("a", "b", "c"), features=("a", "b", "c")).shares)
    ['a', 'b', 'c']
    """
    from shap import PermutationExplainer
    from shap.maskers import Independent

    explained, background = X[BACKGROUND:], X[:BACKGROUND]
    explainer = PermutationExplainer(score, Independent(background), seed=SEED)
    most = 2 * X.shape[1] + 1
    # one by one: of the second row on, shap 0.51 computes effects that nobody asked for, half as much again
    values = [explainer(row[None, :], max_evals=most, silent=True).values[0] for row in explained]
    names = tuple(features)
    by_feature = np.zeros((len(explained), len(names)))
    for source, column in zip(sources, np.array(values).T, strict=True):
        by_feature[:, names.index(source)] += column
    how = (
        f"mean size of the contributions to the score of {len(explained)} training rows beside {len(background)} "
        f"others, by shap's permutation explainer, one order and its reverse, seed {SEED}"
    )
    return importance_of(how, np.abs(by_feature).mean(axis=0), sources=names, features=names)


def group_importance(shares: Mapping[str, float], groups: Mapping[str, str]) -> dict[str, float]:
    """Return the share of importance of each group in the model, strongest first.

    Examples
    --------
    >>> group_importance({"debt": 0.5, "age": 0.3, "loans": 0.2}, {"debt": "ledger", "loans": "ledger"})
    {'ledger': 0.7, 'all': 0.3}
    """
    totals: dict[str, float] = {}
    for name, share in shares.items():
        group = groups.get(name, "all")
        totals[group] = totals.get(group, 0.0) + share
    return dict(sorted(totals.items(), key=lambda pair: -pair[1]))
