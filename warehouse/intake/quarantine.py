"""Set rows that break a rule aside in quarantine, with file, row number, rule, a sentence and the delivered row."""

from __future__ import annotations

import duckdb

from warehouse.intake import forgotten
from warehouse.intake.feed import Feed
from warehouse.intake.feeds import FEEDS
from warehouse.intake.file_ledger import FileRecord
from warehouse.intake.row_rules import Fault
from warehouse.intake.values import present
from warehouse.settings import settings

_TAKEN_BY = {
    "another_borrower": " belongs to another borrower; a number that each borrower counts for itself needs the "
    "borrower in front.",
    "no_known_at": " is taken by a row with other content, and this row brings no known_at of its own, "
    "so that it restates nothing.",
    "same_known_at": " is taken by a row with other content and the same known_at.",
}
"""By what takes the key in `intake_repeats`, how the sentence on a repeated key ends."""


def quarantine(
    con: duckdb.DuckDBPyConnection,
    record: FileRecord,
    *,
    faults: list[Fault],
    types: dict[str, str],
    malformed: int,
    repeats: bool,
) -> int:
    """Write the faulty rows of the file that was read into `ops.quarantine` and return how many.

    Args:
        con: a writer's cursor in the transaction that loads the file.
        record: the file.
        faults: what `type_rows` returned.
        types: the columns of `intake_rows`, with their types in the file.
        malformed: rows of `intake_malformed`.
        repeats: whether `intake_repeats` holds what `find_repeats` found of this file.
    """
    feed = FEEDS[record.feed]
    moved = 0
    if malformed:
        moved += _insert(
            con, record, "file_row, 'malformed_row' as rule, detail, raw_text from intake_malformed"
        )
    broken = con.execute(
        "select distinct fault from intake_typed where fault is not null order by all"
    ).fetchall()
    repeats = repeats and _any(con, "intake_repeats where not equal")
    if broken or repeats:
        text = forgotten.text_of_row(_row_text(feed, types), feed, forgotten.names(con, record.portfolio))
        # the sentences of these rules alone: each takes 2 ms to compile
        # and the rows of these alone: the first condition is asked before any row is joined
        rules = "".join(f"when t.fault = {number} then '{faults[number].rule}' " for (number,) in broken)
        details = "".join(f"when t.fault = {number} then {faults[number].detail} " for (number,) in broken)
        ways = " ".join(f"when '{other}' then '{sentence}'" for other, sentence in _TAKEN_BY.items())
        repeated = f"'The key ({', '.join(feed.key)})' || case t.taken_by {ways} end"
        rows = "select *, null as taken_by from intake_typed where fault is not null"
        if repeats:
            rows = """select s.*, m.taken_by from intake_typed as s
                left join intake_repeats as m on s.file_row = m.file_row
                where (s.fault is not null or s.is_repeat) and (s.fault is not null or not m.equal)"""
        moved += _insert(
            con,
            record,
            f"""r.file_row, case {rules} when t.is_repeat then 'key_repeated' end as rule,
                case {details} when t.is_repeat then {repeated} end as detail, {text} as raw_text
                from intake_rows as r
                inner join ({rows}) as t on r.file_row = t.file_row""",
        )
    return moved


def _insert(con: duckdb.DuckDBPyConnection, record: FileRecord, select: str) -> int:
    row = con.execute(
        f"""insert into wh.ops.quarantine by name
            select $portfolio as portfolio, $feed as feed, $path as path, $file_hash as file_hash,
                   $run_id as run_id, $now as quarantined_at, {select}""",
        {
            **record.model_dump(include={"portfolio", "feed", "path", "file_hash", "run_id"}),
            "now": settings().local_now(),
        },
    ).fetchone()
    return int(row[0]) if row else 0


def _row_text(feed: Feed, types: dict[str, str]) -> str:
    """Return SQL of the delivered row as JSON, with hidden columns masked and undeclared columns left out."""
    parts = [
        f"\"{name}\" := if({present(type_, name)}, '***', null)"
        if name in feed.hidden
        else f'"{name}" := r."{name}"'
        for name, type_ in types.items()
    ]
    return f"cast(to_json(struct_pack({', '.join(parts)})) as varchar)"


def _any(con: duckdb.DuckDBPyConnection, relation: str) -> bool:
    return con.execute(f"select 1 from {relation} limit 1").fetchone() is not None
