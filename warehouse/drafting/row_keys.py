"""Find the columns of an export that together tell its rows apart."""

from __future__ import annotations

from collections.abc import Sequence

from warehouse.drafting.sample import Sample

_LONGEST_KEY = 6  # columns that are joined at most


def tells_apart(sample: Sample, names: Sequence[str]) -> bool:
    """Return True if the values of the columns, joined with a hyphen, are filled and unlike in all rows."""
    return bool(names) and unlike(sample, names) == sample.rows and all(map(any, _rows(sample, names)))


def unlike(sample: Sample, names: Sequence[str]) -> int:
    """Return how many different texts the values of the columns give, joined with a hyphen."""
    return len({"-".join(row) for row in _rows(sample, names)})


def columns_that_tell_apart(sample: Sample, first: Sequence[str], day: str | None) -> list[str]:
    """Return few columns that tell the rows apart as well as they can be told.

    Args:
        sample: the first rows of the file.
        first: columns to begin with.
        day: the column of the day on which a row happened, which comes next.
    """
    names = list(dict.fromkeys([*first, *([day] if day else [])]))
    while not tells_apart(sample, names) and len(names) < _LONGEST_KEY:
        others = [name for name in sample.columns if name not in names]
        best = max(others, key=lambda name: unlike(sample, [*names, name]), default=None)
        if best is None or (names and unlike(sample, [*names, best]) == unlike(sample, names)):
            break
        names.append(best)
    return names


def _rows(sample: Sample, names: Sequence[str]) -> list[tuple[str, ...]]:
    return list(zip(*(sample.columns[name] for name in names), strict=True))
