"""Clean delivered text before it is judged: outer white space goes, and the words that mean nothing become null."""

from __future__ import annotations

import re

from warehouse.sql import quoted

NULL_WORDS = (
    *("NULL", "Null", "null", "(null)", "[NULL]", "<null>", "\\N", "None", "NONE"),
    *("NaN", "NAN", "nan", "-NaN", "-nan", "NaT", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
    *("N/A", "n/a", "NA", "<NA>", "#N/A", "#N/A N/A", "#NA", "-", "--"),
)
"""What programs write for nothing, in every column: the words of pandas' readers and of databases' exports.

The spelling counts: `none` and `na` in small letters may be somebody's word, programs write `None` and `NA`.
"""

# white space, zero-width letters and byte order marks of Unicode
_SPACES = (
    *(*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, 0x180E),
    *(*range(0x2000, 0x2010), *range(0x2028, 0x2030), *range(0x205F, 0x2065), 0x3000, 0xFEFF),
)
_OUTER = quoted("".join(map(chr, _SPACES)))
_NOTHING = quoted("|".join(map(re.escape, ("", *NULL_WORDS))))
_LONGEST = max(map(len, NULL_WORDS))


def outer_space_gone(text: str) -> str:
    """Return SQL of the text without outer white space; null stays null."""
    return f"case when {_is_bare(text)} then {text} else trim({text}, {_OUTER}) end"


def value_of(text: str) -> str:
    """Return SQL of the text without outer white space, null where it says nothing."""
    trimmed = f"trim({text}, {_OUTER})"
    bare_value = f"strlen({text}) > {_LONGEST} or not regexp_full_match({text}, {_NOTHING})"
    return (
        f"case when {_is_bare(text)} then case when {bare_value} then {text} end "
        f"when not regexp_full_match({trimmed}, {_NOTHING}) then {trimmed} end"
    )


def says_itself(text: str) -> str:
    """Return SQL that is true for a text that `value_of` leaves as it is, but false for rare ones too; no pattern."""
    words = ", ".join(map(quoted, NULL_WORDS))
    return f"({_is_bare(text)} and (strlen({text}) > {_LONGEST} or not list_contains([{words}], {text})))"


def _is_bare(text: str) -> str:
    # true for nearly every text, and ten times faster than trimming it
    return f"{text} between '!' and '~~' and {text}[-1] between '!' and '~'"
