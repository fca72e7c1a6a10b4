"""Prepare the two inputs of Wide & Deep from a feature frame: slots for the wide part, numbers for the deep part."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from models.schema import conform, schema_hash, schema_of
from models.wide_deep.numbers import DeepNumbers
from models.wide_deep.slots import CategoryField, Coded, Cross, Field, NumberField

Slots = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

_COUNT = re.compile(r"(^|_)count(_|$)")
CROSSED = " x "
CHUNK = 65_536  # rows scored at once, so that memory does not grow with their number


class Inputs(NamedTuple):
    """The inputs of the network: slots of shape (n_samples, n_fields), numbers of shape (n_samples, n_columns)."""

    slots: Slots
    numbers: Floats


class WideDeepPreparation:
    """Turn a feature frame into slots and numbers, by rules learned once from the training rows.

    Each wide field has its own range of slots and each row exactly one slot in each: a level, a bin of a number,
    or the slots for rare, missing and unseen levels. Declared crosses are fields like any other. The columns of the
    deep part are described in `models.wide_deep.numbers`. A column with the word ``count`` in its name holds counts:
    its negative values are impossible and count as missing.

    Parameters
    ----------
    wide : sequence of str
        Columns of the wide part.
    deep : sequence of str
        Columns of the deep part; numbers and flags.
    crosses : sequence of (str, str)
        Pairs of wide columns. A pair that lacks a column is left out and named in ``decisions_``.
    bins, rare_below : int
        As in the settings.

    Attributes
    ----------
    schema_ : tuple of Column
        Names and kinds, the wide columns first.
    schema_hash_ : str
    fields_ : tuple of CategoryField or NumberField
    crosses_ : tuple of Cross
    numbers_ : DeepNumbers
    offsets_ : ndarray of int32
        First slot of each field, crosses last; one more entry holds the number of slots.
    presence_ : ndarray of float64
        The share of training rows in each slot.
    means_ : ndarray of float64
        Training mean of each column of the deep part.
    decisions_ : tuple of str

    References
    ----------
    Vanhoeven & Chen, sections 3.1 and 4.1.

    Examples
    --------
    >>> frame = pl.DataFrame({"city": ["a", "b", "a", None], "verified": [True, False, True, True],
    ...                       "sales": [1.0, 2.0, 3.0, 4.0]})
    >>> prepared = WideDeepPreparation(("city", "verified"), ("sales",), crosses=(("city", "verified"),),
    ...                                rare_below=1).fit(frame)
    >>> prepared.field_names_, prepared.transform(frame).slots[0].tolist()
    (('city', 'verified', 'city x verified'), [0, 6, 10])
    """

    def __init__(
        self,
        wide: Sequence[str],
        deep: Sequence[str],
        *,
        crosses: Sequence[tuple[str, str]] = (),
        bins: int = 10,
        rare_below: int = 10,
    ) -> None:
        self.wide = tuple(wide)
        self.deep = tuple(deep)
        self.crosses = tuple(crosses)
        self.bins = bins
        self.rare_below = rare_below

    def fit(self, X: pl.DataFrame) -> Self:
        """Learn slots and scales from training rows.

        Parameters
        ----------
        X : polars.DataFrame of shape (n_samples, at least the columns of both parts)
        """
        self.schema_ = schema_of(X, [*self.wide, *self.deep])
        self.schema_hash_ = schema_hash(self.schema_)
        kinds = dict(self.schema_)
        self.fields_: tuple[Field, ...] = tuple(
            NumberField.learn(X[name], bins=self.bins, count=counts(name))
            if kinds[name] == "number"
            else CategoryField.learn(X[name], rare_below=self.rare_below)
            for name in self.wide
        )
        coded = [field.code(X[field.name]) for field in self.fields_]
        self.crosses_ = tuple(self._learn_crosses(coded))
        self.numbers_ = self.unfitted_numbers().fit(X)
        self.place_slots()
        inputs = self.transform(X)
        self.presence_ = np.bincount(inputs.slots.ravel(), minlength=self.n_slots_) / max(X.height, 1)
        self.means_ = inputs.numbers.mean(axis=0, dtype=np.float64)
        absent = [CROSSED.join(pair) for pair in self.crosses if not set(pair) <= set(self.wide)]
        self.decisions_ = (
            *(f"cross {name} left out: it has no such wide column in training" for name in absent),
            *(
                f"{n} infinite values or negative counts in {name} taken as missing"
                for name, n in self.impossible_counts(X).items()
                if n
            ),
            *(
                f"{len(field.rare)} levels of {field.name} in fewer than {self.rare_below} rows share one slot"
                for field in self.fields_
                if isinstance(field, CategoryField) and field.rare
            ),
            *(
                f"{n} rare pairs of {cross.name} share one slot"
                for cross in self.crosses_
                if (n := len(cross.keys) - cross.kept)
            ),
        )
        return self

    def place_slots(self) -> None:
        """Give each field its range of slots, one after the other, after fitting or loading."""
        sizes = [len(field.slot_names) for field in self.fields_] + [cross.size for cross in self.crosses_]
        self.offsets_ = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        self.n_slots_ = int(self.offsets_[-1])
        self.field_names_ = (
            *(field.name for field in self.fields_),
            *(cross.name for cross in self.crosses_),
        )

    def unfitted_numbers(self) -> DeepNumbers:
        """Return the unfitted preparation of the deep part, for fitting and for loading."""
        return DeepNumbers(self.deep, frozenset(filter(counts, self.deep)))

    def transform(self, X: pl.DataFrame) -> Inputs:
        """Return both inputs of a frame with the columns of training, in any order; other columns are ignored.

        Raises
        ------
        SchemaMismatchError
            A column is missing or of another kind.
        """
        frame = conform(X, self.schema_)
        slots = np.empty((frame.height, len(self.field_names_)), dtype=np.int32)
        for place, coded in enumerate(self._coded(frame)):
            np.add(coded.codes, self.offsets_[place], out=slots[:, place])
        return Inputs(slots, self.numbers_.transform(frame).astype(np.float32))

    def check(self, X: pl.DataFrame) -> None:
        """Refuse a frame without the columns of training; see `transform`."""
        conform(X, self.schema_)

    def unseen_counts(self, X: pl.DataFrame) -> dict[str, int]:
        """Count for each category and cross the rows with a value not seen in training (missing is not unseen)."""
        return {name: coded.unseen for name, coded in self._named(X)}

    def rare_counts(self, X: pl.DataFrame) -> dict[str, int]:
        """Count for each category and cross the rows in the slot shared by rare levels or pairs."""
        return {name: coded.rare for name, coded in self._named(X)}

    def impossible_counts(self, X: pl.DataFrame) -> dict[str, int]:
        """Count for each number the infinite values and negative counts, which count as missing."""
        frame = conform(X, self.schema_)
        wide = {
            field.name: field.code(frame[field.name]).impossible
            for field in self.fields_
            if isinstance(field, NumberField)
        }
        return wide | self.numbers_.impossible_counts(frame)

    def _learn_crosses(self, coded: list[Coded]) -> Iterator[Cross]:
        """Learn each declared cross that has both columns."""
        for left, right in self.crosses:
            if {left, right} <= set(self.wide):
                left_place, right_place = self.wide.index(left), self.wide.index(right)
                yield Cross.learn(
                    left_place,
                    right_place,
                    CROSSED.join((left, right)),
                    coded[left_place].codes,
                    coded[right_place].codes,
                    width=len(self.fields_[right_place].slot_names),
                    rare_below=self.rare_below,
                )

    def _coded(self, frame: pl.DataFrame) -> Iterator[Coded]:
        """Yield the slots of every field, then of every cross."""
        coded = [field.code(frame[field.name]) for field in self.fields_]
        yield from coded
        for cross in self.crosses_:
            yield cross.code(coded[cross.left].codes, coded[cross.right].codes)

    def _named(self, X: pl.DataFrame) -> Iterator[tuple[str, Any]]:
        """Yield name and slots of every category and cross, leaving numbers out."""
        frame = conform(X, self.schema_)
        for name, coded in zip(self.field_names_, self._coded(frame), strict=True):
            if not any(field.name == name and isinstance(field, NumberField) for field in self.fields_):
                yield name, coded


def counts(name: str) -> bool:
    """Return True if a column holds counts, judged by its name.

    Examples
    --------
    >>> counts("tx_count_30d"), counts("discount_rate")
    (True, False)
    """
    return _COUNT.search(name) is not None
