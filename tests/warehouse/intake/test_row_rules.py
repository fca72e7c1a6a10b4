"""A glance at a column spares it the patterns of its faults, and never hides one."""

from __future__ import annotations

import duckdb
import pytest

from warehouse.intake.feeds import FEEDS
from warehouse.intake.mapping import AS_ASKED
from warehouse.intake.row_rules import _faults, _is_sound
from warehouse.intake.values import is_plain, typed_rows

TEXTS = [
    "917500462337", "Quuxmann 917500462337", "+49 170 8800329", "a@b.de", "1234567", "12.34.567", "base",
    "mild recession", "sale", "SALE", "no choice", "1e21", "1E+21", "E0000001", "E1,234", "'E1", "E\u200b1", "#REF!",
    "null", "", " x", "x ", "Zzyzx Quuxmann", "01.02.2026", "A1", "Z9", "1.23457E+12", "München", "x" * 300,
]  # fmt: skip


@pytest.mark.parametrize("name", FEEDS)
def test_what_is_sound_at_a_glance_has_none_of_its_faults(name: str) -> None:
    feed = FEEDS[name]
    types = {column.name: "VARCHAR" for column in feed.columns}
    named = [fault for fault in _faults(feed, types) if fault.column is not None]
    assert named
    for fault in named:
        column = feed.column(fault.column or "")
        rows = f'(select unnest($texts) as "{column.name}") as t'
        hidden, faulty = duckdb.execute(
            f"select list(t) filter ({is_plain(column, AS_ASKED)} and {_is_sound(feed, column)}), count(*) "
            f"from {rows} where {fault.broken}",
            {"texts": TEXTS},
        ).fetchone() or (None, 0)
        assert hidden is None, f"{fault.rule} of {name}.{column.name}"
        assert faulty, f"no text breaks {fault.rule} of {name}.{column.name}: the test shows nothing"


@pytest.mark.parametrize("name", FEEDS)
def test_an_odd_column_costs_no_other_one_its_short_way(name: str) -> None:
    feed = FEEDS[name]
    names = [column.name for column in feed.columns]
    for odd in names:
        read = typed_rows(feed, dict.fromkeys(names, "VARCHAR"), AS_ASKED, plain=set(names) - {odd})
        assert {column for column in names if f'"{column} text"' in read} == {odd}
