"""Tell rows that repeat a key apart: exact duplicate, restatement, or a number that is taken.

A faultless row is compared with the rows that are there: those that the other live files of the portfolio delivered,
and those that were taken before it from its own file. With the same key as one of them it is, in this order,

- an exact duplicate, if it says the same: equal content, and an equal `known_at` or none of its own;
- `key_repeated`, if the key belongs to another borrower: a restatement keeps its borrower;
- `key_repeated`, if it brings no `known_at` of its own: the lender did not say that it restates anything;
- `key_repeated`, if `known_at` is the same: two contents at one time contradict each other, the first row stays;
- a restatement otherwise: a version of its own. `known_to` of each version is the `known_at` of the next, whatever
  the order in which they arrived.

Only the arriving row has to bring its `known_at`, so nobody has to remember whether a row of `raw` did. One that did
not counts as known at its business time, and whoever starts to deliver `known_at` can restate it. Without `known_at`
the order of arrival decides, as it does between two contents at one time: the first row stays.
"""

from __future__ import annotations

import duckdb

from warehouse.intake.feed import Feed
from warehouse.intake.file_ledger import FileRecord

ARRIVING = "(select * from intake_typed where fault is null and not is_repeat)"
"""SQL of the faultless rows of the file that become versions of their key."""

_BESIDE_OTHERS = "(select * from intake_candidates where not is_repeat)"
"""SQL of the few among them whose key another row of the file or of `raw` may have: the others need no comparing."""

TEMPORARY = (
    "intake_alike",
    "intake_standing",
    "intake_candidates",
    "intake_shared",
    "intake_repeats",
    "intake_versions",
    "intake_order",
    "intake_content",
)
"""The temporary tables of this module."""


def find_repeats(con: duckdb.DuckDBPyConnection, feed: Feed, *, delivered: list[str], portfolio: str) -> bool:
    """Fill `intake_repeats` (file_row, taken_by, equal) with the faultless rows that are no version of their key.

    Where no key of the file stands twice, all faultless rows are new and there is nothing to compare: it returns False,
    and no table is made.

    Content is compared on the columns that this file delivers. The rows of the file that it corrects must have been
    withdrawn before. `intake_standing` holds the rows of `raw` that share a key with a faultless row,
    `intake_candidates` the faultless rows whose key, by its hash, another row of the file or of `raw` has.
    """
    if not (_find_alike(con, feed, keys=ARRIVING) or _share_keys(con)):
        return False
    _note_standing(con, feed, keys=ARRIVING, portfolio=portfolio)
    con.execute(
        f"""create or replace temp table intake_candidates as
            select * from {ARRIVING} where key_hash in (
                select {key_hash(feed)} from intake_standing
                union all
                select key_hash from {ARRIVING} group by key_hash having count(*) > 1)"""
    )
    con.execute(
        f"""create or replace temp table intake_repeats as
            select t.file_row, min({_taken_by(feed, "t", "o")}) as taken_by, false as equal
            from intake_candidates as t inner join intake_standing as o on {_same_key(feed, "t", "o")}
            group by t.file_row having count({_taken_by(feed, "t", "o")}) > 0"""
    )
    _mark_repeats(con)
    con.execute(
        f"""create or replace temp table intake_shared as
            select {_key(feed)}, min(file_row) as first_row from {_BESIDE_OTHERS}
            group by all having count(*) > 1"""
    )
    if _any(con, "intake_shared"):
        _find_repeats_in_file(con, feed)
        _mark_repeats(con)
    if _any(con, "intake_repeats"):
        _find_equal(con, feed, delivered=delivered)
    return True


def note_withdrawn(con: duckdb.DuckDBPyConnection, feed: Feed, *, before: FileRecord | None) -> None:
    """Start `intake_versions`, the keys to put in order, with the keys that lose one of several versions."""
    table = f"wh.raw.{feed.name}"
    con.execute(f"create or replace temp table intake_versions as select {_key(feed)} from {table} limit 0")
    if before is None or not before.loaded:
        return
    con.execute(
        f"""insert into intake_versions
            with gone as (
                select * from {table}
                where portfolio = $portfolio and file_hash = $file_hash and run_id = $run_id
            ),
            others as (
                select * from {table}
                where portfolio = $portfolio and not (file_hash = $file_hash and run_id = $run_id)
            )
            select {_key(feed, "g")} from gone as g semi join others as o on {_same_key(feed, "g", "o")}""",
        before.model_dump(include={"portfolio", "file_hash", "run_id"}),
    )


