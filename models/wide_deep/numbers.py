"""Prepare the numbers of the deep part: compressed, standardised, without gaps, a mark for each pattern of gaps."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from models.wide_deep.slots import impossible

Matrix = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

SKEWED = 1.0
COMMON = 0.01  # smallest share of the training rows for which a pattern of gaps gets a mark


class DeepNumbers:
    """Turn numbers and flags into inputs of the hidden layers, by rules learned once from the training rows.

    In order: (1) null, NaN, infinite values and negative counts are gaps; (2) numbers whose training skewness
    exceeds 1 are compressed by sign(x) log(1 + abs(x)); (3) all are standardised by training mean and deviation,
    and clipped to the range of training, so that an unusual night stays where the network was trained;
    (4) gaps take 0, the training mean; (5) each pattern of gaps found in 1% to 99% of the training rows becomes
    a column of zeros and ones, one column even if several numbers share the pattern. A row of gaps only lies at
    the mean with all marks set.

    Parameters
    ----------
    names : tuple of str
    counts : frozenset of str
        Names whose negative values are impossible.

    Examples
    --------
    >>> frame = pl.DataFrame({"tx_count_30d": [1.0, 3.0, None, -2.0]})
    >>> numbers = DeepNumbers(("tx_count_30d",), frozenset({"tx_count_30d"})).fit(frame)
    >>> numbers.transform(frame).tolist()
    [[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    """

    ARRAYS = ("compressed_", "mean_", "scale_", "low_", "high_")

    compressed_: Array
    mean_: Array
    scale_: Array
    low_: Array
    high_: Array
    marks_: tuple[int, ...]

    def __init__(self, names: tuple[str, ...], counts: frozenset[str]) -> None:
        self.names = names
        self.counts = counts

    def fit(self, frame: pl.DataFrame) -> Self:
        """Learn from training rows, in which every number has at least one value."""
        raw = self._raw(frame)
        known = ~np.isnan(raw)
        counts_known = np.maximum(known.sum(axis=0), 1)
        self.compressed_ = _skewness(raw, known, counts_known) > SKEWED
        shaped = _compress(raw, self.compressed_)
        self.mean_ = np.where(known, shaped, 0.0).sum(axis=0) / counts_known
        spread = np.sqrt((np.where(known, shaped - self.mean_, 0.0) ** 2).sum(axis=0) / counts_known)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        standard = (shaped - self.mean_) / self.scale_
        self.low_ = np.where(known, standard, 0.0).min(axis=0, initial=0.0)
        self.high_ = np.where(known, standard, 0.0).max(axis=0, initial=0.0)
        self.marks_ = _gap_patterns(~known)
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """The number behind each column."""
        return (*self.names, *(self.names[mark] for mark in self.marks_))

    def transform(self, frame: pl.DataFrame) -> Matrix:
        """Return the columns of the deep part, shape (n_samples, len(sources)), no gaps."""
        raw = self._raw(frame)
        known = ~np.isnan(raw)
        shaped = (_compress(np.where(known, raw, 0.0), self.compressed_) - self.mean_) / self.scale_
        standard = np.where(known, np.clip(shaped, self.low_, self.high_), 0.0)
        return np.hstack([standard, ~known[:, list(self.marks_)]])

    def impossible_counts(self, frame: pl.DataFrame) -> dict[str, int]:
        """Return the number of infinite values and negative counts in each number."""
        return {name: impossible(frame[name], count=name in self.counts) for name in self.names}

    def _raw(self, frame: pl.DataFrame) -> Matrix:
        """Return the numbers as one matrix, with NaN for missing or impossible values."""
        if not self.names:
            return np.empty((frame.height, 0))
        matrix = frame.select(pl.col(self.names).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
        counts = np.array([name in self.counts for name in self.names])
        return np.where(np.isfinite(matrix) & ~(counts & (matrix < 0)), matrix, np.nan)


def _compress(matrix: Matrix, columns: Array) -> Matrix:
    """Return the matrix with sign(x) log(1 + abs(x)) in the given columns."""
    return np.where(columns, np.sign(matrix) * np.log1p(np.abs(matrix)), matrix)


def _skewness(raw: Matrix, known: Array, rows: Array) -> Matrix:
    """Return the absolute skewness of each column over its known values; 0 where it is undefined."""
    mean = np.where(known, raw, 0.0).sum(axis=0) / rows
    centred = np.where(known, raw - mean, 0.0)
    deviation = np.sqrt((centred**2).sum(axis=0) / rows)
    standard = centred / np.where(deviation == 0, 1.0, deviation)
    return np.asarray(np.abs((standard**3).sum(axis=0) / rows))


def _gap_patterns(gaps: Array) -> tuple[int, ...]:
    """Return the first column of each pattern of gaps found in 1% to 99% of the rows."""
    first: dict[bytes, int] = {}
    share = gaps.mean(axis=0) if len(gaps) else np.zeros(gaps.shape[1])
    for column in np.flatnonzero((share >= COMMON) & (share <= 1 - COMMON)).tolist():
        first.setdefault(gaps[:, column].tobytes(), column)
    return tuple(first.values())
