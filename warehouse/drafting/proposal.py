"""Propose a mapping for an export, as the lines of feeds.yaml with a reason beside every guess."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from warehouse.drafting.columns import Match, matches, money_apart, sign_marks
from warehouse.drafting.row_keys import columns_that_tell_apart, tells_apart, unlike
from warehouse.drafting.sample import Sample
from warehouse.drafting.shapes import Dates, dates_in, numbers_in
from warehouse.drafting.usual_names import TOTALS
from warehouse.intake.feed import Feed, FeedColumn
from warehouse.intake.mapping import FeedMapping, plain

_TRUE, _FALSE = ("yes", "y", "ja", "j", "wahr", "x"), ("no", "n", "nein", "falsch")
_READ_AS_BOOLEAN = ("true", "false", "1", "0")
_NUMBERS = ("decimal(18,2)", "double", "integer")


@dataclass(frozen=True)
class Line:
    """One line of the mapping, and what has to be known of it."""

    text: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.text}  # {self.why}" if self.why else self.text


@dataclass
class _Draft:
    """A mapping while it is made; the sample is without the rows that are none."""

    sample: Sample
    feed: Feed
    found: dict[str, Match]
    apart: tuple[str, str] | None
    marks: tuple[str, list[str], list[str]] | None = None
    shape: list[Line] = field(default_factory=list)
    columns: list[Line] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """Return the values that were found for one of our columns."""
        return self.sample.filled(self.found[name].name)


def propose(sample: Sample, feed: Feed, file: Path) -> str:
    """Return the text of a feeds.yaml that maps files such as this one to the feed."""
    apart = money_apart(sample) if any(column.name == "amount" for column in feed.columns) else None
    found = matches(sample, feed, taken=apart or ())
    if apart:
        found.pop("amount", None)
    draft = _Draft(sample, feed, found, apart)
    ending = "".join(file.suffixes[-2:]) if file.suffix == ".gz" else file.suffix
    shape = [
        Line(
            f"  - files: {_quoted('*' + ending)}",
            f"TODO: which files below {feed.name}/ are written like this",
        )
    ]
    if sample.is_text:
        shape += _text_shape(sample)
    total = _total_rows(draft)
    if total:
        shape.append(total)
    _shape_of_numbers(draft)
    _shape_of_dates(draft)
    for column in feed.columns:
        draft.columns += _column(draft, column)
    if not draft.columns and not set(feed.must_deliver) <= set(map(plain, sample.columns)):
        draft.columns = list(_names_as_ours(draft))
    lines = [Line(f"{feed.name}:"), *shape, *draft.shape]
    if draft.columns:
        lines += [Line("    columns:"), *draft.columns]
    return "\n".join(map(str, lines)) + "\n"


def _names_as_ours(draft: _Draft) -> Iterator[Line]:
    """Yield the required columns of a file that has our names but not all of them."""
    for column in draft.feed.columns:
        if column.required and column.name in draft.found:
            yield Line(f"      {column.name}: {_quoted(draft.found[column.name].name)}")


def left_over(sample: Sample, feed: Feed, mapping: FeedMapping) -> list[str]:
    """Return the columns of the file that nothing takes."""
    own = {column.name for column in feed.columns if column.name not in mapping.columns}
    return [name for name in sample.columns if name not in mapping.columns_of_file and plain(name) not in own]


def _text_shape(sample: Sample) -> Iterator[Line]:
    if sample.encoding != "utf-8":
        yield Line(
            f"    encoding: {sample.encoding}",
            "the bytes are no UTF-8; look at the letters that are not ASCII",
        )
    if sample.skip_lines:
        yield Line(
            f"    skip_lines: {sample.skip_lines}",
            f"line {sample.skip_lines + 1} looks like the header of the table",
        )
    yield Line(f"    delimiter: {_quoted(sample.delimiter or ',')}")


def _total_rows(draft: _Draft) -> Line | None:
    """Return the line that leaves totals out, and leave them out of the sample."""
    sample, day = draft.sample, draft.found.get(draft.feed.business_time)
    if day is None:
        return None
    rows = {
        row: (name, value)
        for name, values in sample.columns.items()
        for row, value in enumerate(values)
        if value.lower().rstrip(":") in TOTALS and not sample.columns[day.name][row]
    }
    if not rows:
        return None
    name = next(iter(rows.values()))[0]
    words = sorted({value for column, value in rows.values() if column == name})
    kept = [row for row in range(sample.rows) if row not in rows]
    draft.sample = Sample(
        {column: [values[row] for row in kept] for column, values in sample.columns.items()},
        *(len(kept), sample.cut, sample.is_text, sample.encoding, sample.delimiter, sample.skip_lines),
    )
    listed = ", ".join(map(_quoted, words))
    return Line(
        f"    skip_rows: {{{_quoted(day.name)}: '', {_quoted(name)}: [{listed}]}}",
        f"row {min(rows) + 1} has a total and no {day.name}",
    )


def _shape_of_numbers(draft: _Draft) -> None:
    by_column = {
        draft.found[column.name].name: column.type == "decimal(18,2)"
        for column in draft.feed.columns
        if column.type in _NUMBERS and column.name in draft.found
    } | dict.fromkeys(draft.apart or (), True)
    values = {name: draft.sample.filled(name) for name in by_column}
    together = [value for texts in values.values() for value in texts]
    numbers = numbers_in(together, cents=all(by_column.values()))
    if not together:
        return
    if numbers is None:
        draft.shape.append(Line("    decimal: '.'", f"TODO: {', '.join(values)} are not all written alike"))
        return
    shown = f"{numbers.proof} shows it" if numbers.proof else "no value has a mark"
    if numbers.decimal != ".":
        draft.shape.append(Line(f"    decimal: {_quoted(numbers.decimal)}", shown))
    if numbers.thousands:
        draft.shape.append(Line(f"    thousands: {_quoted(numbers.thousands)}", shown))
    if numbers.currency:
        draft.shape.append(Line(f"    currency: {_quoted(numbers.currency)}"))


def _shape_of_dates(draft: _Draft) -> None:
    told = {
        draft.found[column.name].name: dates
        for column in draft.feed.columns
        if column.type in ("date", "timestamp") and column.name in draft.found
        if (dates := dates_in(draft.values(column.name))) is not None and dates.formats
    }
    if not told:
        return
    common = [
        form
        for form in next(iter(told.values())).formats
        if all(form in dates.formats for dates in told.values())
    ]
    if common:
        formats, doubt = common[:1], _doubt(common)
    else:
        formats = list(dict.fromkeys(dates.formats[0] for dates in told.values()))
        doubt = "; ".join(filter(None, (_doubt(dates.formats) for dates in told.values())))
    listed = ", ".join(map(_quoted, formats))
    read = sum(len(draft.sample.filled(name)) for name in told)
    misfits = [dates.misfit for dates in told.values() if dates.misfit]
    fit = f"fits the {read} value{'' if read == 1 else 's'} of {', '.join(told)}"
    fit += f", but not {misfits[0]}" if misfits else ""
    draft.shape.append(Line(f"    dates: [{listed}]", "; ".join(filter(None, (doubt, fit)))))


def _doubt(formats: Sequence[str]) -> str:
    """Return what has to be looked up where the sample fits a day before the month and behind it."""
    first = formats[0]
    swapped = (
        re.sub("%d(.)%m", r"%m\1%d", first)
        if "%d" in first.split("%m")[0]
        else re.sub("%m(.)%d", r"%d\1%m", first)
    )
    return f"TODO: {swapped} fits as well, no day above 12 was seen" if swapped in formats[1:] else ""


def _column(draft: _Draft, column: FeedColumn) -> Iterator[Line]:
    match = draft.found.get(column.name)
    written = f"      {column.name}: "
    if column.name == "amount" and draft.apart:
        money_in, money_out = draft.apart
        yield Line(
            f"{written}{{plus: {_quoted(money_in)}, minus: {_quoted(money_out)}}}",
            "money in and money out stand apart",
        )
    elif column.name == "amount" and match:
        yield from _amount(draft, written, match)
    elif draft.feed.key == (column.name,):
        yield from _key(draft, written, match)
    elif column.name == "kind" and not _is_allowed(draft, column):
        yield _kind(draft, written)
    elif column.name == "enterprise_id" and match is None:
        yield Line(
            f"{written}{{path: '([^/.]+)\\.[^/]*$'}}",
            "TODO: no column names the borrower; this takes the name of the file",
        )
    elif match and column.choices and not _is_allowed(draft, column):
        seen = ", ".join(f"{_quoted(value)}: ?" for value in sorted(set(draft.values(column.name)))[:4])
        yield Line(
            f"      # TODO {column.name}: {{from: {_quoted(match.name)}, values: {{{seen}}}}} with one of "
            f"{', '.join(column.choices)} for each ?"
        )
    elif match:
        yield from _plain_column(draft, written, column, match)
    elif column.required:
        yield Line(
            f"      # TODO {column.name}: no column looks like it ({column.text or ', '.join(column.choices)})"
        )


def _plain_column(draft: _Draft, written: str, column: FeedColumn, match: Match) -> Iterator[Line]:
    values = sorted(set(draft.values(column.name)))
    if column.type == "boolean" and not all(value.lower() in _READ_AS_BOOLEAN for value in values):
        ours = {
            value: "true" if value.lower() in _TRUE else "false" if value.lower() in _FALSE else "?"
            for value in values
        }
        told = ", ".join(f"{_quoted(value)}: {word}" for value, word in list(ours.items())[:4])
        mapped = f"{column.name}: {{from: {_quoted(match.name)}, values: {{{told}}}}}"
        if "?" in ours.values():
            yield Line(f"      # TODO {mapped} with true or false for each ?")
        else:
            yield Line(f"      {mapped}")
    elif column.type in ("date", "timestamp") and dates_in(values) == Dates(days=True):
        why = "TODO: days since when? Excel counts from 1899-12-30, SAS from 1960-01-01"
        yield Line(f"{written}{{from: {_quoted(match.name)}, days_since: 1899-12-30}}", why)
    elif plain(match.name) != column.name:
        yield Line(written + _quoted(match.name), match.why)


def _amount(draft: _Draft, written: str, match: Match) -> Iterator[Line]:
    numbers = numbers_in(draft.sample.filled(match.name), cents=True)
    marks = sign_marks(draft.sample)
    if marks and numbers and "-" not in numbers.signs:
        draft.marks = marks
        name, plus, minus = marks
        sides = f"plus: [{', '.join(map(_quoted, plus))}], minus: [{', '.join(map(_quoted, minus))}]"
        text = f"{{from: {_quoted(match.name)}, sign_by: {{column: {_quoted(name)}, {sides}}}}}"
        yield Line(written + text, f"no amount has a sign, {name} tells them apart")
    elif plain(match.name) != "amount":
        yield Line(written + _quoted(match.name), match.why)


def _kind(draft: _Draft, written: str) -> Line:
    amounts = draft.sample.filled(draft.found["amount"].name) if "amount" in draft.found else []
    numbers = numbers_in(amounts, cents=True)
    if draft.apart or draft.marks or (numbers and "-" in numbers.signs):
        return Line(
            f"{written}{{sign_of: amount, positive: sale, negative: purchase}}",
            "TODO: is all money out a purchase?",
        )
    return Line(f"{written}{{constant: sale}}", "TODO: no amount is below 0, so all rows seem to be sales")


def _is_allowed(draft: _Draft, column: FeedColumn) -> bool:
    return column.name in draft.found and set(draft.values(column.name)) <= set(column.choices)


def _key(draft: _Draft, written: str, match: Match | None) -> Iterator[Line]:
    sample, borrower = draft.sample, draft.found.get("enterprise_id")
    if match and tells_apart(sample, [match.name]):
        if plain(match.name) != draft.feed.key[0]:
            yield Line(written + _quoted(match.name), match.why or f"unlike in all {sample.rows} rows")
        return
    day = draft.found.get(draft.feed.business_time)
    first = [part.name for part in (borrower, match) if part and match and sample.filled(match.name)]
    names = (
        first
        if tells_apart(sample, first)
        else columns_that_tell_apart(sample, first, day.name if day else None)
    )
    if alike := sample.rows - unlike(sample, names):
        equal = sample.rows - unlike(sample, list(sample.columns))
        why = f"TODO: {alike} rows share their key with another, {equal} are equal in every column and would count once"
    else:
        why = f"unlike in all {sample.rows} rows; TODO: name the columns that stay the same in a later export"
    yield Line(f"{written}[{', '.join(map(_quoted, names))}]", why)


def _quoted(text: str) -> str:
    """Return the text as YAML writes it: bare where it is a word, else in quotes."""
    if re.fullmatch(r"[A-Za-zÀ-ž_][\wÀ-ž]*", text):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    escaped = "".join(
        letter if letter.isprintable() and letter not in '"\\' else f"\\u{ord(letter):04x}" for letter in text
    )
    return f'"{escaped}"'
