"""Refuse a file whose numbers prove a decimal comma or marks between thousands that nobody told us of.

One value of its own may be a slip and is quarantined. But where values such as 236,48 or 1.488,69 stand in a column and
none proves a decimal point, 1.000 is a thousand in the same column, and no row of it can be read safely.
"""

from __future__ import annotations

import duckdb

from warehouse.errors import FileRefused
from warehouse.intake.amounts import NUMBER_TYPES, marks_told
from warehouse.intake.feed import Feed
from warehouse.intake.forms import form
from warehouse.intake.mapping import FeedMapping

_GROUPED_POINT = r"[1-9]\d{0,2}(\.\d{3}){2,}|[1-9]\d{0,2}(\.\d{3})+,\d+"
_GROUPED_COMMA = r"[1-9]\d{0,2}(,\d{3}){2,}|[1-9]\d{0,2}(,\d{3})+\.\d+"
# three digits after a mark may be a group of thousands, unless no group can begin so
_PROOFS = {
    "decimal_comma": rf"\d*,(\d{{1,2}}|\d{{4,}})|(0+|\d{{4,}}),\d+|{_GROUPED_POINT}",
    "decimal_point": rf"\d*\.(\d{{1,2}}|\d{{4,}})|(0+|\d{{4,}})\.\d+|{_GROUPED_COMMA}",
    "grouped_point": _GROUPED_POINT,
    "grouped_comma": _GROUPED_COMMA,
    "plain_thousand": r"[1-9]\d{3,}(\.\d*)?",
}


def refuse_other_marks(
    con: duckdb.DuckDBPyConnection, feed: Feed, *, types: dict[str, str], mapping: FeedMapping
) -> None:
    """Check that the numbers of `intake_rows` that are text are written as the mapping says.

    Raises:
        FileRefused: naming the first value that proves another decimal mark, or marks between thousands.
    """
    names = [
        column.name
        for column in feed.columns
        if column.type in NUMBER_TYPES and types.get(column.name) == "VARCHAR"
    ]
    if not names or marks_told(mapping):
        return
    marks = ", ".join(f"""bool_or(contains("{name}", ',') or "{name}" like '%.%.%')""" for name in names)
    found = con.execute(f"select {marks} from intake_rows").fetchone() or ()
    for name in (name for name, has_marks in zip(names, found, strict=True) if has_marks):
        _judge(con, name)


def _judge(con: duckdb.DuckDBPyConnection, name: str) -> None:
    first = {
        proof: f"""min(file_row) filter (regexp_full_match("{name}",
            '[^0-9.,]{{0,6}}({pattern})([eE][+-]?\\d+)?[^0-9.,]{{0,6}}'))"""
        for proof, pattern in _PROOFS.items()
    }
    rows = con.execute(f"select {', '.join(first.values())} from intake_rows").fetchone() or ()
    row = dict(zip(first, rows, strict=True))
    if row["decimal_comma"] and not row["decimal_point"]:
        thousands = " and thousands: '.'" if row["grouped_point"] else ""
        proof, advice = "decimal_comma", f"deliver a decimal point, or say decimal: ','{thousands}"
    elif row["grouped_comma"] and not row["plain_thousand"]:
        proof, advice = "grouped_comma", "deliver no mark between thousands, or say thousands: ','"
    else:
        return
    value = con.execute(
        f"""select trim("{name}") from intake_rows where file_row = $row""",
        {"row": row[proof]},
    ).fetchone()
    mark = {"decimal_comma": "a decimal comma", "grouped_comma": "a thousands comma"}[proof]
    raise FileRefused(
        f"{name} in row {row[proof]} holds '{form(value[0]) if value else ''}': {mark}; {advice} in feeds.yaml"
    )
