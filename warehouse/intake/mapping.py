"""Say how a lender's file becomes a feed's rows: its shape, its values, and where each column comes from.

The records are what feeds.yaml holds. Each checks itself, so that a mapping that exists can be followed; what needs the
feed to be checked is in `feeds_yaml`.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import duckdb
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from warehouse.sql import quoted

Unit = Literal["cents", "percent", "thousands", "millions"]
_DIRECTIVES = set("aAbBdHIjmMpSfgnyYzZ")  # of DuckDB's strptime, those of a date, a time of day and an offset


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _known_encoding(name: str) -> str:
    try:
        "x".encode(codecs.lookup(name).name)
    except (LookupError, ValueError) as error:
        raise ValueError(f"no text encoding is named {name!r}; usual are utf-8, cp1252, utf-16") from error
    return name


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@cache
def known_zone(name: str) -> str:
    """Return the name of a time zone; DuckDB has to know it too, which has fewer of them than the system.

    Raises:
        ValueError: when there is no such zone.
    """
    try:
        ZoneInfo(name)
        with _duckdb().cursor() as con:
            # a value that is bound costs the import of pandas, where that is installed
            con.execute(f"select timezone({quoted(name)}, timestamp '2026-01-01')")
    except (KeyError, ValueError, OSError, duckdb.Error) as error:
        raise ValueError(f"no time zone is named {name!r}; give one such as Europe/Berlin") from error
    return name


def _sign_of_money(sign: str) -> str:
    names_money = any(letter.isalpha() or unicodedata.category(letter) == "Sc" for letter in sign)
    if not names_money or re.search("[-+()\\d\u2212]", sign):
        raise ValueError(
            f"{sign!r} is no currency; give the sign or code that stands with amounts, such as $"
        )
    return sign


def first_group(pattern: str, text: str) -> str | None:
    """Return the first group of the first match, None if nothing fits; DuckDB's patterns never search for ever."""
    with _duckdb().cursor() as con:
        row = con.execute(
            "select case when regexp_matches($1, $2) then regexp_extract($1, $2, 1) end", [text, pattern]
        ).fetchone()
    return row[0] if row else None


def _one_mark(mark: str) -> str:
    if len(mark) != 1 or mark in '"\r\n\0' or mark.isalnum():
        raise ValueError(f'{mark!r} can stand between no fields; give one character, a tab as "\\t"')
    return mark


def _whole_date(form: str) -> str:
    used = re.findall(r"%(?:-(?=\w))?(.)", form)
    if unknown := [letter for letter in used if letter not in _DIRECTIVES and letter != "%"]:
        raise ValueError(f"%{unknown[0]} in {form!r} is not known; a format is such as %d.%m.%Y")
    for part, letters in {"year": "yY", "month": "mbBj", "day": "dj"}.items():
        if not set(letters) & set(used):
            raise ValueError(f"{form!r} has no {part}; a format is such as %d.%m.%Y")
    return form


def _iso_date(value: object) -> object:
    if isinstance(value, str):
        try:
            return datetime.strptime(value, "%Y-%m-%d").date()
        except ValueError as error:
            raise ValueError(f"{value!r} is no date; write it as 1960-01-01") from error
    return value


