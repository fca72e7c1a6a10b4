"""What a feed is: a folder of the landing zone with its columns, its natural key and its business time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from warehouse.tables import TableColumn

ColumnType = Literal[
    "varchar", "date", "timestamp", "decimal(18,2)", "double", "integer", "boolean", "json", "bigint"
]


@dataclass(frozen=True)
class FeedColumn:
    """One delivered column: its type, whether a row may lack it, and whether it may leave `raw`.

    Attributes:
        name: Column name in the file and in `raw`.
        type: DuckDB type that every format is cast to.
        text: What it means, with its unit; empty where the choices say it.
        required: A row without a value is quarantined.
        pii: Names a person or a way to reach one; never leaves `raw`.
        sensitive: May be used for fairness checks only.
        free_text: Words that somebody wrote, which may name anyone; never leaves `raw`.
        category: One of few words that many rows share; it is published as it is.
        optional: A file may lack the column; then it is empty.
        share: A number from 0 to 1; a row with any other is quarantined.
        choices: The closed list of values, if there is one.
    """

    name: str
    type: ColumnType
    text: str = ""
    required: bool = False
    pii: bool = False
    sensitive: bool = False
    free_text: bool = False
    category: bool = False
    optional: bool = False
    share: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Feed:
    """One feed: a folder of the landing zone and a table of `raw`.

    Attributes:
        name: Folder and table name.
        holds: What its rows tell.
        columns: The delivered columns, `known_at` among them.
        key: The lender's natural key; with `known_at` it names one version of a fact.
        business_time: Column that says when the fact happened; replaces `known_at` where that is not delivered.
    """

    name: str
    holds: str
    columns: tuple[FeedColumn, ...]
    key: tuple[str, ...]
    business_time: str

    def column(self, name: str) -> FeedColumn:
        """Return the declared column of that name; KeyError if there is none."""
        return {column.name: column for column in self.columns}[name]

    @property
    def of_borrowers(self) -> bool:
        """Whether each row is about a borrower; the scenarios are about the times."""
        return any(column.name == "enterprise_id" for column in self.columns)

    @property
    def about(self) -> str:
        """Comment of its table."""
        names = ("portfolio", *(name.removesuffix("_id") for name in self.key))
        return f"one row per {', '.join(names)} and version: {self.holds}"

    @property
    def table_columns(self) -> dict[str, TableColumn]:
        """Columns of its table: those delivered, `known_at` after the others, then those that intake fills."""
        delivered = [column for column in self.columns if column.name != "known_at"]
        columns = (*delivered, replace(self.column("known_at"), required=True), *_FILLED)
        return {
            column.name: TableColumn(column.type, self._comment(column), column.required)
            for column in columns
        }

    @property
    def must_deliver(self) -> tuple[str, ...]:
        """Columns that a file has to have: all but `known_at`, personal, sensitive and optional ones."""
        return tuple(
            c.name for c in self.columns if not (c.pii or c.sensitive or c.optional or c.name == "known_at")
        )

    @property
    def pii(self) -> tuple[str, ...]:
        """Columns that never leave `raw`."""
        return tuple(column.name for column in self.columns if column.pii)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Columns masked wherever a row is shown: personal, sensitive, free text, and JSON, which may hold anything."""
        return tuple(c.name for c in self.columns if c.pii or c.sensitive or c.free_text or c.type == "json")

    def _comment(self, column: FeedColumn) -> str:
        text = column.text or f"{', '.join(column.choices[:-1])} or {column.choices[-1]}"
        if column.name == self.business_time:
            text = f"{text} (business time)"
        if column.pii:
            text = f"(personal) stops at raw; {text}"
        if column.free_text:
            text = f"(free text) stops at raw; {text}"
        if column.sensitive:
            text = f"(sensitive) {text}; for fairness checks only"
        return f"key; {text}" if column.name in self.key else text


_FILLED = (
    FeedColumn(
        "known_to",
        "timestamp",
        "known_at of the next version of the same key; null for the version that stands",
    ),
    FeedColumn("portfolio", "varchar", "key; portfolio that the row was delivered for", required=True),
    FeedColumn("file_hash", "varchar", "SHA-256 of the file; of that and its mapping, if it has one"),
    FeedColumn("file_row", "bigint", "number of the data row in the file, from 1"),
    FeedColumn("run_id", "varchar", "run that loaded the row"),
    FeedColumn("loaded_at", "timestamp", "local time of loading"),
    FeedColumn("key_hash", "bigint", "hash of the key by this version of DuckDB, to find rows of one key"),
)
