"""Read money, shares and counts: no text becomes a number that does not print back to it.

Without a mapping a number has a decimal point and nothing between its thousands. Money with three digits after the
point is none, since 1.000 may be a thousand; neither is money that a cent would round. With a mapping that names the
decimal mark, the thousands mark, the currency or the unit, the text is read by these alone.
"""

from __future__ import annotations

import re

from warehouse.intake.feed import FeedColumn
from warehouse.intake.mapping import FeedMapping, Unit
from warehouse.sql import quoted

MONEY = "decimal(18,2)"
NUMBER_TYPES = (MONEY, "double", "integer")
FLOATS = ("DOUBLE", "FLOAT")
NATIVE_NUMBERS = (
    *FLOATS,
    "DECIMAL",
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
)

_POWERS: dict[Unit | None, int] = {None: 0, "cents": -2, "percent": -2, "thousands": 3, "millions": 6}
_CENTS = (
    r"(\d{1,2}|\d{2}00+)"  # digits after the point that can be no thousands and that a cent does not round
)
_DIGITS = r"\d{1,10}"  # so many that the unit rounds none away
_PLAIN = {
    MONEY: rf"[+-]?(\d+\.?|\d*\.{_CENTS})",
    "integer": r"[+-]?\d+(\.(0{1,2}|0{4,})?)?",
    "double": r"[+-]?(\d+\.?|\d*\.\d+)([eE][+-]?\d{1,3})?",
}
_WITH_EXPONENT = r"[+-]?\d(\.\d+)?[eE]\+?\d{1,2}"
_BLANK = r"[ \x{a0}\x{2009}\x{202f}]"
_MINUS = "[-\u2212]"
_THOUSANDS = {".": r"\.", ",": ",", " ": _BLANK, "'": "['\u2019]"}
_ONE_CENT_APART = {"FLOAT": 2**17, "DOUBLE": 2**46}  # neighbours among larger floats are further apart


def marks_told(mapping: FeedMapping) -> bool:
    """Return True if the mapping says which marks the numbers have."""
    return mapping.decimal != "." or mapping.thousands is not None


def quick_number(column: FeedColumn, text: str, mapping: FeedMapping) -> str | None:
    """Return SQL of a number that DuckDB prints back letter by letter, null for others; None to try none."""
    if column.type == "double" or _by_mapping(column, mapping):
        return None
    cast = f"try_cast({text} as {column.type})"
    return f"case when cast({cast} as varchar) = {text} then {cast} end"


def read_number(column: FeedColumn, text: str, mapping: FeedMapping) -> str:
    """Return SQL of the number that a cleaned text says, null if it says none or would be rounded."""
    if _by_mapping(column, mapping):
        written = f"regexp_full_match({text}, {quoted(_written(column, mapping))})"
        return _scaled(column, f"(case when {written} then {_plain(text, mapping)} end)", mapping)
    cast = f"try_cast({text} as {column.type})"
    plain = f"when regexp_full_match({text}, '{_PLAIN[column.type]}') then {cast}"
    match column.type:
        case "integer":  # a cast alone would turn 3.7 into 4
            exponent = (
                f"when regexp_full_match({text}, '{_WITH_EXPONENT}') and try_cast({text} as double) = {cast}"
            )
            return f"case {plain} {exponent} then {cast} end"
        case "double":
            return _finite(f"case {plain} end")
        case _:
            return f"case {plain} end"