def _one_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
        first_group(pattern, "")
    except (re.error, duckdb.Error) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    if groups != 1:
        raise ValueError(f"{pattern!r} needs one group in parentheses, it has {groups}")
    return pattern


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
_Dates = Annotated[tuple[Annotated[str, AfterValidator(_whole_date)], ...], BeforeValidator(_as_list)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SignBy(_Record):
    """Which values of a column of the file mark an amount as money in or out; any other value makes it no amount."""

    column: str
    plus: Texts
    minus: Texts


class ColumnMapping(_Record):
    """Where the values of one of our columns come from, and what happens to their text before it is read.

    Attributes:
        source: Column of the file; several are joined with a hyphen.
        first_of: Columns of the file, of which the first that holds something counts.
        constant: The value of every row instead.
        path: Regular expression with one group, searched in the file's path below the feed's folder; the text of
            the group is the value of every row.
        plus: Column of money in, where money in and out stand apart.
        minus: Column of money out, written without a sign.
        sign_of: Column of ours whose sign decides between `positive` and `negative`.
        positive: Value where `sign_of` is 0 or above.
        negative: Value where `sign_of` is below 0.
        sign_by: A column of the file says whether the amount is money in or out.
        inverted: The file writes money out without a sign and money in with one.
        values: Our value by the file's; a value that is not named stays as it is.
        unit: Unit of the file's numbers, where it is not ours.
        days_since: The file has the number of days since this date.
    """

    source: Texts = Field(default=(), alias="from")
    first_of: Texts = ()
    constant: str | None = None
    path: Annotated[str, AfterValidator(_one_group)] | None = None
    plus: str | None = None
    minus: str | None = None
    sign_of: str | None = None
    positive: str | None = None
    negative: str | None = None
    sign_by: SignBy | None = None
    inverted: bool = False
    values: dict[str, str] = Field(default_factory=dict)
    unit: Unit | None = None
    days_since: Annotated[date, BeforeValidator(_iso_date)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return {"from": value} if isinstance(value, str | list) else value

    @model_validator(mode="after")
    def _one_way(self) -> ColumnMapping:
        ways = {
            "from": bool(self.source),
            "first_of": bool(self.first_of),
            "constant": self.constant is not None
            and self.path is None,  # a path's text is a constant of its file
            "path": self.path is not None,
            "plus and minus": self.plus is not None or self.minus is not None,
            "sign_of": self.sign_of is not None,
        }
        given = [way for way, is_given in ways.items() if is_given]
        if len(given) != 1:
            raise ValueError(
                f"{' and '.join(given) or 'nothing'} given; say one of {', '.join(ways)}"
                if given
                else f"nothing says where the values come from; say one of {', '.join(ways)}"
            )
        if "" in self.columns_of_file:
            raise ValueError("the name of a column of the file is empty")
        if (self.plus is None) != (self.minus is None):
            raise ValueError("plus and minus go together: the column of money in and that of money out")
        signs = (self.positive, self.negative)
        if self.sign_of is not None and None in signs:
            raise ValueError("sign_of needs positive and negative, the values for money in and money out")
        if self.sign_of is None and signs != (None, None):
            raise ValueError("positive and negative go with sign_of")
        if self.inverted and self.sign_by:
            raise ValueError("inverted and sign_by both given; say one")
        from_file = bool(self.source or self.first_of)
        if (self.inverted or self.sign_by or self.days_since) and not from_file:
            raise ValueError("inverted, sign_by and days_since go with from or first_of")
        if self.unit and not (from_file or self.plus):
            raise ValueError("unit goes with from, first_of, or plus and minus")
        if self.values and not (from_file or self.path):
            raise ValueError("values goes with from, first_of or path")
        return self

    @property
    def columns_of_file(self) -> tuple[str, ...]:
        """The columns of the file that it reads, as feeds.yaml names them."""
        single = (self.plus, self.minus, self.sign_by.column if self.sign_by else None)
        return (*self.source, *self.first_of, *(name for name in single if name is not None))

    @property
    def our_values(self) -> Iterator[str]:
        """Every value of ours that it names."""
        named = (None if self.path else self.constant, self.positive, self.negative, *self.values.values())
        return (value for value in named if value is not None)


class FeedMapping(_Record):
    """How the files of a feed, or those under a path pattern, are written; the defaults are what we ask for.

    Attributes:
        files: Pattern of the paths below the feed's folder.
        encoding: Name of the text encoding, as Python knows it.
        delimiter: Character between the fields of a CSV line; None to find it in the header.
        skip_lines: Lines before the header.
        skip_rows: By columns of the file, the values that together mark a row as none, such as a total.
        decimal: Decimal mark of numbers.
        thousands: Mark between thousands, None where there is none.
        currency: Sign or code that stands with amounts, such as $.
        dates: Formats of dates and times as strptime writes them, tried in order; empty for ISO 8601.
        timezone: Zone of times without an offset; None for the lender's.
        columns: By our column, where its values come from; a column that is not named is taken by its own name.
    """

    files: str = Field(default="*", min_length=1)
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    delimiter: Annotated[str, AfterValidator(_one_mark)] | None = None
    skip_lines: int = Field(default=0, ge=0, le=1000)
    skip_rows: dict[str, Texts] = Field(default_factory=dict)
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None
    currency: Annotated[str, AfterValidator(_sign_of_money)] | None = None
    dates: _Dates = ()
    timezone: Annotated[str, AfterValidator(known_zone)] | None = None
    columns: dict[str, ColumnMapping] = Field(default_factory=dict)

    @field_validator("thousands")
    @classmethod
    def _two_marks(cls, mark: str | None, info: ValidationInfo) -> str | None:
        if mark is not None and info.data.get("decimal") == mark:
            raise ValueError(f"{mark!r} is the decimal mark too")
        return mark

    @property
    def as_json(self) -> str | None:
        """What differs from the files that we ask for, as JSON for the file ledger; None if nothing does."""
        differences = self.model_dump_json(by_alias=True, exclude_defaults=True, exclude={"files"})
        return None if differences == "{}" else differences

    @property
    def columns_of_file(self) -> set[str]:
        """The columns of the file that it reads, as feeds.yaml names them."""
        return set(self.skip_rows).union(*(column.columns_of_file for column in self.columns.values()))

    def at(self, path: PurePosixPath) -> FeedMapping:
        """Return the mapping of the file at that path below the feed's folder: what the path says is a constant."""
        by_path = {
            name: column.model_copy(update={"constant": text})
            for name, column in self.columns.items()
            if column.path and (text := first_group(column.path, path.as_posix())) is not None
        }
        return self.model_copy(update={"columns": self.columns | by_path}) if by_path else self


AS_ASKED = FeedMapping()
"""Files as we ask for them: UTF-8, our column names, ISO dates, a decimal point."""


def plain(name: str) -> str:
    """Return a column's name as names are compared: without outer blanks and unseen marks, in small letters."""
    return name.strip().strip("\ufeff\u200b\u2060").strip().lower()


def shape_of(record: type[BaseModel]) -> list[str]:
    """Return the keys that a record of feeds.yaml knows, as they are written there."""
    fields: dict[str, Any] = record.model_fields
    return [field.alias or name for name, field in fields.items()]
