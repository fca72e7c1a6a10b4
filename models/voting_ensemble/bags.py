"""Split training rows into stratified bags, and oversample one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from imblearn.over_sampling import SMOTE, SMOTENC
from threadpoolctl import threadpool_limits

Rows = npt.NDArray[np.int64]
Matrix = npt.NDArray[Any]
Classes = npt.NDArray[Any]
Pairs = Mapping[int, tuple[float, float]]


def shares(count: int, n_bags: int) -> list[int]:
    """Split a count over the bags as evenly as possible; the first bags get one more.

    Examples
    --------
    >>> shares(11, 3)
    [4, 4, 3]
    """
    return [count // n_bags + (bag < count % n_bags) for bag in range(n_bags)]


def deal_bags(y: Classes, *, n_bags: int, random_state: int | np.random.SeedSequence) -> tuple[Rows, ...]:
    """Return the row numbers of each bag: each row in one bag, each class spread evenly up to one row.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Classes.
    n_bags : int
        At least 1.
    random_state : int or SeedSequence

    Examples
    --------
    >>> bags = deal_bags(np.array([0] * 7 + [1] * 3), n_bags=2, random_state=0)
    >>> [int((rows >= 7).sum()) for rows in bags], sorted(np.concatenate(bags).tolist())
    ([2, 1], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    rng = np.random.default_rng(random_state)
    bags: list[list[Rows]] = [[] for _ in range(n_bags)]
    for label in np.unique(y):
        shuffled = rng.permutation(np.flatnonzero(y == label))
        ends = np.cumsum(shares(len(shuffled), n_bags))[:-1]
        for bag, part in zip(bags, np.split(shuffled, ends), strict=True):
            bag.append(part)
    return tuple(np.sort(np.concatenate(parts)) for parts in bags)


def two_valued(X: Matrix) -> dict[int, tuple[float, float]]:
    """Return the columns that hold exactly two distinct values, with the lower and the higher value.

    Examples
    --------
    >>> two_valued(np.array([[0.0, -0.5, 1.0, 5.0], [1.0, 2.0, 2.0, 5.0], [0.0, 2.0, 3.0, 5.0]]))
    {0: (0.0, 1.0), 1: (-0.5, 2.0)}
    """
    low, high = X.min(axis=0), X.max(axis=0)
    start = X[:1000]  # most columns of numbers show a third value at once
    likely = np.flatnonzero((low < high) & ((start == low) | (start == high)).all(axis=0))
    return {
        int(column): (low[column].item(), high[column].item())
        for column in likely
        if ((X[:, column] == low[column]) | (X[:, column] == high[column])).all()
    }


def oversample_bag(
    X: Matrix,
    y: Classes,
    rows: Rows,
    *,
    totals: Mapping[Any, int],
    k_neighbors: int,
    random_state: int | np.random.SeedSequence,
    categorical_features: Sequence[int] = (),
    pairs: Pairs | None = None,
) -> tuple[Matrix, Classes]:
    """Return the synthetic rows of one bag and their classes.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        All training rows, finite; read only.
    y : ndarray of shape (n_samples,)
        Their classes.
    rows : ndarray of int
        Rows of the bag.
    totals : mapping of class to int
        Rows of each class that the bag has afterwards, not fewer than before; other classes stay as they are.
    k_neighbors : int
        Must be smaller than the number of rows of any class in ``totals``.
    random_state : int or SeedSequence
    categorical_features : sequence of int
        Columns of codes; if there are any, SMOTENC replaces SMOTE.
    pairs : mapping of int to (float, float), or None
        Columns that may hold only two values and take the nearer; see `two_valued`.

    Examples
    --------
    >>> X, y = np.arange(16.0).reshape(8, 2), np.array([0] * 5 + [1] * 3)
    >>> rows, labels = oversample_bag(X, y, np.arange(8), totals={1: 5}, k_neighbors=2, random_state=0)
    >>> rows.shape, labels.tolist()
    ((2, 2), [1, 1])
    """
    inside, labels = X[rows], y[rows]
    short = {label: total for label, total in totals.items() if total > np.count_nonzero(labels == label)}
    if not short:
        return inside[:0], labels[:0]
    settings = {
        "sampling_strategy": short,
        "k_neighbors": k_neighbors,
        "random_state": np.random.RandomState(np.random.MT19937(random_state)),
    }
    sampler = SMOTENC(list(categorical_features), **settings) if categorical_features else SMOTE(**settings)
    # OpenMP has a number of threads for each thread, so it can only be set here; ties then fall as on one core
    with threadpool_limits(1, user_api="openmp"):
        balanced, balanced_labels = sampler.fit_resample(inside, labels)
    synthetic = balanced[len(rows) :].copy()  # a view would keep the bag's own rows in memory
    for column, (low, high) in (pairs or {}).items():
        synthetic[:, column] = np.where(synthetic[:, column] > low / 2 + high / 2, high, low)
    return synthetic, balanced_labels[len(rows) :]
