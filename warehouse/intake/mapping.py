"""Say how a lender's file becomes a feed's rows: its shape, its values, and where each column comes from."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Unit = Literal["cents", "percent", "thousands", "millions"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ColumnMapping(_Record):
    """Where the values of one of our columns come from, and what happens to their text before it is read.

    Attributes:
        source: Column of the file; several are joined with a hyphen.
        constant: The value of every row instead.
        path: Regular expression with one group, searched in the file's path, whose text is the value of every row.
        plus: Column of money in, where money in and out stand apart.
        minus: Column of money out, written without a sign.
        sign_of: Column of ours whose sign decides between `positive` and `negative`.
        positive: Value where `sign_of` is above 0.
        negative: Value where `sign_of` is below 0.
        minus_where: By a column of the file, the values that turn the amount's sign.
        inverted: The file writes money out without a sign and money in with one.
        values: Our value by the file's; a value that is not named stays as it is.
        unit: Unit of the file's numbers, where it is not ours.
    """

    source: tuple[str, ...] = Field(default=(), alias="from")
    constant: str | None = None
    path: str | None = None
    plus: str | None = None
    minus: str | None = None
    sign_of: str | None = None
    positive: str | None = None
    negative: str | None = None
    minus_where: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    inverted: bool = False
    values: dict[str, str] = Field(default_factory=dict)
    unit: Unit | None = None


class FeedMapping(_Record):
    """How the files of a feed, or those under a path pattern, are written; the defaults are what we ask for.

    Attributes:
        files: Pattern of the paths below the feed's folder.
        encoding: Name of the text encoding, as Python knows it.
        delimiter: Character between the fields of a CSV line; None to find it in the header.
        skip_lines: Lines before the header.
        skip_rows: By a column of the file, the values that mark a row as none, such as a total.
        decimal: Decimal mark of numbers.
        thousands: Mark between thousands, None where there is none.
        currency: Sign or code that stands with amounts, such as $.
        dates: Formats of dates and times as strptime writes them, tried in order; empty for ISO 8601.
        timezone: Zone of times without an offset; None for the lender's.
        columns: By our column, where its values come from; a column that is not named is taken by its own name.
    """

    files: str = "*"
    encoding: str = "utf-8"
    delimiter: str | None = None
    skip_lines: int = Field(default=0, ge=0)
    skip_rows: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None
    currency: str | None = None
    dates: tuple[str, ...] = ()
    timezone: str | None = None
    columns: dict[str, ColumnMapping] = Field(default_factory=dict)

    @property
    def as_json(self) -> str | None:
        """What differs from the files that we ask for, as JSON for the file ledger; None if nothing does."""
        differences = self.model_dump_json(by_alias=True, exclude_defaults=True, exclude={"files"})
        return None if differences == "{}" else differences


AS_ASKED = FeedMapping()
"""Files as we ask for them: UTF-8, our column names, ISO dates, a decimal point."""
