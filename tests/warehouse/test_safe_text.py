"""Text of files and rows is shown as it is and does nothing: on a terminal, in Markdown, in JSON, in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json

import polars as pl
import pytest
from markdown_it import MarkdownIt

from warehouse.safe_text import (
    in_json,
    in_markdown,
    in_spreadsheet,
    in_table,
    printable,
    printable_lines,
    unique,
)

HOSTILE_NAMES = [
    "![x](http://evil/a.png)",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "[a]: http://evil\n\n[a]",
    "`code` and ``more``",
    "a|b|c\n|---|",
    "a\n\n# heading\n\n- list\n\n    code",
    "*bold* _emphasis_ __strong__ ~~gone~~",
    "<script>alert(1)</script>",
    "&lt;b&gt; &amp; &#60;i&#62;",
    "http://evil.example www.evil.example mailto:a@evil.example a@evil.example",
    "<http://evil.example>",
    "\\",
    "trailing\\",
    "e\x1b[31mvil\u202egnp.exe",
    "$$x$$ ::: warning",
]


def page_of(name: str) -> str:
    """Return HTML of a page that shows the name in a list, in a paragraph and in the cell of a table."""
    shown = in_markdown(name)
    text = f"# t\n\n- {shown}\n\n{shown}\n\n| a | b |\n|---|---|\n| {shown} | 1 |\n"
    return MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough").render(text)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_in_markdown_is_shown_letter_by_letter_and_does_nothing(name):
    page = page_of(name)
    assert page.replace(in_html(printable(name)), "NAME") == page_of("NAME")


def in_html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_sign_of_a_link_or_of_html_is_left_in_markdown(name):
    assert not set(in_markdown(name)) & set("<>[]`|*_!:@\\\n\"'")
    assert "www." not in in_markdown(name)


def test_plain_names_stay_readable_in_markdown():
    assert (
        in_markdown("transactions/2026-06.csv, row 12 (Müller)")
        == "transactions/2026-06.csv, row 12 (Müller)"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb\tc\x00\x7f", "a\\r\\nb\\tc\\x00\\x7f"),
        ("fdp\u202eexe.x", "fdp\\u202eexe.x"),
        ("\u2066a\u2069\u200b\ufeff\u2028", "\\u2066a\\u2069\\u200b\\ufeff\\u2028"),
        ("no utf-8: \udcff", "no utf-8: \\udcff"),
        ("Grüße, 東京, 1.488,69 €", "Grüße, 東京, 1.488,69 €"),
    ],
)
def test_printable(text, shown):
    assert printable(text) == shown
    assert printable(shown) == shown


def test_line_ends_of_our_own_stay():
    assert printable_lines("first\nsec\x1bond\r\n") == "first\nsec\\x1bond\\r\n"


def test_json_says_the_same_without_a_hidden_character():
    rows = [{"a": "\x1b\x9b\u202e\U000e0041ü", "b\u200f": [1, None]}]
    text = in_json(json.dumps(rows, ensure_ascii=False))
    assert json.loads(text) == rows
    assert printable(text) == text
    assert "ü" in text


FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", '"=1', "'=1", "  ' \" =cmd|'/c calc'!A0", "\tx",
    "\rx", "\uff1d1+1", "\u200b=1", "\x00=1", "a;=1", "a; =1", "a\n=1", "a\t@x", "--1",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_gets_an_apostrophe_as_value_and_as_name(text):
    frame = in_spreadsheet(pl.DataFrame({text: [text, "plain", None]}))
    for shown in (frame.columns[0], frame[0, 0]):
        cells = shown.split(";")
        assert any(cell.startswith("'") for cell in cells) or "\\n'" in shown or "\\t'" in shown
        assert not any(cell.lstrip(' "')[:1] in tuple("=+-@\uff1d") for cell in cells)
        assert printable(shown) == shown
    assert frame[:, 0].to_list()[1:] == ["plain", None]


def test_texts_that_are_no_formulas_stay_as_they_are():
    texts = ["a=b", "E-mail", "1 - 2", "A+", "x@y.example", "", "'quoted'", "Müller & Söhne", "1;2"]
    assert in_spreadsheet(pl.DataFrame({"a": texts}))["a"].to_list() == texts


def test_numbers_and_dates_stay_numbers_and_dates():
    frame = pl.select(
        a=pl.lit(-5),
        b=pl.lit(-0.5),
        c=pl.lit("-1.50").cast(pl.Decimal(9, 2)),
        d=pl.date(2026, 6, 30),
        e=pl.lit(True),
    )
    assert in_spreadsheet(frame).equals(frame)
    assert in_spreadsheet(frame).write_csv() == "a,b,c,d,e\n-5,-0.5,-1.50,2026-06-30,true\n"


@pytest.mark.parametrize("safe", [in_table, in_spreadsheet])
def test_lists_and_records_are_one_cell_of_json(safe):
    frame = pl.DataFrame({"x": [[{"k": "=1\u2028\x1b"}], None, []], "s": [{"a": 1, "b": None}] * 3})
    shown = safe(frame)
    assert shown["x"].to_list() == ['[{"k":"=1\\u2028\\u001b"}]', None, "[]"]
    assert json.loads(shown["s"][0]) == {"a": 1, "b": None}
    assert len(list(csv.reader(io.StringIO(shown.write_csv())))) == 4
    assert safe(frame.clear()).shape == (0, 2)


def test_categories_are_texts_too():
    assert in_spreadsheet(pl.DataFrame({"a": ["=1"]}, schema={"a": pl.Categorical}))["a"].to_list() == ["'=1"]


def test_names_that_look_alike_stay_apart():
    assert in_table(pl.DataFrame({"a\n": [1], "a\\n": [2]})).columns == ["a\\n", "a\\n_1"]
    assert unique(["a", "a", "a_1", "a"]) == ["a", "a_1", "a_1_1", "a_2"]
