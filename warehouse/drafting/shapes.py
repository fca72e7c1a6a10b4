"""Tell from its values how a column is written: dates, numbers, and whether a doubt is left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

_DAYS = (
    *(
        "%d.%m.%Y",
        "%d.%m.%y",
        "%m/%d/%Y",
        "%d/%m/%Y",
        "%m/%d/%y",
        "%d/%m/%y",
        "%d-%m-%Y",
        "%m-%d-%Y",
        "%d-%m-%y",
    ),
    *(
        "%Y/%m/%d",
        "%Y.%m.%d",
        "%Y%m%d",
        "%d-%b-%Y",
        "%d-%b-%y",
        "%d %b %Y",
        "%b %d, %Y",
        "%d %B %Y",
        "%B %d, %Y",
    ),
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S")
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)? ?(Z|UTC|[+-]\d\d(:?\d\d)?)?)?", re.IGNORECASE
)
_MARKS = ((".", None), (",", None), (".", ","), (",", "."), (",", " "), (".", " "), (".", "'"), (",", "'"))
_SPACE = "[ \u00a0\u2009\u202f]"
_CURRENCY = re.compile(r"[€$£¥₹]|\b[A-Z]{3}\b")


@dataclass(frozen=True)
class Dates:
    """How dates are written.

    Attributes:
        formats: Formats of strptime that fit most values, the likeliest first; none for ISO 8601.
        days: The values are numbers of days.
        misfit: A value that the formats do not fit; None where they fit all.
    """

    formats: tuple[str, ...] = ()
    days: bool = False
    misfit: str | None = None


@dataclass(frozen=True)
class Numbers:
    """How numbers are written, and the value that shows it.

    Attributes:
        decimal: Decimal mark.
        thousands: Mark between thousands.
        currency: Sign or code that stands with the numbers.
        proof: A value that shows the marks; None where nothing but digits was seen.
        signs: The signs that were seen: + where a value is above 0, - where one is below.
    """

    decimal: str
    thousands: str | None
    currency: str | None
    proof: str | None
    signs: frozenset[str]


def dates_in(values: Sequence[str]) -> Dates | None:
    """Return how the values are written as dates, None if more than half are none."""
    unlike = set(values)
    if not unlike:
        return None
    if all(_ISO.fullmatch(value) for value in unlike):
        return Dates()
    fitting = {
        form: fitted
        for clock, day in product(_CLOCKS, _DAYS)
        if (fitted := {value for value in unlike if _is(value, form := day + clock)})
    }
    most = max(map(len, fitting.values()), default=0)
    if 2 * most > len(unlike):
        formats = tuple(form for form, fitted in fitting.items() if len(fitted) == most)
        return Dates(formats, misfit=min(unlike - fitting[formats[0]], default=None))
    if all(re.fullmatch(r"\d{4,5}(\.0)?", value) for value in unlike):
        return Dates(days=True)
    return None


def _is(value: str, form: str) -> bool:
    try:
        moment = datetime.strptime(value, form)
    except ValueError:
        return False
    return 1900 <= moment.year <= 2100


def numbers_in(values: Sequence[str], *, cents: bool) -> Numbers | None:
    """Return how the values are written as numbers, None if they are none.

    Args:
        values: values of one or several columns that are written alike.
        cents: they are money, which has at most two digits after the decimal mark.
    """
    unlike = set(values)
    codes = {match[0] for value in unlike if (match := _CURRENCY.search(value))}
    if not unlike or len(codes) > 1:
        return None
    currency = codes.pop() if codes else None
    bare = {_bare(value, currency): value for value in unlike}
    digits = {number.lstrip("-"): value for number, value in bare.items()}
    for decimal, thousands in _MARKS:
        places = "{1,2}" if cents else "+"
        group = _SPACE if thousands == " " else re.escape(thousands or "")
        whole = rf"(\d+|[1-9]\d{{0,2}}({group}\d{{3}})+)" if thousands else r"\d+"
        form = re.compile(rf"{whole}({re.escape(decimal)}\d{places})?|{re.escape(decimal)}\d{places}")
        if all(form.fullmatch(number) for number in digits):
            marked = [value for number, value in digits.items() if not number.isdigit()]
            grouped = [value for value in marked if thousands and re.search(group, value)]
            signs = frozenset(
                "-" if number.startswith("-") else "+" for number in bare if re.search("[1-9]", number)
            )
            return Numbers(
                decimal, thousands, currency, next(iter(sorted(grouped) or sorted(marked)), None), signs
            )
    return None


def _bare(value: str, currency: str | None) -> str:
    """Return the number without its currency, a minus in front where it is below 0."""
    text = value.replace(currency, "").strip() if currency else value
    text = text.replace("\u2212", "-")
    if text.startswith("(") and text.endswith(")"):
        return f"-{text[1:-1].strip()}"
    if text.endswith("-"):
        return f"-{text[:-1].strip()}"
    return f"-{text[1:].strip()}" if text.startswith("-") else text.removeprefix("+").strip()
