"""Impute by nearest neighbours at a bounded cost: donors come from a reference sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

Matrix = npt.NDArray[np.float64]
Columns = npt.NDArray[np.int64]

CHUNK_ROWS = 2048


class BoundedKNNImputer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fill gaps with the mean of the nearest donors, as scikit-learn's ``KNNImputer`` does, in bounded time.

    The donors are a seeded sample of at most ``reference_rows`` training rows, so that the cost of scoring is rows
    times ``reference_rows`` and not rows times training rows; distances of a row are computed and sorted once for
    all its gaps, and its donors are looked up once for all columns that the same reference rows have.
    With as many reference rows as training rows the values equal those of
    ``KNNImputer(weights="uniform")``, except for ties.

    Parameters
    ----------
    n_neighbors : int, default=5
        Donors averaged for a gap: the nearest ones that have the value.
    reference_rows : int, default=1000
        Most training rows kept as donors.
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
        alike = _alike(~np.isnan(self.reference_))
        for start in range(0, len(gappy), CHUNK_ROWS):
            block = gappy[start : start + CHUNK_ROWS]
            filled[block] = self._fill(filled[block], alike)
        return filled

    def _fill(self, rows: Matrix, alike: Sequence[Columns]) -> Matrix:
        """Return one block of rows with its gaps filled."""
        distances = self._distances(rows)
        near = min(len(self.reference_), max(64, 4 * self.n_neighbors))
        order = np.argpartition(distances, near - 1, axis=1)[:, :near]
        order = np.take_along_axis(
            order, np.argsort(np.take_along_axis(distances, order, axis=1), axis=1), axis=1
        )
        comparable = np.isfinite(np.take_along_axis(distances, order, axis=1))
        gaps, filled = np.isnan(rows), rows.copy()
        for columns in alike:
            wanting = np.flatnonzero(gaps[:, columns].any(axis=1))
            if len(wanting) == 0:
                continue
            nearest, known = self._nearest(
                np.where(comparable[wanting], order[wanting], -1), distances, wanting, column=columns[0]
            )
            counts = known.sum(axis=1)[:, None]
            values = np.where(known[:, :, None], self.reference_[nearest[:, :, None], columns], 0.0).sum(
                axis=1
            )
            means = np.where(counts > 0, values / np.maximum(counts, 1), self.fallback_[columns])
            places = np.ix_(wanting, columns)
            filled[places] = np.where(gaps[places], means, rows[places])
        return filled

    def _nearest(
        self, order: Columns, distances: Matrix, rows: Columns, *, column: int
    ) -> tuple[Columns, npt.NDArray[np.bool_]]:
        """Return the nearest donors of some rows that have a value in the column, and which of them can be used.

        Parameters
        ----------
        order : ndarray of shape (len(rows), n_near)
            The nearest reference rows, nearest first; -1 for one that shares no column with the row.
        distances : ndarray of shape (n_block, n_reference)
        rows : ndarray of int
            Rows of the block.
        column : int

        Returns
        -------
        tuple of ndarray of shape (len(rows), at most n_neighbors)
        """
        has_value = ~np.isnan(self.reference_[:, column])
        donors = np.flatnonzero(has_value)
        neighbors = min(self.n_neighbors, len(donors))
        usable = np.append(has_value, False)[order]
        places = np.cumsum(usable, axis=1)
        taken, near = np.nonzero(usable & (places <= neighbors))
        nearest = np.zeros((len(rows), neighbors), dtype=np.int64)
        nearest[taken, places[taken, near] - 1] = order[taken, near]
        known = np.arange(neighbors) < places[:, -1:]
        # a few rows have near reference rows that mostly lack this value: search all of its donors for them
        short = np.flatnonzero(places[:, -1] < neighbors)
        if len(short) > 0 and order.shape[1] < len(self.reference_):
            far = distances[np.ix_(rows[short], donors)]
            best = np.argpartition(far, neighbors - 1, axis=1)[:, :neighbors]
            nearest[short], known[short] = donors[best], np.isfinite(np.take_along_axis(far, best, axis=1))
        return nearest, known

    def _distances(self, rows: Matrix) -> Matrix:
        """Return squared Euclidean distances over jointly known columns, scaled up for unknown ones; inf if none."""
        known, donor_known = ~np.isnan(rows), ~np.isnan(self.reference_)
        left, right = np.where(known, rows, 0.0), np.where(donor_known, self.reference_, 0.0)
        mask, donor_mask = known.astype(np.float64), donor_known.astype(np.float64)
        squared = left**2 @ donor_mask.T - 2.0 * left @ right.T + mask @ (right**2).T
        shared = mask @ donor_mask.T
        scaled: Matrix = np.maximum(squared, 0.0) * rows.shape[1] / np.maximum(shared, 1.0)
        return np.where(shared > 0, scaled, np.inf)


def _alike(has_value: npt.NDArray[np.bool_]) -> list[Columns]:
    """Return the columns that the same reference rows have a value in, together: their donors are the same."""
    columns_by_pattern: dict[bytes, list[int]] = {}
    for column, pattern in enumerate(has_value.T):
        columns_by_pattern.setdefault(pattern.tobytes(), []).append(column)
    return [np.array(columns) for columns in columns_by_pattern.values()]
