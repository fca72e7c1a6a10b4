"""Read the name of each feature, and the sentences that a borrower may be told of it, from feature_catalogue.csv.

A line such as `tx_sales` stands for every window of that feature, `tx_sales_30d` to `tx_sales_all`, and `{window}`
in its text for the window. Group and unit come from the head of the SQL file that computes the feature. A feature
with a reason in `why_not` must not be told to a borrower; any other one may.

`direction` says which way credit sense lets a number point: `up` where a higher value means more risk, `down` where it
means less, empty where that is not plain, as with amounts, which grow with the enterprise. Models get it beside the
group; what one does with it is its own matter.

The sentences say that the feature raised or lowered the estimated risk, not that its value is too high or too low:
a model that is not held to a direction may count the same feature against one borrower for being high and against
another for being low. Of a model that is held to it (`monotone`, decision 0102) it is certain that a higher value of
that feature alone would not have meant less risk. The sentences are the same for all models.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import duckdb

from warehouse import sql
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.sql_head import WINDOWS, SqlColumn, Window

FILE = Path(__file__).with_name("feature_catalogue.csv")
DESCRIBED = ("features.feat_enterprise", "features.feat_sensitive")

SIGNS = {"up": 1, "down": -1}

_NO_NUMBER = frozenset({"", "category", "date"})  # units of flags, texts and days of the calendar


class Entry(NamedTuple):
    """One row of ops.feature_catalogue."""

    feature: str
    feature_group: str
    unit: str | None
    direction: str | None
    business_name: str
    sentence_raises: str | None
    sentence_lowers: str | None
    tellable: bool
    why_not: str | None


class _Line(NamedTuple):
    place: int
    direction: str
    business_name: str
    subject: str
    why_not: str


def entries() -> tuple[Entry, ...]:
    """Return the entry of every column that the files of features.feat_enterprise and features.feat_sensitive declare.

    Raises:
        Refused: naming the columns that the catalogue lacks, and its lines that stand for no column; or the line whose
            direction is no known word, or stands at something else than a number.
    """
    lines = _lines(FILE.stat().st_mtime_ns)
    columns = {
        column.name: column
        for file in sql.catalogue("features")
        if file.relation in DESCRIBED
        for column in file.columns
    }
    base_of = {name: _base(name, lines) for name in columns}
    missing = sorted(name for name, base in base_of.items() if base not in lines)
    unused = sorted(set(lines) - set(base_of.values())) if columns else []
    if missing or unused:
        raise Refused(
            f"{FILE.name}: no line for the column(s) {', '.join(missing) or 'none'}; line(s) without a column: "
            f"{', '.join(unused) or 'none'}"
        )
    return tuple(_entry(column, lines[base_of[column.name]]) for column in columns.values())


def directions() -> dict[str, int]:
    """Return 1 for each column whose value raises the risk as it rises, and -1 for each whose value lowers it.

    Columns of which the catalogue does not say it are absent.

    Raises:
        Refused: as `entries` does.
    """
    return {entry.feature: SIGNS[entry.direction] for entry in entries() if entry.direction in SIGNS}


def record(con: duckdb.DuckDBPyConnection) -> int:
    """Replace ops.feature_catalogue by what the file says now, and return the number of rows."""
    rows = entries()
    stored = con.execute(f"select {', '.join(Entry._fields)} from wh.ops.feature_catalogue order by feature")
    if [Entry(*row) for row in stored.fetchall()] == sorted(rows):
        return len(rows)
    with transaction(con):
        con.execute("delete from wh.ops.feature_catalogue")
        placeholders = ", ".join(["(" + ", ".join("?" * len(Entry._fields)) + ")"] * len(rows))
        if rows:
            con.execute(
                f"insert into wh.ops.feature_catalogue ({', '.join(Entry._fields)}) values {placeholders}",
                [value for row in rows for value in row],
            )
    return len(rows)


def _window_of(name: str) -> Window | None:
    return next((window for window in WINDOWS if name.endswith(f"_{window}")), None)


def _base(name: str, lines: dict[str, _Line]) -> str:
    window = _window_of(name)
    return name if name in lines or window is None else name.removesuffix(f"_{window}")


def _entry(column: SqlColumn, line: _Line) -> Entry:
    if line.direction and (column.unit in _NO_NUMBER or column.group == "key"):
        raise Refused(
            f"{FILE.name}, line {line.place}: {column.name} is no number and points "
            "no way; leave its direction empty"
        )
    window = _window_of(column.name)
    days = window.text if window and window.days else ""
    span = f"the last {days}" if days else "the known history"
    subject = line.subject.format(window=span, days=days) if not line.why_not else None
    return Entry(
        feature=column.name,
        feature_group=column.group,
        unit=column.unit or None,
        direction=line.direction or None,
        business_name=line.business_name.format(window=days or "known history", days=days),
        sentence_raises=subject and f"{subject} raised the estimated risk of default.",
        sentence_lowers=subject and f"{subject} lowered the estimated risk of default.",
        tellable=not line.why_not,
        why_not=line.why_not or None,
    )


@lru_cache(maxsize=2)
def _lines(_changed: int) -> dict[str, _Line]:
    lines = {}
    with FILE.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        for row in reader:
            place, direction = reader.line_num, row["direction"]
            if direction and direction not in SIGNS:
                raise Refused(
                    f"{FILE.name}, line {place}: {row['feature']} has the direction {direction!r}; write up (a higher "
                    "value means more risk), down (less), or nothing"
                )
            lines[row["feature"]] = _Line(
                place, direction, row["business_name"], row["subject"], row["why_not"]
            )
    return lines
