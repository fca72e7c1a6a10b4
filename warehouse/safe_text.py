"""Make text safe where it is shown: what a file or a row says must not steer a terminal, a page or a spreadsheet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import polars as pl

# control characters, among them escape sequences and line ends, and signs that are not seen but turn or hide others
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
_PERHAPS_HIDDEN = r"[\p{C}\p{Zl}\p{Zp}]"  # in the words of Polars, and a little more

# what can mean something in Markdown or HTML, or make a link of an address
_MARKUP = re.compile(r"[^\w\s.,()/-]|_|(?<=www)\.", re.IGNORECASE)

# how a cell begins that a spreadsheet takes for a formula, past the blanks and quotes that it trims; a spreadsheet of
# another language splits cells at semicolons
_FORMULA = r"""(^|[;\t\r\n])([\s\p{C}"']*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|[\t\r\n])"""


def printable(text: str) -> str:
    r"""Return the text as one line that a terminal shows as it is: an escape character becomes `\x1b`."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def printable_lines(text: str) -> str:
    """Return the lines of a text of ours, each as `printable` returns it."""
    return "\n".join(map(printable, text.split("\n")))


def in_markdown(text: str) -> str:
    """Return the text so that a page of Markdown shows it letter by letter, also in the cell of a table."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", printable(text))


def in_json(written: str) -> str:
    r"""Return JSON that says the same, with the `\u` number of every character that is not seen."""
    return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], written)


def in_table(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame as a terminal may show it: lists and records as JSON, all texts and names printable."""
    columns = [_printable(_as_text(column)) for column in frame.get_columns()]
    return pl.DataFrame(dict(zip(unique(map(printable, frame.columns)), columns, strict=True)))


def in_spreadsheet(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame as a spreadsheet may open it: as in a table, and an apostrophe before what it would run.

    Numbers and dates are left alone.
    """
    columns = [_printable(_no_formula(_as_text(column))) for column in frame.get_columns()]
    names = _printable(_no_formula(pl.Series(frame.columns, dtype=pl.String)))
    return pl.DataFrame(dict(zip(unique(names), columns, strict=True)))


def unique(names: Iterable[str]) -> list[str]:
    """Return the names with `_1`, `_2` and so on after those that were there before."""
    given: dict[str, None] = {}
    for name in names:
        number = 1
        fresh = name
        while fresh in given:
            fresh, number = f"{name}_{number}", number + 1
        given[fresh] = None
    return list(given)


def _as_text(column: pl.Series) -> pl.Series:
    if column.dtype.is_nested():
        lines = column.to_frame("x").write_ndjson().removesuffix("\n").split("\n") if column.len() else []
        texts = [line.removeprefix('{"x":').removesuffix("}") for line in lines]
        return pl.Series(texts, dtype=pl.String).replace("null", None)
    return column.cast(pl.String) if isinstance(column.dtype, pl.Categorical | pl.Enum) else column


def _printable(column: pl.Series) -> pl.Series:
    if column.dtype != pl.String or not column.str.contains(_PERHAPS_HIDDEN).any():
        return column
    return pl.Series([text if text is None else printable(text) for text in column], dtype=pl.String)


def _no_formula(column: pl.Series) -> pl.Series:
    return column.str.replace_all(_FORMULA, "${1}'${2}") if column.dtype == pl.String else column
