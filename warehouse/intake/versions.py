"""Tell rows that repeat a key apart: exact duplicate, contradiction or restatement.

Rows are compared with what the other live files of the portfolio delivered and with the rows before them in
their own file. Same key and same `known_at`: equal content is an exact duplicate, other content is
`key_repeated` and the first row stays. Same key and another `known_at`: a version of its own; `known_to` of
each version is the `known_at` of the next, whatever the order in which they arrived.
"""

from __future__ import annotations

import duckdb

from warehouse.intake.feeds import Feed
from warehouse.intake.file_ledger import FileRecord

ARRIVING = """(select * from intake_typed
    where fault is null and file_row not in (select file_row from intake_repeats))"""
"""SQL of the faultless rows of the file that no other row with the same key and `known_at` precedes."""


def find_repeats(con: duckdb.DuckDBPyConnection, feed: Feed, *, delivered: list[str], portfolio: str) -> None:
    """Fill `intake_repeats` (file_row, equal) with the faultless rows whose key and `known_at` another row has.

    Content is compared on the columns that this file delivers. The rows of the file that it corrects must have been
    withdrawn before.
    """
    compared = [name for name in delivered if name not in (*feed.key, "known_at")]
    same = " and ".join(f't."{name}" is not distinct from o."{name}"' for name in compared) or "true"
    con.execute(
        f"""create or replace temp table intake_repeats as
            with span as (select min(known_at) as first, max(known_at) as last from intake_typed)
            select t.file_row, ({same}) as equal
            from intake_typed as t
            inner join wh.raw.{feed.name} as o on {_same_key(feed, "t", "o")} and t.known_at = o.known_at
            where t.fault is null and o.portfolio = $portfolio
              and o.known_at between (select first from span) and (select last from span)""",
        {"portfolio": portfolio},
    )
    con.execute(
        f"""create or replace temp table intake_firsts as
            select {_key(feed)}, known_at, min(file_row) as first_row from {ARRIVING}
            group by all having count(*) > 1"""
    )
    if _any(con, "intake_firsts"):
        con.execute(
            f"""insert into intake_repeats
                select t.file_row, ({same})
                from intake_typed as t
                inner join intake_firsts as f on {_same_key(feed, "t", "f")} and t.known_at = f.known_at
                inner join intake_typed as o on o.file_row = f.first_row
                where t.fault is null and t.file_row > f.first_row"""
        )


def note_withdrawn(con: duckdb.DuckDBPyConnection, feed: Feed, *, before: FileRecord | None) -> None:
    """Start `intake_versions`, the keys to put in order, with the keys that lose one of several versions."""
    table = f"wh.raw.{feed.name}"
    con.execute(f"create or replace temp table intake_versions as select {_key(feed)} from {table} limit 0")
    if before is None or not before.loaded:
        return
    con.execute(
        f"""insert into intake_versions
            select {_key(feed, "g")} from {table} as g
            where g.portfolio = $portfolio and g.file_hash = $file_hash and g.run_id = $run_id
              and exists (select 1 from {table} as o
                          where o.portfolio = $portfolio and {_same_key(feed, "g", "o")}
                            and not (o.file_hash = $file_hash and o.run_id = $run_id))""",
        before.model_dump(include={"portfolio", "file_hash", "run_id"}),
    )


def note_arriving(con: duckdb.DuckDBPyConnection, feed: Feed, *, portfolio: str) -> None:
    """Add the keys of arriving rows that have another version in `raw` or in the file itself."""
    con.execute(
        f"""insert into intake_versions
            select {_key(feed, "n")} from {ARRIVING} as n
            where exists (select 1 from wh.raw.{feed.name} as o
                          where o.portfolio = $portfolio and {_same_key(feed, "n", "o")})
            union all
            select {_key(feed, "n")} from {ARRIVING} as n group by all having count(*) > 1""",
        {"portfolio": portfolio},
    )


def order_versions(con: duckdb.DuckDBPyConnection, feed: Feed, *, portfolio: str) -> None:
    """Set `known_to` of every version of the noted keys to the `known_at` of the next one, or null."""
    if not _any(con, "intake_versions"):
        return
    con.execute(
        f"""update wh.raw.{feed.name} as r set known_to = v.until
            from (select o.rowid as id, o.known_to,
                         lead(o.known_at) over (partition by {_key(feed, "o")} order by o.known_at) as until
                  from wh.raw.{feed.name} as o
                  where o.portfolio = $portfolio
                    and exists (select 1 from intake_versions as k where {_same_key(feed, "k", "o")})) as v
            where r.rowid = v.id and v.known_to is distinct from v.until""",
        {"portfolio": portfolio},
    )


def _key(feed: Feed, alias: str = "") -> str:
    return ", ".join(f'{alias}."{name}"' if alias else f'"{name}"' for name in feed.key)


def _same_key(feed: Feed, left: str, right: str) -> str:
    # a plain comparison is faster, but would never match a key column that may be empty
    return " and ".join(
        f'{left}."{name}" {"=" if feed.column(name).required else "is not distinct from"} {right}."{name}"'
        for name in feed.key
    )


def _any(con: duckdb.DuckDBPyConnection, relation: str) -> bool:
    return con.execute(f"select 1 from {relation} limit 1").fetchone() is not None
