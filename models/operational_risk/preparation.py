"""Turn a feature frame into a matrix: Unknown categories, min-max scaling, nearest-neighbour imputation."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from models.operational_risk.imputation import BoundedKNNImputer
from models.schema import Column, conform, schema_hash, schema_of

Matrix = npt.NDArray[np.float64]

UNKNOWN = "Unknown"


class Preparation(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn a feature frame into numbers in [0, 1] without gaps, by rules learned once from the training rows.

    In order: (1) categories and flags become one column a level, with a level "Unknown" for missing
    values and for levels not seen in training; (2) numbers whose training skewness exceeds
    ``skew_limit`` are compressed by sign(x) log(1 + abs(x)); (3) numbers are scaled to [0, 1] by the
    training minimum and maximum and clipped there, so that an unusual night cannot push a linear model
    beyond the range of training; (4) gaps are filled by nearest neighbours on the scaled values, since on raw
    values the largest amounts alone would decide which rows are near; (5) each pattern of gaps shared by several
    numbers and found in 1% to 99% of the training rows becomes a mark, so that a structural gap (no
    transaction in the window) stays visible, as "Unknown" does for categories; a random gap of one number has no
    mark.

    Parameters
    ----------
    n_neighbors : int, default=5
        Donors averaged for a gap.
    reference_rows : int, default=1000
        Most training rows kept as donors.
    skew_limit : float or None, default=1.0
        Compress numbers that are more skewed than this; None compresses none, as in the paper.
    random_state : int, default=0
        Seed of the donor sample.

    Attributes
    ----------
    schema_ : tuple of Column
        Names and kinds, in order.
    schema_hash_ : str
        SHA-256 of the schema.
    feature_names_out_ : tuple of str
        Columns of the matrix.
    sources_out_ : tuple of str
        The feature behind each column of the matrix.

    References
    ----------
    Pérez-Salazar et al. (2026), section 3.2.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"gap": [1.0, 3.0, None], "sector": ["a", None, "b"]})
    >>> preparation = Preparation(n_neighbors=1).fit(frame)
    >>> preparation.feature_names_out_
    ('gap', 'sector=a', 'sector=b', 'sector=Unknown')
    """

    def __init__(
        self,
        *,
        n_neighbors: int = 5,
        reference_rows: int = 1000,
        skew_limit: float | None = 1.0,
        random_state: int = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.reference_rows = reference_rows
        self.skew_limit = skew_limit
        self.random_state = random_state

    def fit(self, X: pl.DataFrame, y: Any = None) -> Self:
        """Learn levels, ranges and donors from training rows.

        Parameters
        ----------
        X : polars.DataFrame of shape (n_samples, n_features)
            Features only; every column a number, a flag or text.
        y : ignored
        """
        self.schema_ = schema_of(X, X.columns)
        self.schema_hash_ = schema_hash(self.schema_)
        self.n_features_in_ = len(self.schema_)
        self.levels_ = {
            column.name: sorted(set(_texts(X, column)) - {UNKNOWN})
            for column in self.schema_
            if column.kind != "number"
        }
        self.numbers_ = tuple(column.name for column in self.schema_ if column.kind == "number")
        raw = _numbers(X, self.numbers_)
        self.compressed_ = _skewness(raw) > (np.inf if self.skew_limit is None else self.skew_limit)
        shaped = _compress(raw, self.compressed_)
        self.low_, self.range_ = _bounds(shaped)
        self.imputer_ = BoundedKNNImputer(
            n_neighbors=self.n_neighbors, reference_rows=self.reference_rows, random_state=self.random_state
        ).fit(self._scaled(shaped))
        self.marks_ = _gap_patterns(np.isnan(raw))
        self.name_outputs()
        return self

    def name_outputs(self) -> None:
        """Name the columns of the matrix and the feature behind each, after fitting or loading."""
        names = [(name, name) for name in self.numbers_]
        names += [(f"missing:{self.numbers_[mark]}", self.numbers_[mark]) for mark in self.marks_]
        names += [
            (f"{name}={level}", name) for name, levels in self.levels_.items() for level in [*levels, UNKNOWN]
        ]
        self.feature_names_out_ = tuple(name for name, _ in names)
        self.sources_out_ = tuple(source for _, source in names)

    def transform(self, X: pl.DataFrame) -> Matrix:
        """Return the matrix of a frame with the columns of training, in any order; other columns are ignored.

        Parameters
        ----------
        X : polars.DataFrame of shape (n_samples, at least n_features)

        Returns
        -------
        ndarray of shape (n_samples, len(feature_names_out_)), every value in [0, 1]

        Raises
        ------
        SchemaMismatchError
            A column is missing or of another kind.
        """
        check_is_fitted(self, "schema_")
        frame = conform(X, self.schema_)
        raw = _numbers(frame, self.numbers_)
        blocks = [
            self.imputer_.transform(self._scaled(_compress(raw, self.compressed_))),
            np.isnan(raw[:, list(self.marks_)]).astype(np.float64),
        ]
        for name, levels in self.levels_.items():
            texts = np.array(_texts(frame, Column(name, "category")), dtype=np.str_)
            known = (
                np.stack([texts == level for level in levels], axis=1)
                if levels
                else np.empty((len(texts), 0))
            )
            blocks.append(np.column_stack([known, ~known.any(axis=1)]).astype(np.float64))
        return np.hstack(blocks)

    def check(self, X: pl.DataFrame) -> None:
        """Refuse a frame without the columns of training; see `transform`."""
        conform(X, self.schema_)

    def unseen_counts(self, X: pl.DataFrame) -> dict[str, int]:
        """Count for each category the rows with a level not seen in training (missing is not unseen)."""
        frame = conform(X, self.schema_)
        return {
            name: sum(
                text != UNKNOWN and text not in levels for text in _texts(frame, Column(name, "category"))
            )
            for name, levels in self.levels_.items()
        }

    def _scaled(self, shaped: Matrix) -> Matrix:
        """Return the numbers scaled by the training range and clipped; gaps stay gaps."""
        return np.clip((shaped - self.low_) / self.range_, 0.0, 1.0)


def _numbers(frame: pl.DataFrame, names: tuple[str, ...]) -> Matrix:
    """Return the numeric columns as one matrix, with null, NaN and infinite values as gaps."""
    if not names:
        return np.empty((frame.height, 0))
    matrix: Matrix = (
        frame.select(pl.col(name).cast(pl.Float64) for name in names).to_numpy().astype(np.float64)
    )
    return np.where(np.isfinite(matrix), matrix, np.nan)


def _texts(frame: pl.DataFrame, column: Column) -> list[str]:
    """Return a category or flag as text, with missing values as Unknown."""
    values: list[str] = frame[column.name].cast(pl.String).fill_null(UNKNOWN).to_list()
    return values


def _skewness(matrix: Matrix) -> Matrix:
    """Return the skewness of each column over its known values; 0 where it is undefined."""
    known = ~np.isnan(matrix)
    count = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, matrix - np.where(known, matrix, 0.0).sum(axis=0) / count, 0.0)
    deviation = np.sqrt((centred**2).sum(axis=0) / count)
    flat = deviation == 0
    standard = centred / np.where(flat, 1.0, deviation)
    skewness: Matrix = np.abs((standard**3).sum(axis=0) / count) * ~flat
    return skewness


def _compress(matrix: Matrix, columns: npt.NDArray[np.bool_]) -> Matrix:
    """Return the matrix with sign(x) log(1 + abs(x)) in the given columns."""
    return np.where(columns, np.sign(matrix) * np.log1p(np.abs(matrix)), matrix)


def _bounds(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Return minimum and range of each column; (0, 1) for a column without values, range 1 for a constant."""
    known = ~np.isnan(matrix)
    has_values = known.any(axis=0)
    low = np.where(has_values, np.where(known, matrix, np.inf).min(axis=0, initial=np.inf), 0.0)
    high = np.where(has_values, np.where(known, matrix, -np.inf).max(axis=0, initial=-np.inf), 0.0)
    return low, np.where(high > low, high - low, 1.0)


def _gap_patterns(gaps: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the first column of each pattern of gaps shared by several columns and found in 1% to 99% of the rows."""
    columns_by_pattern: dict[bytes, list[int]] = {}
    for column in np.flatnonzero((gaps.mean(axis=0) >= 0.01) & (gaps.mean(axis=0) <= 0.99)).tolist():
        columns_by_pattern.setdefault(gaps[:, column].tobytes(), []).append(column)
    return tuple(alike[0] for alike in columns_by_pattern.values() if len(alike) > 1)
