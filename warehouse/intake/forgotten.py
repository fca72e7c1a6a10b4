"""Forget a borrower: remove its personal fields from raw, and keep them away when they are delivered again.

Forgotten are the personal columns and the free text of every version, and in quarantine all of a row's text but the
keys and times that intake and statuses go by. Scores and features stay: no feature reads a personal column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.intake.feed import Feed
from warehouse.intake.feeds import FEEDS
from warehouse.settings import settings
from warehouse.sql import quoted

MASK = "***"
_BESIDE_A_WORD = r"[^\p{L}\p{N}]"
_SHORTEST = 4  # letters of a value that tells one person from another


@dataclass(frozen=True)
class Forgotten:
    """What a request to forget a borrower changed, and where its rows still are.

    Attributes:
        rows_changed: Rows of raw that lost a personal field.
        rows_set_aside: Quarantined rows whose text was cut.
        requests_before: How often the borrower was forgotten before.
        files: Delivered files that hold its personal fields.
        other_files: Delivered files that hold other rows of it, or may hold some that were not loaded.
    """

    rows_changed: int
    rows_set_aside: int
    requests_before: int
    files: tuple[str, ...]
    other_files: tuple[str, ...]


def names(con: duckdb.DuckDBPyConnection, portfolio: str) -> list[str]:
    """Return the borrowers of the portfolio that are forgotten."""
    rows = con.execute(
        "select distinct enterprise_id from wh.ops.forgotten where portfolio = $portfolio order by all",
        {"portfolio": portfolio},
    ).fetchall()
    return [name for (name,) in rows]


def leave_out(con: duckdb.DuckDBPyConnection, feed: Feed, *, portfolio: str) -> None:
    """Empty the personal fields of forgotten borrowers in `intake_typed`, before its rows are compared with raw."""
    emptied = _emptied(feed)
    if emptied and (forgotten := names(con, portfolio)):
        con.execute(
            f"update intake_typed set {_set(emptied)} where list_contains($forgotten, enterprise_id)",
            {"forgotten": forgotten},
        )


def text_of_row(text: str, feed: Feed, forgotten: Sequence[str]) -> str:
    """Return SQL of a quarantined row's JSON text, cut to keys and times where it names a forgotten borrower."""
    if not forgotten:
        return text
    return f"case when {_names_one(text, forgotten)} then {_cut(text, feed, forgotten)} else {text} end"


def forget(
    con: duckdb.DuckDBPyConnection,
    *,
    portfolio: str,
    enterprise_id: str,
    requested_by: str,
    reason: str,
    run_id: str,
) -> Forgotten:
    """Remove the personal fields of one borrower and record who asked, in one transaction.

    The bytes stay in free blocks of the file until `rewrite` has written it anew.

    Raises:
        Refused: when the portfolio has no such borrower, or what is recorded would name it.
    """
    key = {"portfolio": portfolio, "enterprise_id": enterprise_id}
    before = _first_number(
        con,
        "select count(*) from wh.ops.forgotten where portfolio = $portfolio and enterprise_id = $enterprise_id",
        key,
    )
    _check_known(con, key)
    _check_nameless(con, key, {"requested_by": requested_by, "reason": reason})
    files = _files(con, key)
    with transaction(con):
        rows_changed = sum(
            _first_number(
                con,
                f"""update wh.raw.{feed.name} set {_set(emptied)}
                    where portfolio = $portfolio and enterprise_id = $enterprise_id
                      and ({" or ".join(f"{name} is distinct from {value}" for name, value in emptied.items())})""",
                key,
            )
            for feed in FEEDS.values()
            if (emptied := _emptied(feed))
        )
        rows_set_aside = sum(_cut_quarantine(con, feed, portfolio, enterprise_id) for feed in FEEDS.values())
        con.execute(
            """insert into wh.ops.forgotten by name
               select $portfolio as portfolio, $enterprise_id as enterprise_id, $requested_by as requested_by,
                      $reason as reason, $now as forgotten_at, $run_id as run_id, $rows_changed as rows_changed,
                      $rows_set_aside as rows_set_aside""",
            {
                **key,
                "requested_by": requested_by,
                "reason": reason,
                "now": settings().local_now(),
                "run_id": run_id,
                "rows_changed": rows_changed,
                "rows_set_aside": rows_set_aside,
            },
        )
    return Forgotten(rows_changed, rows_set_aside, before, *files)


def _emptied(feed: Feed) -> dict[str, str]:
    """Return by column of the feed what takes the place of a personal field, as SQL."""
    masked = {
        c.name: f"case when {c.name} is not null then '{MASK}' end" for c in feed.columns if c.free_text
    }
    return {**dict.fromkeys(feed.pii, "null"), **masked}


