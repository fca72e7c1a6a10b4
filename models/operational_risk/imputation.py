"""Impute by nearest neighbours at a bounded cost: donors come from a reference sample."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

Matrix = npt.NDArray[np.float64]

CHUNK_ROWS = 2048


class BoundedKNNImputer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fill gaps with the mean of the nearest donors, as scikit-learn's ``KNNImputer`` does, in bounded time.

    The donors are a seeded sample of at most ``reference_rows`` training rows, so that the cost of scoring is rows
    times ``reference_rows`` and not rows times training rows; distances of a row are computed and sorted once for
    all its gaps, not once for each column. With as many reference rows as training rows the values equal those of
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
        for start in range(0, len(gappy), CHUNK_ROWS):
            block = gappy[start : start + CHUNK_ROWS]
            filled[block] = self._fill(filled[block])
        return filled

    def _fill(self, rows: Matrix) -> Matrix:
        """Return one block of rows with its gaps filled."""
        distances = self._distances(rows)
        has_value = ~np.isnan(self.reference_)
        near = min(len(self.reference_), max(64, 4 * self.n_neighbors))
        order = np.argpartition(distances, near - 1, axis=1)[:, :near]
        order = np.take_along_axis(
            order, np.argsort(np.take_along_axis(distances, order, axis=1), axis=1), axis=1
        )
        filled = rows.copy()
        for column in np.flatnonzero(np.isnan(rows).any(axis=0)):
            gaps = np.flatnonzero(np.isnan(rows[:, column]))
            donors = np.flatnonzero(has_value[:, column])
            if len(donors) == 0:
                filled[gaps, column] = self.fallback_[column]
                continue
            chosen = order[gaps]
            neighbors = min(self.n_neighbors, len(donors))
            usable = has_value[chosen, column] & np.isfinite(
                np.take_along_axis(distances[gaps], chosen, axis=1)
            )
            usable &= np.cumsum(usable, axis=1) <= neighbors
            values = np.where(usable, self.reference_[chosen, column], 0.0).sum(axis=1)
            counts = usable.sum(axis=1)
            # A few rows have near reference rows that mostly lack this value: search all of its donors for them.
            short = np.flatnonzero(counts < neighbors)
            if len(short) > 0 and near < len(self.reference_):
                far = distances[np.ix_(gaps[short], donors)]
                best = np.argpartition(far, neighbors - 1, axis=1)[:, :neighbors]
                reachable = np.isfinite(np.take_along_axis(far, best, axis=1))
                counts[short] = reachable.sum(axis=1)
                values[short] = np.where(reachable, self.reference_[donors[best], column], 0.0).sum(axis=1)
            filled[gaps, column] = np.where(
                counts > 0, values / np.maximum(counts, 1), self.fallback_[column]
            )
        return filled

    def _distances(self, rows: Matrix) -> Matrix:
        """Return squared Euclidean distances over jointly known columns, scaled up for unknown ones; inf if none."""
        known, donor_known = ~np.isnan(rows), ~np.isnan(self.reference_)
        left, right = np.where(known, rows, 0.0), np.where(donor_known, self.reference_, 0.0)
        mask, donor_mask = known.astype(np.float64), donor_known.astype(np.float64)
        squared = left**2 @ donor_mask.T - 2.0 * left @ right.T + mask @ (right**2).T
        shared = mask @ donor_mask.T
        scaled: Matrix = np.maximum(squared, 0.0) * rows.shape[1] / np.maximum(shared, 1.0)
        return np.where(shared > 0, scaled, np.inf)
