"""Code the fields of the wide part as slots: one weight for each level, bin or crossed pair, looked up by number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

Codes = npt.NDArray[np.int32]
Keys = npt.NDArray[np.int64]

RARE, UNSEEN, MISSING = "rare", "unseen", "missing"


class Coded(NamedTuple):
    """The slot of each row in one field, and the number of rows with an unseen, rare or impossible value."""

    codes: Codes
    unseen: int = 0
    rare: int = 0
    impossible: int = 0


@dataclass(frozen=True)
class CategoryField:
    """One category or flag: a slot for each level, then one each for rare, missing and unseen levels.

    Parameters
    ----------
    name : str
    levels : tuple of str
        Levels with a slot of their own.
    rare : tuple of str
        Levels that share the slot for rare ones.

    Examples
    --------
    >>> field = CategoryField.learn(pl.Series("city", ["a", "a", "b", None]), rare_below=2)
    >>> field.levels, field.rare, field.code(pl.Series(["a", "b", None, "z"])).codes.tolist()
    (('a',), ('b',), [0, 1, 2, 3])
    """

    name: str
    levels: tuple[str, ...]
    rare: tuple[str, ...]

    @classmethod
    def learn(cls, column: pl.Series, *, rare_below: int) -> CategoryField:
        """Learn the levels of a training column."""
        texts = column.cast(pl.String).drop_nulls()
        counts = dict(texts.value_counts().iter_rows())
        return cls(
            column.name,
            tuple(sorted(level for level, n in counts.items() if n >= rare_below)),
            tuple(sorted(level for level, n in counts.items() if n < rare_below)),
        )

    @property
    def slot_names(self) -> tuple[str, ...]:
        """The name of each slot, in order."""
        return (*self.levels, RARE, MISSING, UNSEEN)

    def code(self, column: pl.Series) -> Coded:
        """Return the slot of each row, shape (n_samples,)."""
        kept = len(self.levels)
        texts = column.cast(pl.String)
        known = pl.Enum([*self.levels, *self.rare])
        # an unseen level becomes null in the Enum; values that were null before are missing
        place = texts.cast(known, strict=False).to_physical().fill_null(kept + len(self.rare)).cast(pl.Int32)
        slots = np.concatenate(
            [np.arange(kept), np.full(len(self.rare), kept), [kept + 2]]  # levels, rare, unseen
        ).astype(np.int32)
        codes = np.where(texts.is_null().to_numpy(), np.int32(kept + 1), slots[place.to_numpy()])
        return Coded(codes, int((codes == kept + 2).sum()), int((codes == kept).sum()))


@dataclass(frozen=True)
class NumberField:
    """One number in bins of about equally many training rows, with a slot for missing; the outer bins are open.

    A negative count is impossible and counts as missing.

    Parameters
    ----------
    name : str
    edges : tuple of float
        Inner edges, rising; a value on an edge belongs to the bin above.
    count : bool
        True if negative values are impossible.

    Examples
    --------
    >>> field = NumberField.learn(pl.Series("loan_count", [0, 0, 1, 2]), bins=2, count=True)
    >>> field.edges, field.code(pl.Series([0.0, 7.0, -1.0, None])).codes.tolist()
    ((0.5,), [0, 1, 2, 2])
    """

    name: str
    edges: tuple[float, ...]
    count: bool

    @classmethod
    def learn(cls, column: pl.Series, *, bins: int, count: bool) -> NumberField:
        """Learn the edges from a training column."""
        values = _known(column, count=count)
        values = values[np.isfinite(values)]
        edges = np.unique(np.quantile(values, np.arange(1, bins) / bins)) if len(values) else np.empty(0)
        return cls(column.name, tuple(edges[edges > values.min(initial=np.inf)].tolist()), count)

    @property
    def slot_names(self) -> tuple[str, ...]:
        """The name of each slot, in order."""
        ends = ["", *(f"{edge:g}" for edge in self.edges), ""]
        return (*(f"[{low}, {high})" for low, high in pairwise(ends)), MISSING)

    def code(self, column: pl.Series) -> Coded:
        """Return the slot of each row, shape (n_samples,)."""
        values = _known(column, count=self.count)
        codes = np.searchsorted(self.edges, values, side="right").astype(np.int32)
        codes[np.isnan(values)] = len(self.edges) + 1
        return Coded(codes, impossible=impossible(column, count=self.count))


Field = CategoryField | NumberField


@dataclass(frozen=True)
class Cross:
    """Two crossed fields: a slot for each frequent pair of their slots, then one each for rare and unseen pairs.

    A pair is one whole number, ``left * width + right``, looked up by bisection among the pairs of the training
    rows; the full product of the two fields is never built.

    Parameters
    ----------
    left, right : int
        Positions of the two fields.
    name : str
    width : int
        Slots of the right field.
    keys : ndarray of int64
        Pairs of the training rows, rising.
    slots : ndarray of int32
        The slot of each pair.
    kept : int
        Number of pairs with a slot of their own.

    Examples
    --------
    >>> left, right = np.array([0, 0, 0, 1]), np.array([1, 1, 0, 0])
    >>> cross = Cross.learn(0, 1, "a x b", left, right, width=2, rare_below=2)
    >>> cross.size, cross.code(np.array([0, 0, 1]), np.array([1, 0, 1])).codes.tolist()
    (3, [0, 1, 2])
    """

    left: int
    right: int
    name: str
    width: int
    keys: Keys
    slots: Codes
    kept: int

    @classmethod
    def learn(
        cls,
        left: int,
        right: int,
        name: str,
        left_codes: npt.NDArray[np.integer],
        right_codes: npt.NDArray[np.integer],
        *,
        width: int,
        rare_below: int,
    ) -> Cross:
        """Learn the pairs of the training rows."""
        keys, counts = np.unique(_pairs(left_codes, right_codes, width), return_counts=True)
        frequent = counts >= rare_below
        kept = int(frequent.sum())
        slots = np.where(frequent, np.cumsum(frequent) - 1, kept).astype(np.int32)
        return cls(left, right, name, width, keys, slots, kept)

    @property
    def size(self) -> int:
        """Number of slots, including those for rare and unseen pairs."""
        return self.kept + 2

    def code(self, left: npt.NDArray[np.integer], right: npt.NDArray[np.integer]) -> Coded:
        """Return the slot of each row, shape (n_samples,)."""
        pairs = _pairs(left, right, self.width)
        place = np.minimum(np.searchsorted(self.keys, pairs), len(self.keys) - 1)
        seen = self.keys[place] == pairs
        codes = np.where(seen, self.slots[place], np.int32(self.kept + 1)).astype(np.int32)
        return Coded(codes, int((~seen).sum()), int((codes == self.kept).sum()))


def impossible(column: pl.Series, *, count: bool) -> int:
    """Return the number of values that are infinite, or negative in a column of counts."""
    values = column.cast(pl.Float64)
    odd = values.is_infinite() | (values < 0) if count else values.is_infinite()
    return int(odd.sum())


def _known(column: pl.Series, *, count: bool) -> npt.NDArray[np.float64]:
    """Return the values as floats, with NaN for missing or impossible ones."""
    values = column.cast(pl.Float64).to_numpy().astype(np.float64)
    keep = np.isfinite(values) & (values >= 0) if count else np.isfinite(values)
    return np.where(keep, values, np.nan)


def _pairs(left: npt.NDArray[np.integer], right: npt.NDArray[np.integer], width: int) -> Keys:
    return left.astype(np.int64) * width + right