def native_number(column: FeedColumn, value: str, delivered: str, mapping: FeedMapping) -> str:
    """Return SQL of a number that the file holds as such, null if it would be rounded or is not finite."""
    power = _power(column, mapping)
    if delivered in FLOATS:
        # a share is what it prints: 0.05 and not 0.05000000074505806
        printed = f"cast({value} as varchar)" if column.type == "double" else value
        number = f"(cast({printed} as double) {'*' if power >= 0 else '/'} {10 ** abs(power)})"
        whole = (
            f"when {number} = floor({number}) then try_cast(try_cast({number} as bigint) as {column.type})"
        )
        match column.type:
            case "double":
                return _finite(number)
            case "integer":
                return f"case {whole} end"
            case _:
                return (
                    f"case {whole} when {_is_cents(number, delivered)} then try_cast({number} as {MONEY}) end"
                )
    if power:
        return _scaled(column, f"cast({value} as varchar)", mapping)
    cast = f"try_cast({value} as {column.type})"
    if column.type == "double":
        return cast
    return f"case when try_cast({cast} as {delivered}) = {value} then {cast} end"


def _power(column: FeedColumn, mapping: FeedMapping) -> int:
    return _POWERS[mapping.columns[column.name].unit] if column.name in mapping.columns else 0


def _by_mapping(column: FeedColumn, mapping: FeedMapping) -> bool:
    return marks_told(mapping) or bool(mapping.currency) or _power(column, mapping) != 0


def _written(column: FeedColumn, mapping: FeedMapping) -> str:
    """Return the pattern of a number as the mapping says that it is written."""
    whole = r"\d+"
    if mapping.thousands:
        whole = rf"(\d+|[1-9]\d{{0,2}}({_THOUSANDS[mapping.thousands]}\d{{3}})+)"
    doubtful = column.type == MONEY and not marks_told(mapping) and _power(column, mapping) <= 0
    fraction = f"{re.escape(mapping.decimal)}{_CENTS if doubtful else _DIGITS}"
    number = f"({whole}({fraction})?|{fraction})({_BLANK}*%)?"
    if mapping.currency:
        currency = re.escape(mapping.currency)
        before, after = f"({currency}{_BLANK}*)?", f"({_BLANK}*{currency})?"
    else:
        before, after = "", ""
    amount = f"{before}{number}{after}"
    sign = rf"([+]|{_MINUS})?{_BLANK}*"
    return "|".join(
        (
            f"{sign}{amount}",
            f"{before}{sign}{number}{after}",
            f"{before}{number}{_BLANK}*{_MINUS}{after}",
            f"{amount}{_BLANK}*{_MINUS}",
            rf"{_MINUS}?{_BLANK}*{before}\({_BLANK}*{amount}{_BLANK}*\){after}",
        )
    )


def _plain(text: str, mapping: FeedMapping) -> str:
    """Return SQL of the same number with a decimal point and perhaps a minus in front."""
    bare = f"replace({text}, {quoted(mapping.currency)}, '')" if mapping.currency else text
    minus = f"(contains({bare}, '-') or contains({bare}, '\u2212'))"
    digits = f"replace(regexp_replace({bare}, '[^0-9{mapping.decimal}]', '', 'g'), '{mapping.decimal}', '.')"
    return f"case when {minus} <> contains({bare}, '(') then '-' else '' end || {digits}"


def _scaled(column: FeedColumn, plain: str, mapping: FeedMapping) -> str:
    """Return SQL of a plain number in our unit, null where the type would round it."""
    text = f"{plain} || 'e{_power(column, mapping)}'"
    if column.type == "double":
        return _finite(f"try_cast({text} as double)")
    exact = f"try_cast({text} as decimal(38,12))"
    cast = f"try_cast({exact} as {column.type})"
    return f"case when {cast} = {exact} then {cast} end"


def _is_cents(number: str, delivered: str) -> str:
    """Return SQL that is true if a float is a whole number of cents as exactly as its type can say."""
    cents = f"try_cast({number} as {MONEY})"
    same = f"cast({cents} as {delivered}) = cast({number} as {delivered})"
    if delivered == "DOUBLE":  # sums of cents are a little off
        close = f"least(1e-9 * greatest(1, abs({number})), 0.001)"
        same = f"({same} or abs({number} - cast({cents} as double)) <= {close})"
    return f"abs({number}) < {_ONE_CENT_APART[delivered]} and {same}"


def _finite(number: str) -> str:
    return f"case when isfinite({number}) then {number} end"
