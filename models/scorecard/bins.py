"""Bin one feature by rules learned from training rows, and give each bin its weight of evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from models.metrics import Labels
from models.schema import kind_of
from models.scorecard.merging import Demands, Group, is_against, merged

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
BinKind = Literal["interval", "category", "other", "missing"]

DIGITS = 4  # of a bound, where so many keep the bounds apart


@dataclass(frozen=True)
class Bin:
    """One bin of a feature: what it holds, and the training rows and defaults in it.

    An interval holds ``lower <= value < upper``; None is an open end. A category holds the levels listed. The bin
    ``other`` holds every other level, the rare ones of training, which it lists, and those that training did not show.
    """

    kind: BinKind
    rows: int
    defaults: int
    evidence: float
    lower: float | None = None
    upper: float | None = None
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeatureBins:
    """The bins of one feature, in the order of their codes; the last one holds missing values.

    Numbers have intervals in order. Text and flags have categories from the lowest default rate to the highest, and
    then ``other``.
    """

    name: str
    bins: tuple[Bin, ...]
    information: float
    against: bool = False

    @classmethod
    def learn(
        cls,
        column: pl.Series,
        labels: Labels,
        demands: Demands,
        *,
        fine: int,
        smoothing: float,
        direction: int = 0,
    ) -> Self:
        """Learn the bins of a column.

        Parameters
        ----------
        column : polars.Series of shape (n_samples,)
            Numbers, flags or text. What is no finite number counts as missing.
        labels : ndarray of shape (n_samples,)
            Of both classes.
        demands : Demands
            Of intervals and categories.
        fine : int
            Quantile bins of a number that are merged.
        smoothing : float
            Average borrowers that each bin is given.
        direction : {-1, 0, 1}, default=0
            Where risk rises with the value of a number or flag; text has no order.
        """
        if kind_of(column.dtype) == "number":
            kept, against = _intervals(column, labels, demands, fine=fine, direction=direction)
        else:
            kept, against = _categories(column, labels, demands, direction=direction)
        unnamed = cls(column.name, (*kept, Bin("missing", 0, 0, 0.0)), 0.0)
        codes = unnamed.code(column)
        rows = np.bincount(codes, minlength=len(unnamed.bins))
        defaults = np.bincount(codes[labels == 1], minlength=len(unnamed.bins))
        weighed, information = _weighed(unnamed.bins, rows, defaults, smoothing=smoothing)
        return cls(column.name, weighed, information, against)

    def code(self, column: pl.Series) -> Codes:
        """Return the place of each value's bin, shape (n_samples,)."""
        last = len(self.bins) - 1
        if self.bins[0].kind == "interval":
            values = _numbers(column)
            cuts = np.array([part.lower for part in self.bins[1:last]], dtype=np.float64)
            return np.where(np.isnan(values), last, np.searchsorted(cuts, values, side="right"))
        known = {level: place for place, part in enumerate(self.bins) for level in part.levels}
        texts, other = column.cast(pl.String), last - 1
        if not known:
            return np.where(texts.is_null().to_numpy(), last, other)
        codes = texts.replace_strict(known, default=other, return_dtype=pl.Int64).to_numpy()
        return np.where(texts.is_null().to_numpy(), last, codes)

    def unseen(self, column: pl.Series) -> int:
        """Count the values that are a level which training did not show (missing is not unseen)."""
        known = [level for part in self.bins for level in part.levels]
        texts = column.cast(pl.String)
        return int((texts.is_not_null() & ~texts.is_in(known)).sum())

    def evidence(self, codes: Codes) -> Floats:
        """Return the weight of evidence of each code, shape (n_samples,)."""
        return np.array([part.evidence for part in self.bins])[codes]

    @property
    def used(self) -> int:
        """How many bins hold training rows."""
        return sum(part.rows > 0 for part in self.bins)

    @property
    def mean(self) -> float:
        """The mean weight of evidence of the training rows."""
        rows = sum(part.rows for part in self.bins)
        return sum(part.rows * part.evidence for part in self.bins) / rows