def _set(emptied: dict[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in emptied.items())


def _names_one(text: str, forgotten: Sequence[str]) -> str:
    """Return SQL that is true for a text in which one of the borrowers stands as a word, whatever its case."""
    words = "|".join(map(re.escape, forgotten))
    pattern = rf"(?i)(^|{_BESIDE_A_WORD})({words})({_BESIDE_A_WORD}|$)"
    return f"regexp_matches({text}, {quoted(pattern)})"


def _cut(text: str, feed: Feed, forgotten: Sequence[str]) -> str:
    """Return SQL of the text with the row's borrower and times alone; a line that is no JSON has none."""
    borrower = f"json_extract_string({text}, '$.enterprise_id')"
    is_key = (
        f"trim({borrower}) in ({', '.join(map(quoted, forgotten))}) or not {_names_one(borrower, forgotten)}"
    )
    kept = [f"enterprise_id := case when {is_key} then {borrower} end"]
    for name in dict.fromkeys((feed.business_time, "known_at")):
        time = f"json_extract_string({text}, '$.{name}')"
        kept.append(f"{name} := case when try_cast({time} as timestamp) is not null then {time} end")
    cut = f"cast(to_json(struct_pack({', '.join(kept)})) as varchar)"
    return f"case when json_valid({text}) then {cut} else '{MASK}' end"


def _cut_quarantine(con: duckdb.DuckDBPyConnection, feed: Feed, portfolio: str, enterprise_id: str) -> int:
    cut = _cut("raw_text", feed, [enterprise_id])
    return _first_number(
        con,
        f"""update wh.ops.quarantine set raw_text = {cut}
            where portfolio = $portfolio and feed = $feed and {_names_one("raw_text", [enterprise_id])}
              and raw_text <> {cut}""",
        {"portfolio": portfolio, "feed": feed.name},
    )


def _check_known(con: duckdb.DuckDBPyConnection, key: dict[str, str]) -> None:
    known = _first_number(
        con,
        """select (select count(*) from wh.raw.enterprises
                   where portfolio = $portfolio and enterprise_id = $enterprise_id)
                + (select count(*) from wh.staging.stg_enterprises_quarantined
                   where portfolio = $portfolio and trim(enterprise_id) = $enterprise_id)""",
        key,
    )
    if not known:
        raise Refused(
            f"portfolio {key['portfolio']} has no enterprise {key['enterprise_id']}; give its enterprise_id as the "
            "lender delivers it"
        )


def _check_nameless(con: duckdb.DuckDBPyConnection, key: dict[str, str], texts: dict[str, str]) -> None:
    """Check that who asked and why, which are published, hold none of the fields that are to go."""
    pii = FEEDS["enterprises"].pii
    rows = con.execute(
        f"select {', '.join(pii)} from wh.raw.enterprises "
        "where portfolio = $portfolio and enterprise_id = $enterprise_id",
        key,
    ).fetchall()
    personal = {
        (name, value.casefold()) for row in rows for name, value in zip(pii, row, strict=True) if value
    }
    for field, text in texts.items():
        for name, value in sorted(personal):
            if len(value) >= _SHORTEST and value in text.casefold():
                raise Refused(
                    f"{field} holds the {name} of the borrower and is kept and published; say who asked and why "
                    "without it, such as the number of the request"
                )


def _files(con: duckdb.DuckDBPyConnection, key: dict[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the paths that hold personal fields of the borrower, and those that hold or may hold other rows of it."""
    personal: set[str] = set()
    others: set[str] = set()
    for feed in FEEDS.values():
        if not feed.of_borrowers:
            continue
        holding = con.execute(
            f"""select path from wh.ops.file_ledger
                where portfolio = $portfolio and feed = '{feed.name}' and file_hash in (
                    select file_hash from wh.raw.{feed.name}
                    where portfolio = $portfolio and enterprise_id = $enterprise_id)""",
            key,
        ).fetchall()
        (personal if _emptied(feed) else others).update(path for (path,) in holding)
    not_loaded = con.execute(
        """select path from wh.ops.file_ledger
           where portfolio = $portfolio and status in ('loaded', 'refused')
             and (status = 'refused' or quarantined > 0 or exact_duplicates > 0)""",
        {"portfolio": key["portfolio"]},
    ).fetchall()
    others.update(path for (path,) in not_loaded)
    return tuple(sorted(personal)), tuple(sorted(others - personal))


def _first_number(con: duckdb.DuckDBPyConnection, statement: str, parameters: dict[str, str]) -> int:
    row = con.execute(statement, parameters).fetchone()
    return int(row[0]) if row else 0
