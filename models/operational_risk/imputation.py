"""Impute by nearest neighbours at a bounded cost: donors come from a reference sample."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from models.compiled import compiled

Array = Any  # numba takes the kind of an array from the call
Matrix = npt.NDArray[np.float64]
Columns = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

CHUNK_ROWS = 512


class Donors(NamedTuple):
    """The reference rows as compiled code takes them.

    Columns of one group have a value in the same reference rows: ``group_of`` has the shape (n_features,),
    ``has_value`` (n_groups, n_reference). ``listed`` has those rows of one group after the other; those of group g
    start at ``starts[g]``. ``fallback`` fills a gap that no donor can.
    """

    rows: Array
    group_of: Array
    has_value: Array
    listed: Array
    starts: Array
    fallback: Array


class BoundedKNNImputer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fill gaps with the mean of the nearest donors, as scikit-learn's ``KNNImputer`` does, in bounded time.

    The donors are a seeded sample of at most ``reference_rows`` training rows, so that the cost of scoring is rows
    times ``reference_rows`` and not rows times training rows; distances of a row are computed once for all its
    gaps, and its donors are looked for once for all columns that the same reference rows have, by compiled code.
    With as many reference rows as training rows the values equal those of
    ``KNNImputer(weights="uniform")``, except for ties.

    Parameters
    ----------
    n_neighbors : int, default=5
        Donors averaged for a gap: the nearest ones that have the value.
    reference_rows : int, default=1000
        Most training rows kept as donors; 0: every gap takes the mean of the training rows.
    random_state : int, default=0
        Seed of the sample.

    Attributes
    ----------
    reference_ : ndarray of shape (n_reference, n_features)
        The donors, gaps as NaN.
    fallback_ : ndarray of shape (n_features,)
        Mean of the training rows, for a row without a usable donor; 0 for a column without any value.

    References
    ----------
    Pérez-Salazar et al. (2026), section 3.2: "random gaps in numerical features were reconstructed
    using K-Nearest Neighbors (KNN) imputation".

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[0.0, 1.0], [0.1, 1.2], [1.0, 9.0]])
    >>> BoundedKNNImputer(n_neighbors=2).fit(rows).transform(np.array([[0.05, np.nan]]))
    array([[0.05, 1.1 ]])
    """

    def __init__(self, *, n_neighbors: int = 5, reference_rows: int = 1000, random_state: int = 0) -> None:
        self.n_neighbors = n_neighbors
        self.reference_rows = reference_rows
        self.random_state = random_state

    def fit(self, X: Matrix, y: Any = None) -> Self:
        """Draw the donors and remember the column means.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Training rows, gaps as NaN, columns on comparable scales.
        y : ignored
        """
        rows = np.asarray(X, dtype=np.float64)
        if len(rows) > self.reference_rows:
            drawn = np.random.default_rng(self.random_state).choice(
                len(rows), self.reference_rows, replace=False
            )
            self.reference_ = rows[np.sort(drawn)]
        else:
            self.reference_ = rows.copy()
        known = ~np.isnan(rows)
        counts = known.sum(axis=0)
        sums = np.where(known, rows, 0.0).sum(axis=0)
        self.fallback_: Matrix = np.where(counts > 0, sums / np.maximum(counts, 1), 0.0)
        self.n_features_in_ = rows.shape[1]
        return self

    def transform(self, X: Matrix) -> Matrix:
        """Return the rows without gaps; rows that have none come back unchanged.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        filled = np.array(X, dtype=np.float64)
        gappy = np.flatnonzero(np.isnan(filled).any(axis=1))
        donors = self._donors()
        for start in range(0, len(gappy), CHUNK_ROWS):
            rows = filled[gappy[start : start + CHUNK_ROWS]]
            _fill(rows, self._distances(rows, donors), donors, self.n_neighbors)
            filled[gappy[start : start + CHUNK_ROWS]] = rows
        return filled

    def _donors(self) -> Donors:
        group_of, has_value = _alike(~np.isnan(self.reference_))
        starts = np.concatenate([[0], has_value.sum(axis=1).cumsum()])
        return Donors(self.reference_, group_of, has_value, np.nonzero(has_value)[1], starts, self.fallback_)

    def _distances(self, rows: Matrix, donors: Donors) -> Matrix:
        """Return squared Euclidean distances over jointly known columns, scaled up for unknown ones; inf if none.

        Columns that the donors know alike are added up before they are multiplied. Those that the rows know alike are
        not: a row's distances would then depend, in their last digit, on the rows that it is filled with.
        """
        known = ~np.isnan(rows)
        left, right = np.where(known, rows, 0.0), np.where(np.isnan(donors.rows), 0.0, donors.rows)
        donor_mask, mask = donors.has_value.astype(np.float64), known.astype(np.float64)
        squared = _summed(left**2, donors.group_of) @ donor_mask - 2.0 * left @ right.T + mask @ (right**2).T
        shared = _summed(known, donors.group_of) @ donor_mask
        scaled: Matrix = np.maximum(squared, 0.0) * rows.shape[1] / np.maximum(shared, 1.0)
        return np.where(shared > 0, scaled, np.inf)


def _alike(has_value: Flags) -> tuple[Columns, Flags]:
    """Put columns that the same rows have a value in into one group.

    Returns
    -------
    ndarray of shape (n_features,), the group of each column, and ndarray of shape (n_groups, n_rows)
    """
    groups: dict[bytes, int] = {}
    group_of = [groups.setdefault(pattern.tobytes(), len(groups)) for pattern in has_value.T]
    patterns = [np.frombuffer(pattern, dtype=np.bool_) for pattern in groups]
    return np.array(group_of, dtype=np.int64), np.array(patterns).reshape(len(groups), len(has_value))


def _summed(values: npt.NDArray[Any], group_of: Columns) -> Matrix:
    """Return the sums of the columns of each group, shape (n_rows, n_groups)."""
    order = np.argsort(group_of, kind="stable")
    starts = np.searchsorted(group_of[order], np.arange(group_of.max(initial=-1) + 1))
    sums: Matrix = np.add.reduceat(values[:, order], starts, axis=1, dtype=np.float64)
    return sums


@compiled
def _fill(rows: Array, distances: Array, donors: Donors, neighbors: int) -> None:
    """Fill the gaps of some rows in place; of donors at the same distance the first ones count.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
    distances : ndarray of shape (n_rows, n_reference)
        Of the rows to the donors; inf where they share no column.
    donors : Donors
    neighbors : int
        Most donors of a gap.
    """
    groups, everyone = len(donors.has_value), np.arange(len(donors.rows))
    near = np.empty(max(64, 4 * neighbors), np.int64)
    nearest, found = np.empty((groups, neighbors), np.int64), np.empty(groups, np.int64)
    for row in range(len(rows)):
        known, near_known = distances[row], -1  # nothing is looked for yet
        found[:] = -1
        for column in range(rows.shape[1]):
            if not np.isnan(rows[row, column]):
                continue
            group = donors.group_of[column]
            if near_known < 0:
                near_known = _nearest(known, everyone, near)
            if found[group] < 0:
                found[group] = _pick(near[:near_known], donors.has_value[group], nearest[group])
                if found[group] < neighbors and near_known == len(near):
                    # the near ones mostly lack this value: look at all donors
                    all_of_them = donors.listed[donors.starts[group] : donors.starts[group + 1]]
                    found[group] = _nearest(known, all_of_them, nearest[group])
            total = 0.0
            for place in range(found[group]):
                total += donors.rows[nearest[group, place], column]
            rows[row, column] = total / found[group] if found[group] else donors.fallback[column]


@compiled
def _pick(near: Array, has_value: Array, nearest: Array) -> int:
    """Write the first of the near donors that have a value, as many as there is room for, and return how many."""
    found = 0
    for donor in near:
        if found == len(nearest):
            break
        if has_value[donor]:
            nearest[found] = donor
            found += 1
    return found


@compiled
def _nearest(distances: Array, donors: Array, nearest: Array) -> int:
    """Write the nearest of some donors, nearest first, and return how many there are."""
    found, most = 0, len(nearest)
    farthest = np.inf
    for donor in donors:
        distance = distances[donor]
        if not distance < farthest:
            continue
        place = min(found, most - 1)
        while place > 0 and distances[nearest[place - 1]] > distance:
            nearest[place] = nearest[place - 1]
            place -= 1
        nearest[place] = donor
        found = min(found + 1, most)
        if found == most:
            farthest = distances[nearest[most - 1]]
    return found
