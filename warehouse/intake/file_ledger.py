"""Keep the file ledger: one row for every path and content that was ever delivered, and what became of it."""

from __future__ import annotations

from typing import Literal

import duckdb
from pydantic import BaseModel, ConfigDict

from warehouse.intake.texts import outer_space_gone
from warehouse.settings import settings


class FileRecord(BaseModel):
    """One row of `ops.file_ledger`; the hash of a file that could not be opened is `unreadable`."""

    model_config = ConfigDict(frozen=True)

    portfolio: str
    feed: str
    path: str
    file_hash: str = "unreadable"
    bytes: int | None = None
    status: Literal["loaded", "refused", "replaced"] = "refused"
    reason: str | None = None
    delivered: int = 0
    loaded: int = 0
    quarantined: int = 0
    exact_duplicates: int = 0
    replaces: str | None = None
    note: str | None = None
    superseded: int | None = None
    brings_known_at: bool | None = None
    mapping: str | None = None
    run_id: str


def records(con: duckdb.DuckDBPyConnection, *, portfolio: str, feed: str) -> tuple[FileRecord, ...]:
    """Return the records of all files of a feed, also of those that were refused or replaced."""
    names = ", ".join(FileRecord.model_fields)
    rows = con.execute(
        f"""select {names} from wh.ops.file_ledger
            where portfolio = $portfolio and feed = $feed""",
        {"portfolio": portfolio, "feed": feed},
    ).fetchall()
    return tuple(FileRecord(**dict(zip(FileRecord.model_fields, row, strict=True))) for row in rows)


def same_content(con: duckdb.DuckDBPyConnection, record: FileRecord) -> str | None:
    """Return another path of the portfolio under which the same content is loaded, or None."""
    row = con.execute(
        """select min(path) from wh.ops.file_ledger
           where portfolio = $portfolio and path <> $path and file_hash = $file_hash and status = 'loaded'""",
        record.model_dump(include={"portfolio", "path", "file_hash"}),
    ).fetchone()
    return row[0] if row else None


def awaited(con: duckdb.DuckDBPyConnection, *, portfolio: str, feed: str) -> set[str]:
    """Return the paths of a feed of which rows wait in quarantine for an enterprise that has been delivered since."""
    rows = con.execute(
        f"""select distinct q.path from wh.ops.quarantine as q
           where q.portfolio = $portfolio and q.feed = $feed and q.rule = 'unknown_enterprise'
             and {outer_space_gone("json_extract_string(q.raw_text, '$.enterprise_id')")} in
                 (select enterprise_id from wh.raw.enterprises where portfolio = $portfolio)""",
        {"portfolio": portfolio, "feed": feed},
    ).fetchall()
    return {path for (path,) in rows}


def write(con: duckdb.DuckDBPyConnection, record: FileRecord, *, is_new: bool = False) -> None:
    """Store the record in place of an earlier one of the same portfolio, path and content, unless it is new."""
    if not is_new:
        con.execute(
            """delete from wh.ops.file_ledger
               where portfolio = $portfolio and path = $path and file_hash = $file_hash""",
            record.model_dump(include={"portfolio", "path", "file_hash"}),
        )
    names = list(FileRecord.model_fields)
    con.execute(
        f"""insert into wh.ops.file_ledger ({", ".join(names)}, recorded_at)
            values ({", ".join("$" + name for name in names)}, $recorded_at)""",
        {**record.model_dump(), "recorded_at": settings().local_now()},
    )


def write_refusal(
    con: duckdb.DuckDBPyConnection, record: FileRecord, *, before: FileRecord | None, reason: str
) -> None:
    """Store that a file is refused; where its own content is loaded already, that stands and a note says why."""
    if before is not None and before.file_hash == record.file_hash:
        note = f"read again and refused, what was loaded before stands: {reason}"
        write(con, before.model_copy(update={"note": note}))
    else:
        write(con, record.model_copy(update={"status": "refused", "reason": reason}))
