"""Move loaded rows that break a gate's rule from raw into quarantine, without losing one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.intake import forgotten, versions
from warehouse.intake.feed import Feed
from warehouse.intake.feeds import FEEDS
from warehouse.intake.forgotten import MASK
from warehouse.night import Night
from warehouse.settings import settings


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
    """Move the rows that break a rule from raw into ops.quarantine, all or none, and return how many.

    The file ledger is corrected in the same transaction, so that delivered = loaded + quarantined + exact
    duplicates still holds. Where a version of a fact is moved, the version before it is valid again until the next.

    Args:
        con: a writer's cursor.
        night: the night that is judged, only rows of its portfolio, and the run that judges it.
        feed: only rows of this feed; in ``predicate`` they are called ``raw_rows`` where a name is needed.
        loads: ids of the runs whose loaded rows are judged.
        rule: name of the rule, for the quarantine.
        predicate: SQL that is true for bad rows; it comes from a suite file of the repository.
        detail: why the rule exists.

    Raises:
        Refused: when the file ledger would not add up; nothing is moved then.
    """
    declaration = FEEDS[feed]
    bad = f"portfolio = $portfolio and list_contains($loads, run_id) and coalesce(({predicate}), false)"
    selection = {"portfolio": night.portfolio, "loads": list(loads)}
    labels = {
        "feed": feed,
        "rule": rule,
        "detail": detail,
        "run_id": night.run_id,
        "now": settings().local_now(),
    }
    with transaction(con):
        _copy_to_quarantine(con, declaration, bad, selection | labels)
        _correct_file_ledger(con, declaration, bad, selection)
        keys = ", ".join(declaration.key)
        con.execute(
            f"create or replace temp table intake_versions as "
            f"select distinct {keys} from wh.raw.{feed} as raw_rows where {bad}",
            selection,
        )
        moved = con.execute(f"delete from wh.raw.{feed} as raw_rows where {bad}", selection).fetchone()
        versions.order_versions(con, declaration, portfolio=night.portfolio)
        for name in versions.TEMPORARY:
            con.execute(f"drop table if exists temp.main.{name}")
    return int(moved[0]) if moved else 0


def _copy_to_quarantine(
    con: duckdb.DuckDBPyConnection, feed: Feed, bad: str, parameters: Mapping[str, Any]
) -> None:
    delivered = ", ".join(
        f"{column.name} := case when raw_rows.{column.name} is not null then '{MASK}' end"
        if column.name in feed.hidden
        else f"{column.name} := raw_rows.{column.name}"
        for column in feed.columns
    )
    text = forgotten.text_of_row(
        f"cast(to_json(struct_pack({delivered})) as varchar)",
        feed,
        forgotten.names(con, parameters["portfolio"]),
    )
    con.execute(
        f"""insert into wh.ops.quarantine by name
            select portfolio, $feed as feed,
                   (select arg_max(path, loaded) from wh.ops.file_ledger as l
                    where l.portfolio = raw_rows.portfolio and l.feed = $feed
                      and l.file_hash = raw_rows.file_hash and l.status = 'loaded') as path,
                   file_hash, file_row, $rule as rule, $detail as detail,
                   {text} as raw_text,
                   $run_id as run_id, $now as quarantined_at
            from wh.raw.{feed.name} as raw_rows where {bad}""",
        parameters,
    )


def _correct_file_ledger(
    con: duckdb.DuckDBPyConnection, feed: Feed, bad: str, selection: Mapping[str, Any]
) -> None:
    moved_by_file = f"""select file_hash, count(*) as moved from wh.raw.{feed.name} as raw_rows
                  where {bad} group by file_hash"""
    files_with_moves = con.execute(f"select count(*) from ({moved_by_file})", selection).fetchone()
    files_changed = con.execute(
        f"""update wh.ops.file_ledger as l set loaded = loaded - moved, quarantined = quarantined + moved
            from ({moved_by_file}) as c
            where l.portfolio = $portfolio and l.feed = $feed and l.status = 'loaded'
              and l.file_hash = c.file_hash and l.path = (
                  select arg_max(t.path, t.loaded) from wh.ops.file_ledger as t
                  where t.portfolio = $portfolio and t.feed = $feed and t.status = 'loaded'
                    and t.file_hash = c.file_hash)""",
        {**selection, "feed": feed.name},
    ).fetchone()
    wrong = con.execute(
        """select path from wh.ops.file_ledger
           where portfolio = $portfolio and feed = $feed and status = 'loaded'
             and (delivered <> loaded + quarantined + exact_duplicates or loaded < 0) limit 1""",
        {"portfolio": selection["portfolio"], "feed": feed.name},
    ).fetchone()
    if wrong or files_with_moves != files_changed:
        where = wrong[0] if wrong else feed.name
        raise Refused(
            f"quarantine of {feed.name}: the file ledger does not add up at {where}; nothing was moved"
        )
