"""Measure how far borrowers have shifted: reference bins, counts in them, the index and its critical value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats

from models.schema import kind_of

Counts = npt.NDArray[np.float64]
BinKind = Literal["range", "value", "category", "other", "missing"]

SCORE = "score"
TENTHS = 10
LEVELS = 20
ROWS_A_VALUE = 5
_FRAME: dict[str, Any] = {
    "subject": pl.String, "bin": pl.Int32, "kind": pl.String, "lower": pl.Float64, "upper": pl.Float64,
    "category": pl.String, "count": pl.Int64, "share": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class Bin:
    """One bin of a reference: a range ``lower <= value < upper``, a value, a category, any other, or missing."""

    bin: int
    kind: BinKind
    lower: float | None
    upper: float | None
    category: str | None
    count: int
    share: float


class Index(NamedTuple):
    """A stability index, its critical value under no change (None with one bin), and the number of occupied bins."""

    value: float
    critical: float | None
    bins: int


def reference_bins(values: pl.Series) -> tuple[Bin, ...]:
    """Return the bins of a sample with its counts; every later value falls into exactly one of them.

    Parameters
    ----------
    values : polars.Series
        Numbers, flags or text; nulls and NaN are missing.

    Returns
    -------
    tuple of Bin
        Numbers: tenths of the sample (fewer where values repeat), open at both ends. Numbers of at most ten
        distinct values that repeat (five rows a value), flags and text: one bin a value (text: the 20 most
        frequent) and one for any other.
        The last bin holds missing values.

    Raises
    ------
    ValueError
        The values are neither numbers nor flags nor text.

    Examples
    --------
    >>> [(part.kind, part.category, part.count) for part in reference_bins(pl.Series(["a", None, "a", "b"]))]
    [('category', 'a', 2), ('category', 'b', 1), ('other', None, 0), ('missing', None, 1)]
    """
    kind = "number" if values.dtype == pl.Null else kind_of(values.dtype)
    if kind is None:
        raise ValueError(f"{values.name} is {values.dtype}: a reference is made of numbers, flags and text")
    empty = _numbers(_floats(values)) if kind == "number" else _levels(_text(values))
    empty = (*empty, Bin(len(empty), "missing", None, None, None, 0, 0.0))
    counts = bin_counts(values, empty)
    total = float(counts.sum())
    return tuple(
        replace(part, count=int(count), share=float(count / total) if total else 0.0)
        for part, count in zip(empty, counts, strict=True)
    )


def reference_frame(frame: pl.DataFrame, unseen: pl.DataFrame, *, features: Sequence[str]) -> pl.DataFrame:
    """Return the reference of a model: bins of each feature's training values, and of the PD of unseen rows.

    Parameters
    ----------
    frame : polars.DataFrame
        The training rows.
    unseen : polars.DataFrame
        repeat and pd of rows that the model had not seen; the first repeat holds each row once.
    features : sequence of str
        The features of the model.

    Returns
    -------
    polars.DataFrame
        subject (``score`` or a feature), bin, kind, lower, upper, category, count and share.
    """
    scores = unseen.filter(pl.col("repeat") == unseen["repeat"].min())["pd"]
    subjects = {SCORE: scores, **{name: frame[name] for name in features}}
    return pl.DataFrame(
        [
            {"subject": subject, **asdict(part)}
            for subject, values in subjects.items()
            for part in reference_bins(values)
        ],
        schema=_FRAME,
    )


def bin_counts(values: pl.Series, bins: Sequence[Bin]) -> Counts:
    """Return how many values fall into each bin, shape (n_bins,)."""
    if kind_of(values.dtype) in ("flag", "category") or any(part.kind == "category" for part in bins):
        places = {part.category: part.bin for part in bins if part.kind == "category"}
        other = next(part.bin for part in bins if part.kind == "other")
        tally = np.zeros(len(bins))
        for level, count in _text(values).value_counts().iter_rows():
            tally[len(bins) - 1 if level is None else places.get(level, other)] += count
        return tally
    numbers = _floats(values)
    known = numbers[~np.isnan(numbers)]
    if any(part.kind == "range" for part in bins):
        edges = [part.lower for part in bins if part.kind == "range" and part.lower is not None]
        counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(bins) - 1)
    else:
        points = np.array([part.lower for part in bins if part.kind == "value"], dtype=np.float64)
        place = np.minimum(np.searchsorted(points, known), max(len(points) - 1, 0))
        matches = points[place] == known if len(points) else np.zeros(len(known), dtype=bool)
        counts = np.bincount(np.where(matches, place, len(points)), minlength=len(bins) - 1)
    return np.append(counts.astype(np.float64), float(len(numbers) - len(known)))


def stability_index(
    reference: npt.ArrayLike, actual: npt.ArrayLike, *, smoothing: float = 0.5, confidence: float = 0.95
) -> Index:
    """Return the population stability index of two binned samples with its critical value under no change.

    Parameters
    ----------
    reference, actual : array-like of shape (n_bins,)
        Rows of each sample in the same bins; they need not be whole.
    smoothing : float, default=0.5
        Rows added to each occupied bin of both samples, so that an empty bin costs a finite amount.
    confidence : float, default=0.95

    Returns
    -------
    Index
        ``value = sum((q - p) ln(q / p))`` over the bins that either sample occupies, and
        ``critical = chi2(confidence; bins - 1) * (1 / n + 1 / m)``.

    Raises
    ------
    ValueError
        A sample is empty, or the two have different bins.

    Notes
    -----
    Under no change the index is about ``(1/n + 1/m)`` times a chi-square variable with ``bins - 1`` degrees of
    freedom, for independent samples. Two nights hold mostly the same borrowers, which makes the critical value
    conservative: fewer false alerts than stated.

    References
    ----------
    Yurdakul & Naranjo (2020), Statistical properties of the population stability index. Journal of Risk Model
    Validation 14(4), 89-100.

    Examples
    --------
    >>> index = stability_index([50, 50], [25, 75], smoothing=1e-9)
    >>> round(index.value, 4), round(index.critical, 4)
    (0.2747, 0.0768)
    """
    expected, observed = np.asarray(reference, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if expected.shape != observed.shape:
        raise ValueError(f"{expected.size} and {observed.size} bins cannot be compared")
    n, m = float(expected.sum()), float(observed.sum())
    if not n or not m:
        raise ValueError("an empty sample has no stability index")
    occupied = (expected + observed) > 0
    p, q = expected[occupied] + smoothing, observed[occupied] + smoothing
    p, q = p / p.sum(), q / q.sum()
    bins = int(occupied.sum())
    critical = float(stats.chi2.ppf(confidence, bins - 1)) * (1 / n + 1 / m) if bins > 1 else None
    return Index(float(((q - p) * np.log(q / p)).sum()), critical, bins)


def _numbers(numbers: npt.NDArray[np.float64]) -> tuple[Bin, ...]:
    known = numbers[~np.isnan(numbers)]
    distinct = np.unique(known)
    if len(distinct) <= TENTHS and len(known) >= ROWS_A_VALUE * len(distinct):
        points = [
            Bin(place, "value", float(value), float(value), None, 0, 0.0)
            for place, value in enumerate(distinct)
        ]
        return (*points, Bin(len(points), "other", None, None, None, 0, 0.0))
    tenths = np.unique(np.sort(known)[len(known) * np.arange(1, TENTHS) // TENTHS])
    edges = [float(edge) for edge in tenths if edge > distinct[0]]
    bounds = [None, *edges, None]
    return tuple(
        Bin(place, "range", low, high, None, 0, 0.0) for place, (low, high) in enumerate(pairwise(bounds))
    )


def _levels(text: pl.Series) -> tuple[Bin, ...]:
    tally = text.drop_nulls().value_counts(name="rows").sort(["rows", text.name], descending=[True, False])
    levels = tally[text.name].head(LEVELS).to_list()
    bins = [Bin(place, "category", None, None, level, 0, 0.0) for place, level in enumerate(levels)]
    return (*bins, Bin(len(bins), "other", None, None, None, 0, 0.0))


def _floats(values: pl.Series) -> npt.NDArray[np.float64]:
    numbers = values.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
    return np.asarray(numbers, dtype=np.float64)


def _text(values: pl.Series) -> pl.Series:
    if values.dtype == pl.Boolean:
        marks = pl.when(pl.first()).then(pl.lit("true")).when(~pl.first()).then(pl.lit("false"))
        return values.to_frame().select(marks.alias(values.name or "value")).to_series()
    return values.cast(pl.String).alias(values.name or "value")
