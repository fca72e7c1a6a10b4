"""Oversample by SMOTE with a small minority, and keep zero-one columns zero or one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from imblearn.over_sampling import SMOTE
from sklearn.base import BaseEstimator


class SnappedSmote(BaseEstimator):  # type: ignore[misc]
    """Oversample the minority up to balance, for training rows only.

    Two rules beyond plain SMOTE. The number of neighbours is ``min(n_neighbors, minority - 1)``, and a
    minority of one row stays as it is, since there is nothing to interpolate with. A column that holds
    only zeros and ones (a category, a missingness mark) takes the value of the nearer end of the
    interpolation: every column of a synthetic row shares one position between its two ends, so that a
    category stays one category.

    Parameters
    ----------
    n_neighbors : int, default=5
        Neighbours to interpolate with.
    random_state : int, default=0
        Seed.

    References
    ----------
    Chawla et al. (2002), SMOTE: Synthetic Minority Over-sampling Technique.
    Pérez-Salazar et al. (2026), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> rows, labels = np.arange(20.0).reshape(10, 2), np.array([0] * 8 + [1] * 2)
    >>> SnappedSmote().fit_resample(rows, labels)[1].mean().item()
    0.5
    """

    def __init__(self, *, n_neighbors: int = 5, random_state: int = 0) -> None:
        self.n_neighbors = n_neighbors
        self.random_state = random_state

    def fit_resample(
        self, X: npt.NDArray[np.float64], y: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any]]:
        """Return the given rows unchanged, followed by the synthetic ones.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Training rows without gaps.
        y : ndarray of shape (n_samples,)
            Labels, 0 or 1.
        """
        counts = np.bincount(np.asarray(y, dtype=np.int64), minlength=2)
        if counts.min() < 2 or counts[0] == counts[1]:
            return X, y
        smote = SMOTE(
            k_neighbors=int(min(self.n_neighbors, counts.min() - 1)), random_state=self.random_state
        )
        rows, labels = smote.fit_resample(X, y)
        binary = ((X == 0) | (X == 1)).all(axis=0)
        rows[:, binary] = np.rint(rows[:, binary])
        return rows, labels