def note_arriving(con: duckdb.DuckDBPyConnection, feed: Feed) -> int:
    """Add the keys of arriving rows that have another version in `raw` or may have one in the file itself.

    Returns:
        How many rows of `raw` stood until now and are superseded by an arriving row.
    """
    con.execute(
        f"""insert into intake_versions
            select {_key(feed, "n")} from {_BESIDE_OTHERS} as n
            semi join intake_standing as o on {_same_key(feed, "n", "o")}
            union all
            select {_key(feed)} from intake_shared"""
    )
    row = con.execute(
        f"""select count(*) from intake_standing as o
            where o.known_to is null
              and exists (select 1 from {_BESIDE_OTHERS} as n
                          where {_same_key(feed, "n", "o")} and n.known_at > o.known_at)"""
    ).fetchone()
    return int(row[0]) if row else 0


def order_versions(con: duckdb.DuckDBPyConnection, feed: Feed, *, portfolio: str) -> None:
    """Set `known_to` of every version in `raw` of the noted keys to the `known_at` of the next one, or null."""
    if _any(con, "intake_versions"):
        hashed = f"(select *, {key_hash(feed)} as key_hash from intake_versions)"
        renew_hashes(con, feed)
        _find_alike(con, feed, keys=hashed)
        _note_standing(con, feed, keys=hashed, portfolio=portfolio)
        _note_order(con, feed, arriving="")


def order_arriving(con: duckdb.DuckDBPyConnection, feed: Feed) -> None:
    """Set `known_to` of every version of the noted keys; `intake_order` has that of the rows still to be inserted."""
    arriving = f"union all select {_key(feed)}, known_at, null, null, file_row from {_BESIDE_OTHERS}"
    _note_order(con, feed, arriving=arriving)


def _note_order(con: duckdb.DuckDBPyConnection, feed: Feed, *, arriving: str) -> None:
    """Fill `intake_order` (id, file_row, until) with the versions of the noted keys whose `known_to` changes."""
    con.execute(
        f"""create or replace temp table intake_order as
            with versions as (
                select {_key(feed)}, known_at, known_to, id, null as file_row from intake_standing {arriving}
            )
            select id, file_row, until
            from (select o.id, o.file_row, o.known_to,
                         lead(o.known_at) over (partition by {_key(feed, "o")} order by o.known_at) as until
                  from versions as o semi join intake_versions as k on {_same_key(feed, "k", "o")})
            where known_to is distinct from until"""
    )
    con.execute(
        f"""update wh.raw.{feed.name} as r set known_to = v.until
            from intake_order as v where r.rowid = v.id"""
    )


def _find_alike(con: duckdb.DuckDBPyConnection, feed: Feed, *, keys: str) -> int:
    """Fill `intake_alike` with the rows of `raw` that have the hash of one of these keys, and return how many.

    Of all the record only the hashes of the keys are read.
    """
    row = con.execute(
        f"""create or replace temp table intake_alike as
            select o.rowid as id from wh.raw.{feed.name} as o
            semi join {keys} as t on o.key_hash = t.key_hash"""
    ).fetchone()
    return int(row[0]) if row else 0


def _share_keys(con: duckdb.DuckDBPyConnection) -> bool:
    """Return True if two faultless rows of the file have the same hash of their key."""
    row = con.execute(f"select count(*) > count(distinct key_hash) from {ARRIVING}").fetchone()
    return bool(row and row[0])


def _note_standing(con: duckdb.DuckDBPyConnection, feed: Feed, *, keys: str, portfolio: str) -> None:
    """Fill `intake_standing` with those rows of `intake_alike` that have one of these keys."""
    table = f"wh.raw.{feed.name}"
    borrower = ("enterprise_id",) if feed.of_borrowers else ()
    standing = dict.fromkeys((*feed.key, *borrower, "known_at", "known_to"))
    con.execute(
        f"""create or replace temp table intake_standing as
            select o.rowid as id, {", ".join(f'o."{name}"' for name in standing)}
            from {table} as o semi join intake_alike as a on o.rowid = a.id
            semi join {keys} as t on {_same_key(feed, "t", "o")}
            where o.portfolio = $portfolio""",
        {"portfolio": portfolio},
    )


