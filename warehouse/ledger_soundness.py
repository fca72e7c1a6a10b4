"""Compare the ledgers of files and runs with the rows that they count; each line names a file or run that disagrees."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from warehouse.intake.feeds import FEEDS

_RAW = " union all ".join(
    f"select portfolio, '{feed}' as feed, file_hash, count(*) as stored from wh.raw.{feed} group by all"
    for feed in FEEDS
)

# rows of equal content belong to one of the paths that delivered it
_LOADED = f"""
select feed, path, file_hash, coalesce(loaded, 0), coalesce(stored, 0)
from (
    select portfolio, feed, file_hash, arg_max(path, loaded) as path, sum(loaded) as loaded
    from wh.ops.file_ledger where status = 'loaded' group by portfolio, feed, file_hash
) as ledger
full join ({_RAW}) as raw using (portfolio, feed, file_hash)
where coalesce(loaded, 0) <> coalesce(stored, 0)
order by all
"""

_QUARANTINED = """
select feed, path, coalesce(quarantined, 0), coalesce(stored, 0)
from (
    select portfolio, feed, path, file_hash, quarantined from wh.ops.file_ledger where status = 'loaded'
) as ledger
full join (
    select portfolio, feed, path, file_hash, count(*) as stored from wh.ops.quarantine group by all
) as aside using (portfolio, feed, path, file_hash)
where coalesce(quarantined, 0) <> coalesce(stored, 0)
order by all
"""

_IDENTITY = """
select path, delivered, loaded, quarantined, exact_duplicates
from wh.ops.file_ledger
where delivered is distinct from loaded + quarantined + exact_duplicates
order by all
"""

# a run owns all rows of its partition until a later run replaces some of their roles
_SCORED = """
with stored as (
    select portfolio, as_of_date, run_id, count(*) as rows_of_run,
        count(*) over (partition by portfolio, as_of_date) as runs
    from wh.scores.{table} group by portfolio, as_of_date, run_id
)
select s.run_id, s.portfolio, s.as_of_date, s.rows_of_run, r.status,
    cast(json_extract_string(r.counts, '$.{count}') as bigint) as counted
from stored as s
left join wh.ops.run_ledger as r on s.run_id = r.run_id
where r.status is null or r.status in ('running', 'aborted')
    or counted is null or s.rows_of_run > counted or (s.rows_of_run < counted and s.runs = 1)
order by all
"""


def file_faults(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield a line for each delivered file whose rows are not where the file ledger says."""
    for path, delivered, loaded, quarantined, duplicates in con.execute(_IDENTITY).fetchall():
        yield (
            f"{path}: {delivered} rows delivered, but {loaded} loaded, {quarantined} quarantined and "
            f"{duplicates} exact duplicates; restore a backup"
        )
    for feed, path, file_hash, loaded, stored in con.execute(_LOADED).fetchall():
        name = path or f"a file that the file ledger does not name (SHA-256 {file_hash[:12]})"
        yield f"{name}: {loaded} rows loaded by the file ledger, {stored} in raw.{feed}; restore a backup"
    for _, path, quarantined, stored in con.execute(_QUARANTINED).fetchall():
        yield (
            f"{path}: {quarantined} rows quarantined by the file ledger, {stored} in ops.quarantine; "
            "restore a backup"
        )


def run_faults(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield a line for each run whose stored rows are not what the run ledger says.

    Opening the warehouse marks the runs of dead processes, so none of them is `running` here.
    """
    for table, count in (("portfolio_scores", "scores"), ("contributions", "contributions")):
        rows = con.execute(_SCORED.format(table=table, count=count)).fetchall()
        for run_id, portfolio, as_of_date, stored, status, counted in rows:
            night = f"scores.{table} of {portfolio} on {as_of_date}"
            if status is None:
                fault = f"{night} is of run {run_id}, which is not in the run ledger"
            elif status in {"running", "aborted"}:
                fault = f"{night} is of run {run_id}, which is {status}"
            else:
                said = "no number" if counted is None else f"{counted}"
                fault = f"{night} has {stored} rows of run {run_id}, the run ledger says {said}"
            yield f"{fault}; run the night again, or restore a backup"


def counted(con: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Return how many files and runs the ledgers have."""
    row = con.execute(
        "select (select count(*) from wh.ops.file_ledger), (select count(*) from wh.ops.run_ledger)"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
