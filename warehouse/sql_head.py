"""Read the head of a SQL file: the comment lines at its top, which declare its relation and columns.

A column line whose name holds `{window}` or `{days}` stands for one column a window; an inherit line takes columns
over from the head of an input. How far a column looks back is said by its own text ('looks back 2 x 30 days', 'looks
back as far as the record'), else by its window, else by the line `-- lookback: N days` of its file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from warehouse.errors import Refused

_FIELD = re.compile(r"^-- ([a-z]+)(?: ([A-Za-z_][A-Za-z0-9_.{}]*))?:\s*(.*)$")
_COLUMN_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_COLUMN = re.compile(r"^\[([a-z0-9_ /-]+)\]\s*(?:([^;]*);)?\s*(.*)$", re.DOTALL)
_LOOKS_BACK = re.compile(r"looks back (?:(?:(\d+) x )?(\d+) days|as far as the record)")
_SINGLE = ("relation", "audit", "grain", "key", "time", "inputs", "parameters", "defaults", "lookback")
_NAMED = ("column", "inherit")


class Window(NamedTuple):
    """A stretch of time before the night that features look at; the known history has no number of days."""

    name: str
    days: int | None
    text: str

    def __str__(self) -> str:
        """Return the name: `{{ window }}` writes it in a template, as `{window}` does in the name of a column."""
        return self.name


DAYS = (30, 90, 180, 365)
LOOKBACK = 390
"""Days that features look back: a year, and the weeks in which the next annual ledger arrives."""

WINDOWS = (
    *(Window(f"{days}d", days, f"{days} days") for days in DAYS),
    Window("all", None, "known history"),
)


@dataclass(frozen=True)
class SqlColumn:
    """One output column as its head line declares it.

    Attributes:
        name: its name.
        group: its group.
        unit: its unit; empty where the line names none.
        text: what it means.
        lookback: days before the end of the night in which a row must lie to count; 0 for what holds now, None where
            it looks back as far as the record reaches.
        is_state: the latest row within the lookback counts, so that a shorter record lacks it, but knows no other.
    """

    name: str
    group: str
    unit: str
    text: str
    lookback: int | None = 0
    is_state: bool = False

    @property
    def comment(self) -> str:
        """The comment that the warehouse keeps with the column."""
        return f"[{self.group}] {self.unit + '; ' if self.unit else ''}{self.text}"


@dataclass(frozen=True)
class Inherit:
    """A head line that takes columns over from the head of an input."""

    relation: str
    names: tuple[str, ...]


def names_in(value: str) -> tuple[str, ...]:
    """Return the names of a comma-separated value, parameters without their dollar; none for `none` and `-`."""
    named = tuple(part.strip().lstrip("$") for part in value.split(",") if part.strip())
    return () if named in {("none",), ("-",)} else named


def pairs_in(value: str) -> tuple[tuple[str, str], ...]:
    """Return the name=value pairs of a comma-separated value."""
    parts = (part.split("=", 1) for part in value.split(",") if "=" in part)
    return tuple((name.strip(), text.strip()) for name, text in parts)


def read_head(path: Path, text: str) -> tuple[dict[str, str], list[tuple[int, SqlColumn | Inherit]]]:
    """Read the head: the first comment lines reading `-- field: value`; indented ones continue the last."""
    entries: list[tuple[int, str, str | None, str]] = []
    ended = False
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("--"):
            break
        if line.startswith("--   ") and entries and not ended:
            start, field, name, value = entries[-1]
            entries[-1] = (start, field, name, f"{value} {line[2:].strip()}")
            continue
        matched = _FIELD.match(line)
        if matched is None or (ended and matched[1] not in (*_SINGLE, *_NAMED)):
            if not entries:
                raise Refused(
                    f"{path}:{number}: the file must begin with its head, '-- relation: schema.name'"
                )
            ended = True
            continue
        if ended:
            raise Refused(f"{path}:{number}: this head line comes after the head has ended; move it up")
        field, name, value = matched[1], matched[2], matched[3].strip()
        if (field in _NAMED) != (name is not None) or field not in (*_SINGLE, *_NAMED):
            singles = ", ".join(_SINGLE)
            raise Refused(
                f"{path}:{number}: the head knows {singles}, 'column NAME' and 'inherit RELATION', not '{field}'"
            )
        if not value:
            raise Refused(f"{path}:{number}: the head line '{field}' says nothing")
        entries.append((number, field, name, value))
    fields = _fields(path, entries)
    return fields, list(_lines(path, entries, *_lookback(path, fields.get("lookback", "0 days"))))


def _fields(path: Path, entries: list[tuple[int, str, str | None, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for number, field, _, value in entries:
        if field in _NAMED:
            continue
        if field in fields:
            raise Refused(f"{path}:{number}: the head line '{field}' is given twice")
        fields[field] = value
    return fields


def _lookback(path: Path, said: str) -> tuple[int, bool]:
    if matched := re.fullmatch(r"(\d+) days(, a state)?", said):
        return int(matched[1]), matched[2] is not None
    raise Refused(f"{path}: the head line 'lookback' reads '390 days' or '390 days, a state', not '{said}'")


def _lines(
    path: Path, entries: list[tuple[int, str, str | None, str]], lookback: int, is_state: bool
) -> Iterator[tuple[int, SqlColumn | Inherit]]:
    for number, field, name, value in entries:
        if field == "inherit" and name is not None:
            yield number, Inherit(relation=name, names=names_in(value))
        if field == "column" and name is not None:
            for spelled, line, days in _by_window(name, value, lookback):
                matched = _COLUMN.match(line)
                if not _COLUMN_NAME.match(spelled) or matched is None or not matched[3].strip():
                    raise Refused(
                        f"{path}:{number}: a column line reads '-- column {name}: [group] unit; meaning', "
                        "where the name may hold {window} or {days}"
                    )
                group, unit, text = matched[1], (matched[2] or "").strip(), matched[3].strip()
                yield number, SqlColumn(spelled, group, unit, text, _looks_back(text, days), is_state)


def _looks_back(text: str, days: int | None) -> int | None:
    """Return what the text of a column says of its lookback, or the days that hold where it says nothing."""
    said = _LOOKS_BACK.search(text)
    if said is None:
        return days
    return int(said[1] or 1) * int(said[2]) if said[2] else None


def _by_window(name: str, value: str, lookback: int) -> Iterator[tuple[str, str, int | None]]:
    """Yield name, text and days of the column, or of one a window: {window} is any, {days} one with days."""
    if "{window}" not in name and "{days}" not in name:
        yield name, value, lookback
        return
    for window in WINDOWS:
        if window.days is not None or "{days}" not in name:
            yield (
                name.replace("{window}", window.name).replace("{days}", str(window.days)),
                value.replace("{window}", window.text).replace("{days}", str(window.days)),
                window.days,
            )
