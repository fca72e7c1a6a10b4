"""Turn the columns of a delivered file into the columns that its feed declares, as its mapping says.

Values of text files stay text, since they are typed only later: a sign is turned by writing or taking away a minus, so
that a value that is no number is still shown as it came out. Constants are ours, so they have the declared type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

import duckdb

from warehouse.errors import FileRefused
from warehouse.intake.column_names import near_names
from warehouse.intake.csv_and_ndjson import count, identifier
from warehouse.intake.csv_header import MAP_IT, listed
from warehouse.intake.feed import Feed, FeedColumn
from warehouse.intake.feeds import FEEDS
from warehouse.intake.forms import column_name
from warehouse.intake.mapping import ColumnMapping, FeedMapping, plain
from warehouse.sql import quoted

_FRACTIONS = ("FLOAT", "DOUBLE", "DECIMAL")
_SHOWN_NAMES = 12


@dataclass(frozen=True)
class Declared:
    """The declared columns that came out, and what the ledger tells of the rest.

    Attributes:
        types: Type of each declared column that came out.
        extra: Columns of the file that nothing reads.
        notes: What the mapping left out, each as a sentence.
    """

    types: dict[str, str]
    extra: tuple[str, ...]
    notes: tuple[str, ...]


def wanted(feed: Feed, mapping: FeedMapping) -> set[str]:
    """Return the columns that are looked for in a file: those of all feeds and those of its mapping, also as spelled.

    Where the mapping of the feed names columns, only these and the feed's own are looked for.
    """
    if not mapping.columns:
        return {column.name for other in FEEDS.values() for column in other.columns}
    spelled = {name.removesuffix(" (1)") for name in mapping.columns_of_file}
    return {column.name for column in feed.columns} | spelled | {plain(name) for name in spelled}


def declare_rows(
    con: duckdb.DuckDBPyConnection, feed: Feed, mapping: FeedMapping, *, types: dict[str, str]
) -> Declared:
    """Fill `intake_rows` (file_row and the declared columns that come out) from `intake_source`.

    Args:
        con: the cursor that read the file.
        feed: the feed of the file.
        mapping: where the columns come from.
        types: columns of the file in small letters, in its order, with their types; of columns with the same name
            the second is called `name (2)`.

    Raises:
        FileRefused: where a column that is needed is not there, or is there twice.
    """
    source = _Source(types, mapping)
    own = [
        column.name for column in feed.columns if column.name not in mapping.columns and column.name in types
    ]
    _check_columns(feed, mapping, own=own, types=types)
    read = {*own, *map(source.find, mapping.columns_of_file)}
    expressions = {
        column.name: source.expression(feed, column)
        for column in feed.columns
        if column.name in own or column.name in mapping.columns
    }
    columns = ", ".join(f"{sql} as {identifier(name)}" for name, sql in expressions.items())
    is_none = source.is_none()
    con.execute(
        f"create temp view intake_rows as select file_row, {columns} from intake_source where not {is_none}"
    )
    _check_joined(con, source)
    described = con.execute("describe intake_rows").fetchall()
    notes = []
    if mapping.columns and (
        empty := [column.name for column in feed.columns if column.name not in expressions]
    ):
        notes.append(f"columns that are empty, feeds.yaml does not fill them: {', '.join(empty)}")
    if mapping.skip_rows and (skipped := count(con, f"intake_source where {is_none}")):
        marks = " and ".join(
            f"{name}: {' or '.join(value or 'empty' for value in values)}"
            for name, values in mapping.skip_rows.items()
        )
        notes.append(f"{skipped} row{'s' * (skipped > 1)} left out as feeds.yaml says ({marks})")
    return Declared(
        types={row[0]: row[1] for row in described if row[0] != "file_row"},
        extra=tuple(name for name in types if name not in read),
        notes=tuple(notes),
    )


class _Source:
    """The columns of `intake_source`, and the SQL that makes values of ours from them."""

    def __init__(self, types: dict[str, str], mapping: FeedMapping) -> None:
        self.types, self.mapping = types, mapping

    def find(self, spelled: str) -> str:
        """Return the column of the file that feeds.yaml names.

        Raises:
            FileRefused: naming the columns of the file that are near, or how to tell two of that name apart.
        """
        name = plain(spelled)
        if name not in self.types and name.endswith(" (1)") and f"{name[:-4]} (2)" in self.types:
            return name[:-4]
        if name not in self.types:
            near = get_close_matches(name, self.types, n=3) or list(self.types)[:_SHOWN_NAMES]
            raise FileRefused(
                f"no column {spelled}, which feeds.yaml names; the file has {', '.join(map(column_name, near))}"
                f"{' and others' if len(near) < len(self.types) else ''}"
            )
        if f"{name} (2)" in self.types:
            raise FileRefused(
                f"the column {spelled} is there twice; write '{spelled} (1)' or '{spelled} (2)' in feeds.yaml"
            )
        return name

    def expression(self, feed: Feed, column: FeedColumn) -> str:
        """Return SQL of the value of one of our columns."""
        how = self.mapping.columns.get(column.name)
        if how is None:
            return identifier(column.name) if column.name in self.types else "cast(null as varchar)"
        if how.path is not None or how.constant is not None:
            return self._constant(column, how)
        if how.sign_of is not None:
            amount = f"trim(cast({self.expression(feed, feed.column(how.sign_of))} as varchar))"
            return (
                f"case when {_is_negative(amount)} then {quoted(str(how.negative))} "
                f"when {amount} <> '' then {quoted(str(how.positive))} end"
            )
        return self._signed(how)

    def _constant(self, column: FeedColumn, how: ColumnMapping) -> str:
        if how.path is None:
            return f"cast(nullif({quoted(str(how.constant))}, '') as {column.type})"
        if how.constant is None:
            raise FileRefused(
                f"the path of the file has nothing that fits {how.path}, from which feeds.yaml takes {column.name}"
            )
        return _replaced(quoted(how.constant), how)

    def _signed(self, how: ColumnMapping) -> str:
        value = self._value(how)
        if how.days_since:
            return self._as_date(value, how.days_since)
        if how.inverted:
            return _turned(value)
        if how.sign_by:
            mark = f"trim({self.text(how.sign_by.column)})"
            return (
                f"case when {mark} in {_listed(how.sign_by.minus)} then {_turned(value)} "
                f"when {mark} in {_listed(how.sign_by.plus)} then {value} "
                f"else {value} || ' ' || coalesce(nullif({mark}, ''), 'without a sign') end"
            )
        return value

    def joined(self, how: ColumnMapping) -> tuple[str, ...]:
        """Return SQL of the parts that are joined: never null, with plain single blanks, as in keys."""
        blank = r"[\s\p{Z}]+"
        return tuple(
            f"coalesce(trim(regexp_replace({self.text(name)}, '{blank}', ' ', 'g')), '')"
            for name in how.source
        )

    def is_none(self) -> str:
        """Return SQL that is true for a row that is no row of the feed, such as a total."""
        marks = (
            f"coalesce(trim({self.text(name)}), '') in {_listed(values)}"
            for name, values in self.mapping.skip_rows.items()
        )
        return f"({' and '.join(marks) or 'false'})"

    def text(self, spelled: str) -> str:
        """Return SQL of a column of the file as text, a number with the decimal mark of the mapping."""
        name = self.find(spelled)
        column, family = identifier(name), self.types[name].split("(")[0]
        if family == "VARCHAR":
            return column
        text = f"cast({column} as varchar)"
        if family in _FRACTIONS:
            text = f"nullif({text}, 'nan')"
            return f"replace({text}, '.', ',')" if self.mapping.decimal == "," else text
        return text

    def _value(self, how: ColumnMapping) -> str:
        if how.plus and how.minus:
            return _apart(f"trim({self.text(how.plus)})", f"trim({self.text(how.minus)})")
        if how.first_of:
            filled = (f"nullif(trim({self.text(name)}), '')" for name in how.first_of)
            return _replaced(f"coalesce({', '.join(filled)})", how)
        if len(how.source) > 1:
            parts = self.joined(how)
            filled_part = " or ".join(f"{part} <> ''" for part in parts)
            return _replaced(f"case when {filled_part} then concat_ws('-', {', '.join(parts)}) end", how)
        if how.values or how.sign_by or how.inverted or how.days_since:
            return _replaced(self.text(how.source[0]), how)
        return identifier(self.find(how.source[0]))

    def _as_date(self, days: str, since: date) -> str:
        """Return SQL of the day that is so many days after the date, written as the mapping writes dates."""
        forms = self.mapping.dates or ("%Y-%m-%d",)
        form = next((form for form in forms if "%Y" in form), forms[0])
        day = f"cast(regexp_extract({days}, '^-?\\d+') as integer)"
        return (
            f"case when regexp_full_match({days}, '-?\\d{{1,6}}([.,]0+)?') "
            f"then strftime({quoted(str(since))}::date + {day}, {quoted(form)}) else {days} end"
        )


def _apart(plus: str, minus: str) -> str:
    """Return SQL of an amount whose money in and money out stand apart, of which one is empty or zero."""
    nothing = "coalesce({}, '') = '' or regexp_full_match({}, '[^1-9[:alpha:]]*')"
    return (
        f"case when {nothing.format(minus, minus)} then coalesce(nullif({plus}, ''), {minus}) "
        f"when {nothing.format(plus, plus)} then '-' || {minus} else {plus} || ' and ' || {minus} end"
    )


def _turned(value: str) -> str:
    """Return SQL of the text of an amount with the other sign; a minus may stand before, behind, or as parentheses."""
    text = f"trim({value})"
    return (
        f"case when {text} = '' then null "
        f"when left({text}, 1) in ('-', '\u2212') then ltrim({text}[2:]) "
        f"when left({text}, 1) = '+' then '-' || ltrim({text}[2:]) "
        f"when left({text}, 1) = '(' and right({text}, 1) = ')' then {text}[2:-2] "
        f"when right({text}, 1) = '-' then rtrim({text}[:-2]) "
        f"else '-' || {text} end"
    )


def _is_negative(text: str) -> str:
    return f"regexp_matches({text}, '^[^0-9]*[-\u2212(]|-$')"


def _replaced(text: str, how: ColumnMapping) -> str:
    """Return SQL of our value for the text of the file, where the mapping names one."""
    if not how.values:
        return text
    cases = " ".join(
        f"when {quoted(name.strip())} then {quoted(value)}" for name, value in how.values.items()
    )
    return f"case trim(coalesce({text}, '')) {cases} else {text} end"


def _listed(values: Sequence[str]) -> str:
    return f"({', '.join(quoted(value.strip()) for value in values)})"


def _check_columns(feed: Feed, mapping: FeedMapping, *, own: Sequence[str], types: dict[str, str]) -> None:
    """Check that a file with these columns belongs to the feed.

    Raises:
        FileRefused: naming the feed that the columns fit, or the missing columns.
    """
    if twice := [name for name in own if f"{name} (2)" in types]:
        raise FileRefused(f"unreadable: the column {', '.join(twice)} is there twice")
    for name in own:
        is_nested = types[name].startswith(("STRUCT", "MAP", "UNION")) or types[name].endswith("]")
        if is_nested and feed.column(name).type != "json":
            raise FileRefused(
                f"unreadable: the column {name} holds lists or structures; deliver plain values"
            )
    if mapping.columns:
        needed = [column.name for column in feed.columns if column.required]
        if unfilled := [name for name in needed if name not in own and name not in mapping.columns]:
            raise FileRefused(
                f"missing columns: {', '.join(unfilled)}; feeds.yaml does not fill them, and the file has none of "
                "that name"
            )
        return
    if missing := [name for name in feed.must_deliver if name not in own]:
        for other in FEEDS.values():
            if other != feed and set(other.must_deliver) <= set(types):
                raise FileRefused(
                    f"wrong feed: these are the columns of {other.name}; put the file into that folder"
                )
        declared = {column.name for column in feed.columns}
        extra = tuple(name for name in types if name not in declared)
        near = {name: map(column_name, names) for name, names in near_names(missing, extra).items()}
        wanting = (f"{name} (is it {' or '.join(near[name])}?)" if name in near else name for name in missing)
        unknown = (
            f"; no columns of ours: {listed(extra)}; rename them" if extra else "; add them, empty or not"
        )
        raise FileRefused(f"missing columns: {', '.join(wanting)}{unknown}, or {MAP_IT}")


def _check_joined(con: duckdb.DuckDBPyConnection, source: _Source) -> None:
    """Check that no two different rows get one key because a part of it holds the hyphen that joins the parts."""
    for name, how in source.mapping.columns.items():
        if len(how.source) < 2:
            continue
        parts = ", ".join(source.joined(how))
        rows = con.execute(
            f"""select min(file_row), max(file_row)
                from (select concat_ws('-', {parts}) as text, row({parts}) as parts, min(file_row) as file_row
                      from intake_source group by all)
                group by text having count(*) > 1 order by 1 limit 1"""
        ).fetchone()
        if rows:
            raise FileRefused(
                f"{' and '.join(how.source)} joined for {name} give rows {rows[0]} and {rows[1]} the same text from "
                "different values, since a value holds the hyphen; name the columns in another order in feeds.yaml"
            )
