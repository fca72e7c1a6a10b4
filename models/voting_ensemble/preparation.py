"""Turn a feature frame into a matrix as the ensemble's paper does: one-hot, mean imputation, standardisation."""

from __future__ import annotations

import hashlib
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from models.schema import conform, schema_hash, schema_of

Matrix = npt.NDArray[np.float64]

UNKNOWN = "Unknown"
COMMON = 0.01  # smallest share of training rows for which a level or a pattern of gaps gets a column


class StandardPreparation(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn a feature frame into standardised numbers without gaps, by rules learned once from the training rows.

    In order: (1) categories and flags become one column of zeros and ones a level, with a level "Unknown"
    for missing values, for levels of less than 1% of the training rows, and for levels not seen in training;
    (2) each pattern of gaps found in 1% to 99% of the training rows becomes a column of zeros and ones, one column
    even if several features share the pattern, so that a missing value stays visible; (3) gaps take the training
    mean of their feature; (4) numbers are standardised by training mean and deviation. Columns of zeros and ones are
    not standardised, so that oversampling can keep them zero or one.

    Null, NaN and infinite values are gaps; the number of infinite training values is kept by feature.

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
    levels_, rare_ : dict of str to list of str
        For each category, the levels with their own column and the levels too rare for one.
    infinite_ : dict of str to int
        Number of infinite values in the training rows, by feature; only features with any.

    References
    ----------
    Yang & Xiao (2024), section IV.A.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"assets": [1.0, 3.0, None], "sector": ["a", None, "b"]})
    >>> preparation = StandardPreparation().fit(frame)
    >>> preparation.feature_names_out_
    ('assets', 'missing:assets', 'sector=a', 'sector=b', 'sector=Unknown')
    >>> preparation.transform(frame)[:, 0].tolist()
    [-1.0, 1.0, 0.0]
    """

    def fit(self, X: pl.DataFrame, y: Any = None) -> Self:
        """Learn levels, gap patterns, means and deviations from training rows.

        Parameters
        ----------
        X : polars.DataFrame of shape (n_samples, n_features)
            Features only; every column a number, a flag or text.
        y : ignored
        """
        self.schema_ = schema_of(X, X.columns)
        self.schema_hash_ = schema_hash(self.schema_)
        self.n_features_in_ = len(self.schema_)
        self.levels_, self.rare_ = {}, {}
        for column in self.schema_:
            if column.kind != "number":
                counts = dict(_texts(X, column.name).value_counts().iter_rows())
                shown = sorted(set(counts) - {UNKNOWN})
                self.levels_[column.name] = [level for level in shown if counts[level] >= COMMON * X.height]
                self.rare_[column.name] = [level for level in shown if counts[level] < COMMON * X.height]
        self.numbers_ = tuple(column.name for column in self.schema_ if column.kind == "number")
        raw = _numbers(X, self.numbers_)
        infinite = np.isinf(raw).sum(axis=0)
        self.infinite_ = {name: int(n) for name, n in zip(self.numbers_, infinite, strict=True) if n}
        known = np.isfinite(raw)
        counts_known = np.maximum(known.sum(axis=0), 1)
        self.mean_ = np.where(known, raw, 0.0).sum(axis=0) / counts_known
        spread = np.sqrt((np.where(known, raw - self.mean_, 0.0) ** 2).sum(axis=0) / counts_known)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        self.marks_ = _gap_patterns(~known)
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
        ndarray of shape (n_samples, len(feature_names_out_)), no gaps

        Raises
        ------
        SchemaMismatchError
            A column is missing or of another kind.
        """
        check_is_fitted(self, "schema_")
        frame = conform(X, self.schema_)
        raw = _numbers(frame, self.numbers_)
        known = np.isfinite(raw)
        blocks = [
            (np.where(known, raw, self.mean_) - self.mean_) / self.scale_,
            (~known[:, list(self.marks_)]).astype(np.float64),
        ]
        for name, levels in self.levels_.items():
            texts = _texts(frame, name)
            place = np.full(frame.height, len(levels))
            for number, level in enumerate(levels):
                place[(texts == level).to_numpy()] = number
            blocks.append(np.eye(len(levels) + 1)[place])
        return np.hstack(blocks)

    def check(self, X: pl.DataFrame) -> None:
        """Refuse a frame without the columns of training; see `transform`."""
        conform(X, self.schema_)

    def unseen_counts(self, X: pl.DataFrame) -> dict[str, int]:
        """Count for each category the rows with a level not seen in training (missing is not unseen)."""
        frame = conform(X, self.schema_)
        return {
            name: int((~_texts(frame, name).is_in([*levels, *self.rare_[name], UNKNOWN])).sum())
            for name, levels in self.levels_.items()
        }


def duplicate_columns(frame: pl.DataFrame) -> dict[str, str]:
    """Return each column that repeats an earlier one value by value, with the name of the earlier one.

    Examples
    --------
    >>> duplicate_columns(pl.DataFrame({"a": [1, 2], "b": [2, 2], "c": [1, 2]}))
    {'c': 'a'}
    """
    first: dict[bytes, str] = {}
    repeated: dict[str, str] = {}
    for column in schema_of(frame):
        if column.kind == "number":
            content = _numbers(frame, (column.name,)).tobytes()
        else:
            content = "\x1f".join(_texts(frame, column.name).to_list()).encode()
        mark = hashlib.sha256(column.kind.encode() + content).digest()
        if first.setdefault(mark, column.name) != column.name:
            repeated[column.name] = first[mark]
    return repeated


def _numbers(frame: pl.DataFrame, names: tuple[str, ...]) -> Matrix:
    """Return the numeric columns as one matrix, with null as NaN."""
    if not names:
        return np.empty((frame.height, 0))
    return frame.select(pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in names).to_numpy()


def _texts(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a category or flag as text, with missing values as Unknown."""
    return frame[name].cast(pl.String).fill_null(UNKNOWN)


def _gap_patterns(gaps: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the first column of each pattern of gaps found in 1% to 99% of the rows."""
    first: dict[bytes, int] = {}
    share = gaps.mean(axis=0) if len(gaps) else np.zeros(gaps.shape[1])
    for column in np.flatnonzero((share >= COMMON) & (share <= 1 - COMMON)).tolist():
        first.setdefault(gaps[:, column].tobytes(), column)
    return tuple(first.values())
