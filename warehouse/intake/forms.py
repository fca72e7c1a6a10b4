"""Show the form of a delivered value instead of the value: '1.488,69' becomes '9.999,99', 'Ann Lee' becomes 'Aaa Aaa'.

A name, a tax number or a telephone number may stand in any column by mistake. Whatever quotes a delivered value outside
`raw` quotes its form, which says how it is written and not what it says; file and row number find the value itself.
"""

from __future__ import annotations

import re
import unicodedata

from warehouse.sql import quoted

LONGEST = 40
"""Characters of a value of which the form is shown."""

_SIGNS = "€£¥₹…\u2019\u2212\u2013"  # beside the signs of ASCII, those that stand with amounts and dates
_NAME_OF_A_VALUE = re.compile(r"@|(\d\D*){6}")


def form(value: object) -> str:
    """Return the form of a value: each digit as 9, capital as A, other letter as a; signs stay as they are."""
    return "".join(map(_form_of, str(value)[:LONGEST]))


def sql_form(text: str) -> str:
    """Return SQL of the form of a text; null stays null."""
    text = f"left({text}, {LONGEST})"
    patterns = {r"\p{N}": "9", r"[\p{Lu}\p{Lt}]": "A", r"[\s\p{Z}]": " ", rf"[^ -@A\[-`{{-~{_SIGNS}]": "a"}
    for pattern, letter in patterns.items():
        text = f"regexp_replace({text}, {quoted(pattern)}, '{letter}', 'g')"
    return text


def column_name(name: str) -> str:
    """Return the name of a column of the file as a sentence may quote it: its form if it is rather a value."""
    return form(name) if _NAME_OF_A_VALUE.search(name) else name


def _form_of(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind.startswith("N"):
        return "9"
    if kind in ("Lu", "Lt"):
        return "A"
    if kind.startswith("Z") or letter.isspace():
        return " "
    is_sign = (letter.isascii() and letter.isprintable() and not letter.isalpha()) or letter in _SIGNS
    return letter if is_sign else "a"
