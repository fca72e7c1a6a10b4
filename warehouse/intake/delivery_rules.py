"""Refuse a file whole that can be read, but is no delivery that anybody meant to make.

A file of which less than four fifths can be used was written in another way than we read it, and its good rows are
good by chance. A file without `known_at`, in a feed that used to bring it, would be taken as known at its business
time: a model would see labels weeks before the lender had them.
"""

from __future__ import annotations

import duckdb

from warehouse.errors import FileRefused
from warehouse.intake.column_names import near_names
from warehouse.intake.feed import Feed
from warehouse.intake.file_ledger import FileRecord
from warehouse.intake.forms import column_name


def refuse_unusable(con: duckdb.DuckDBPyConnection, record: FileRecord) -> None:
    """Refuse a file of which less than four fifths are loaded rows or exact duplicates.

    Rows that wait for their enterprise cannot be used either; a refused file is tried again with every run.

    Raises:
        FileRefused: naming the rules that were broken, and the first row that breaks the one broken most often.
    """
    usable = record.loaded + record.exact_duplicates
    if usable * 5 >= record.delivered * 4:
        return
    broken = con.execute(
        """select rule, count(*), min(file_row) as first_row, arg_min(detail, file_row) from wh.ops.quarantine
           where portfolio = $portfolio and path = $path and file_hash = $file_hash and run_id = $run_id
           group by rule order by 2 desc, first_row""",
        record.model_dump(include={"portfolio", "path", "file_hash", "run_id"}),
    ).fetchall()
    counts = ", ".join(f"{rows:,} {rule}" for rule, rows, _, _ in broken)
    main_rule, _, first_row, detail = broken[0]
    what_to_do = " Deliver the enterprises first." if main_rule == "unknown_enterprise" else ""
    usable_rows = f"only {usable:,}" if usable else "none"
    raise FileRefused(
        f"{usable_rows} of {record.delivered:,} rows can be used (four fifths are needed): {counts}; "
        f"the first, row {first_row:,}: {detail}{what_to_do}"
    )


def refuse_lost_known_at(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    *,
    portfolio: str,
    empty_column: bool,
    left_out: tuple[str, ...],
) -> None:
    """Refuse a file that brings no `known_at` where loaded files of its feed brought it.

    Args:
        con: a writer's cursor.
        feed: the feed of the file.
        portfolio: whose files are looked at.
        empty_column: the file has the column, but no value in it.
        left_out: columns of the file that the feed does not know; one of them may be `known_at` under another name.

    Raises:
        FileRefused: naming the columns that look like it.
    """
    if not _brought_known_at(con, feed, portfolio=portfolio):
        return
    near = sorted(map(column_name, near_names(["known_at"], left_out).get("known_at", ())))
    if near:
        columns, verb = ("column", "looks") if len(near) == 1 else ("columns", "look")
        what_to_do = (
            f"the {columns} {', '.join(near)} {verb} like it: rename it to known_at, or map it in feeds.yaml"
        )
    else:
        what_to_do = "deliver it again, or say in feeds.yaml where it comes from"
    what = "empty in every row" if empty_column else "missing"
    raise FileRefused(f"known_at is {what}, earlier files of {feed.name} brought it; {what_to_do}")


def _brought_known_at(con: duckdb.DuckDBPyConnection, feed: Feed, *, portfolio: str) -> bool:
    """Return True if a live file of the feed brought `known_at`; older ledger rows do not say, but their rows do."""
    row = con.execute(
        f"""with live as (
                select file_hash, brings_known_at from wh.ops.file_ledger
                where portfolio = $portfolio and feed = $feed and status = 'loaded'
            )
            select exists (select 1 from live where brings_known_at)
                or exists (select 1 from wh.raw.{feed.name}
                           where portfolio = $portfolio and known_at <> cast("{feed.business_time}" as timestamp)
                             and file_hash in (select file_hash from live where brings_known_at is null))""",
        {"portfolio": portfolio, "feed": feed.name},
    ).fetchone()
    return bool(row and row[0])