def renew_hashes(con: duckdb.DuckDBPyConnection, feed: Feed) -> None:
    """Write the hashes of all rows anew if one has none, or if another version of DuckDB made them.

    Before the first file of a feed: the rows of each file come with their hashes.
    """
    table = f"wh.raw.{feed.name}"
    outdated = f"(select key_hash is distinct from {key_hash(feed)} from {table} limit 1)"
    row = con.execute(
        f"select exists (select 1 from {table} where key_hash is null) or {outdated}"
    ).fetchone()
    if row and row[0]:
        con.execute(f"update {table} set key_hash = {key_hash(feed)}")


def _find_repeats_in_file(con: duckdb.DuckDBPyConnection, feed: Feed) -> None:
    """Add the rows that an earlier row of the file leaves no place, by the keys of `intake_shared`."""
    con.execute(
        f"""insert into intake_repeats
            with by_first as (
                select t.file_row, t.known_at, {_key(feed, "t")},
                    case when t.file_row > f.first_row then {_taken_by(feed, "t", "o")} end as taken_by
                from {_BESIDE_OTHERS} as t
                inner join intake_shared as f on {_same_key(feed, "t", "f")}
                inner join intake_candidates as o on f.first_row = o.file_row
            ),
            by_time as (
                select file_row, taken_by,
                    row_number() over (
                        partition by {_key(feed)}, known_at, taken_by is null order by file_row) as nth
                from by_first
            )
            select file_row, coalesce(taken_by, 'same_known_at'), false
            from by_time where taken_by is not null or nth > 1"""
    )


def _mark_repeats(con: duckdb.DuckDBPyConnection) -> None:
    if _any(con, "intake_repeats"):
        for rows in ("intake_candidates", "intake_typed"):
            con.execute(
                f"update {rows} set is_repeat = true where file_row in (select file_row from intake_repeats)"
            )


def _find_equal(con: duckdb.DuckDBPyConnection, feed: Feed, *, delivered: list[str]) -> None:
    """Mark the repeats that say what a standing row says: they are exact duplicates."""
    compared = [name for name in delivered if name not in (*feed.key, "known_at")]
    same = " and ".join(f't."{name}" is not distinct from o."{name}"' for name in compared) or "true"
    con.execute(
        f"""create or replace temp table intake_content as
            select o.* from wh.raw.{feed.name} as o
            semi join (
                select s.id from intake_standing as s
                semi join (select * from intake_candidates where is_repeat) as t on {_same_key(feed, "t", "s")}
            ) as s on o.rowid = s.id"""
    )
    con.execute(
        f"""update intake_repeats as r set equal = true
            from (
                select t.file_row
                from intake_candidates as t
                inner join intake_content as o on {_same_key(feed, "t", "o")}
                where t.is_repeat and {same} and (t.known_at = o.known_at or not t.brings_known_at)
                union
                select t.file_row
                from intake_candidates as t
                inner join {_BESIDE_OTHERS} as o on {_same_key(feed, "t", "o")} and o.file_row < t.file_row
                where t.is_repeat and {same} and (t.known_at = o.known_at or not t.brings_known_at)
            ) as e
            where r.file_row = e.file_row"""
    )


def key_hash(feed: Feed, alias: str = "") -> str:
    """Return SQL of the hash of a row's key: 40 bits, so that rows of one key share it and hardly any other does."""
    return f"cast(hash({_key(feed, alias)}) >> 24 as bigint)"


def _taken_by(feed: Feed, arriving: str, standing: str) -> str:
    """Return SQL of why a row is no version beside a standing row of its key, null if it is one.

    In the order of the alphabet, so that `min` finds the first of several.
    """
    other = f"{arriving}.enterprise_id is distinct from {standing}.enterprise_id"
    is_plain = "enterprise_id" in feed.key or not feed.of_borrowers
    borrower = "" if is_plain else f"when {other} then 'another_borrower'"
    return (
        f"case {borrower} when not {arriving}.brings_known_at then 'no_known_at' "
        f"when {arriving}.known_at = {standing}.known_at then 'same_known_at' end"
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
