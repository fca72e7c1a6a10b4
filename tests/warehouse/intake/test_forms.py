"""The form of a value says how it is written, not what it says, in Python and in SQL alike."""

from __future__ import annotations

import duckdb
import pytest

from warehouse.intake.forms import LONGEST, column_name, form, sql_form


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1.488,69", "9.999,99"),
        ("31.12.2025", "99.99.9999"),
        ("Anna Schmidt", "Aaaa Aaaaaaa"),
        ("+49 (170) 555/01-23", "+99 (999) 999/99-99"),
        ("Ö. Müller\u00a0& 李", "A. Aaaaaa & a"),
        ("½ ² ٣", "9 9 9"),
        ("a\tb\nc", "a a a"),
        ("\u22125 €", "\u22129 €"),
        ("\u200bE1", "aA9"),
        ("😀 e\u0301", "a aa"),
        ("x" * (LONGEST + 1), "a" * LONGEST),
        ("", ""),
    ],
)
def test_the_form_of_a_value(value, shown):
    assert form(value) == shown
    assert duckdb.execute(f"select {sql_form('$value::varchar')}", {"value": value}).fetchone() == (shown,)


def test_no_letter_and_no_digit_of_any_alphabet_is_left():
    for start in range(0x20, 0x30000, LONGEST):
        text = "".join(map(chr, range(start, start + LONGEST)))
        if 0xD800 - LONGEST < start < 0xE000:
            continue  # halves of pairs
        (in_sql,) = duckdb.execute(f"select {sql_form('$text::varchar')}", {"text": text}).fetchone()
        for shown in (form(text), in_sql):
            assert not {letter for letter in shown if letter.isalnum()} - set("9Aa"), hex(start)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("betrag (€)", "betrag (€)"),
        ("year_2024", "year_2024"),
        ("+49 170 5550123", "+99 999 9999999"),
        ("ann@example.org", "aaa@aaaaaaa.aaa"),
    ],
)
def test_a_column_that_is_named_like_a_value_is_not_quoted(name, shown):
    assert column_name(name) == shown