def evidence(group: Group, total: Group, *, smoothing: float) -> float:
    """Return the weight of evidence of a bin: the log of its odds of no default over those of all rows.

    The bin is given so many average borrowers beside its own, a part of whom default. So a bin without defaults has a
    finite weight, a small one is drawn towards 0, and one without rows has 0.

    Parameters
    ----------
    group, total : Group
        Of the bin, and of all training rows, among them both classes.
    smoothing : float

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards, chapter 6. Good (1950), Probability and the Weighing of Evidence.

    Examples
    --------
    >>> round(evidence(Group(100, 0), Group(1000, 100), smoothing=10), 3)
    2.494
    """
    good = (group.rows - group.defaults + smoothing * (1 - total.rate)) / (total.rows - total.defaults)
    bad = (group.defaults + smoothing * total.rate) / total.defaults
    return math.log(good / bad) if group.rows else 0.0


def _weighed(
    bins: Sequence[Bin], rows: Codes, defaults: Codes, *, smoothing: float
) -> tuple[tuple[Bin, ...], float]:
    """Return the bins with their rows, defaults and weights of evidence, and the information value of the feature."""
    total = Group(int(rows.sum()), int(defaults.sum()))
    weighed, information = [], 0.0
    for part, count, bad in zip(bins, rows.tolist(), defaults.tolist(), strict=True):
        weight = evidence(Group(count, bad), total, smoothing=smoothing)
        weighed.append(Bin(part.kind, count, bad, weight, part.lower, part.upper, part.levels))
        information += ((count - bad) / (total.rows - total.defaults) - bad / total.defaults) * weight
    return tuple(weighed), information


def _intervals(
    column: pl.Series, labels: Labels, demands: Demands, *, fine: int, direction: int
) -> tuple[list[Bin], bool]:
    """Return the intervals of a number, without their counts, and whether its trend runs against its direction."""
    values = _numbers(column)
    there = ~np.isnan(values)
    cuts = _cuts(values[there], fine)
    codes = np.searchsorted(cuts, values[there], side="right")
    groups = _groups(codes, labels[there], len(cuts) + 1)
    starts = merged(groups, demands, direction=direction)
    edges = [None, *(float(cuts[start - 1]) for start in starts[1:]), None]
    bins = [Bin("interval", 0, 0, 0.0, low, high) for low, high in pairwise(edges)]
    return bins, is_against(groups, direction)


def _cuts(values: Floats, fine: int) -> Floats:
    """Return the distinct quantiles of the values as bounds between fine bins, each of which holds a value."""
    if not len(values):
        return np.empty(0)
    quantiles = np.quantile(values, np.arange(1, fine) / fine, method="higher")
    exact = np.unique(quantiles)
    short = np.unique([float(f"{value:.{DIGITS}g}") for value in exact.tolist()])
    cuts = short if len(short) == len(exact) else exact
    below, first = np.unique(np.searchsorted(np.sort(values), cuts), return_index=True)
    return np.asarray(cuts[first[(below > 0) & (below < len(values))]])


def _categories(
    column: pl.Series, labels: Labels, demands: Demands, *, direction: int
) -> tuple[list[Bin], bool]:
    """Return the categories of text or a flag, merged in the order of their default rates, and then the other levels.

    A flag with a direction is merged in the order false, true.
    """
    texts = column.cast(pl.String)
    counted = (
        pl.DataFrame({"level": texts, "label": labels})
        .drop_nulls("level")
        .group_by("level")
        .agg(rows=pl.len(), defaults=pl.col("label").sum())
        .sort("level")
    )
    levels = [(level, Group(rows, defaults)) for level, rows, defaults in counted.iter_rows()]
    common = [pair for pair in levels if pair[1].rows >= demands.rows]
    rare = tuple(level for level, group in levels if group.rows < demands.rows)
    if not (column.dtype == pl.Boolean and direction):
        common.sort(key=lambda pair: pair[1].rate)
        direction = 0
    bins, groups = [], [group for _, group in common]
    if common:
        starts = merged(groups, demands, direction=direction)
        for start, end in zip(starts, [*starts[1:], len(common)], strict=True):
            names = tuple(sorted(level for level, _ in common[start:end]))
            bins.append(Bin("category", 0, 0, 0.0, levels=names))
    return [*bins, Bin("other", 0, 0, 0.0, levels=rare)], bool(common) and is_against(groups, direction)


def _groups(codes: Codes, labels: Labels, count: int) -> list[Group]:
    rows = np.bincount(codes, minlength=count).tolist()
    defaults = np.bincount(codes[labels == 1], minlength=count).tolist()
    return [Group(*pair) for pair in zip(rows, defaults, strict=True)]


def _numbers(column: pl.Series) -> Floats:
    """Return a column of numbers, NaN where one is missing or not finite."""
    values = column.cast(pl.Float64).to_numpy().astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)
