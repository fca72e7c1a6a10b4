"""Moves loaded rows that a gate's rule finds bad out of raw, without losing one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.intake import versions as intake_versions
from warehouse.intake.feeds import FEEDS, Feed
from warehouse.night import Night
from warehouse.settings import settings

MASK = "***"


def quarantine_rows(
    con: duckdb.DuckDBPyConnection,
    night: Night,
    *,
    feed: str,
    loads: Sequence[str],
    rule: str,
    predicate: str,
    detail: str,
) -> int:
    """Move the rows that a rule's own SQL names out of raw into ops.quarantine, all or none; return how many.

    The file ledger follows in the same transaction, so that delivered = loaded + quarantined + exact
    duplicates still holds, and where a version of a fact goes the one before holds again until the next.

    Args:
        con: a writer's cursor.
        night: the night that is judged, only rows of its portfolio, and the run that judges it.
        feed: only rows of this feed; in ``predicate`` they are called ``raw_rows`` where a name is needed.
        loads: only rows that these runs loaded.
        rule: name of the rule, for the quarantine.
        predicate: SQL that is true for bad rows; it comes from a suite file of the repository.
        detail: why the rule is there.

    Raises:
        Refused: where the file ledger would not add up; nothing is moved then.
    """
    declared = FEEDS[feed]
    bad = f"portfolio = $portfolio and list_contains($loads, run_id) and coalesce(({predicate}), false)"
    given = {"portfolio": night.portfolio, "loads": list(loads)}
    told = {
        "feed": feed,
        "rule": rule,
        "detail": detail,
        "run_id": night.run_id,
        "now": settings().local_now(),
    }
    with transaction(con):
        _append(con, declared, bad, given | told)
        _count_in_ledger(con, declared, bad, given | {"feed": feed})
        keys = ", ".join(declared.key)
        con.execute(
            f"create or replace temp table intake_versions as "
            f"select distinct {keys} from wh.raw.{feed} as raw_rows where {bad}",
            given,
        )
        moved = con.execute(f"delete from wh.raw.{feed} as raw_rows where {bad}", given).fetchone()
        intake_versions.order_versions(con, declared, portfolio=night.portfolio)
        con.execute("drop table temp.main.intake_versions")
    return int(moved[0]) if moved else 0


def _append(con: duckdb.DuckDBPyConnection, feed: Feed, bad: str, given: Mapping[str, Any]) -> None:
    delivered = ", ".join(
        f"{column.name} := case when raw_rows.{column.name} is not null then '{MASK}' end"
        if column.pii
        else f"{column.name} := raw_rows.{column.name}"
        for column in feed.columns
    )
    con.execute(
        f"""insert into wh.ops.quarantine by name
            select portfolio, $feed as feed,
                   (select arg_max(path, loaded) from wh.ops.file_ledger as l
                    where l.portfolio = raw_rows.portfolio and l.feed = $feed
                      and l.file_hash = raw_rows.file_hash and l.status = 'loaded') as path,
                   file_hash, file_row, $rule as rule, $detail as detail,
                   cast(to_json(struct_pack({delivered})) as varchar) as raw_text,
                   $run_id as run_id, $now as quarantined_at
            from wh.raw.{feed.name} as raw_rows where {bad}""",
        given,
    )


def _count_in_ledger(con: duckdb.DuckDBPyConnection, feed: Feed, bad: str, given: Mapping[str, Any]) -> None:
    counted = f"""select file_hash, count(*) as moved from wh.raw.{feed.name} as raw_rows
                  where {bad} group by file_hash"""
    gone = {name: value for name, value in given.items() if name != "feed"}
    expected = con.execute(f"select count(*) from ({counted})", gone).fetchone()
    changed = con.execute(
        f"""update wh.ops.file_ledger as l set loaded = loaded - moved, quarantined = quarantined + moved
            from ({counted}) as c
            where l.portfolio = $portfolio and l.feed = $feed and l.status = 'loaded'
              and l.file_hash = c.file_hash and l.path = (
                  select arg_max(t.path, t.loaded) from wh.ops.file_ledger as t
                  where t.portfolio = $portfolio and t.feed = $feed and t.status = 'loaded'
                    and t.file_hash = c.file_hash)""",
        given,
    ).fetchone()
    odd = con.execute(
        """select path from wh.ops.file_ledger
           where portfolio = $portfolio and feed = $feed and status = 'loaded'
             and (delivered <> loaded + quarantined + exact_duplicates or loaded < 0) limit 1""",
        {"portfolio": given["portfolio"], "feed": given["feed"]},
    ).fetchone()
    if odd or expected != changed:
        where = odd[0] if odd else feed.name
        raise Refused(
            f"quarantine of {feed.name}: the file ledger does not add up at {where}; nothing was moved"
        )
