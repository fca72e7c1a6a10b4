"""What must hold after every fault: nothing lost, nothing doubled, the ledger true, the copy readable.

Each check is a query that returns one line for each thing that is wrong. They read the warehouse as `wh` and the
published copy as `pub`, both read-only, once no program works on the home.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from tests.soak.night import ENTERPRISES, PORTFOLIO
from tests.soak.programs import Ended
from warehouse.intake.feeds import FEEDS
from warehouse.publishing.archive import ARCHIVES

KEYS = {
    **{f"raw.{feed.name}": ("portfolio", *feed.key, "known_at") for feed in FEEDS.values()},
    "scores.portfolio_scores": ("portfolio", "as_of_date", "enterprise_id", "model_family", "model_role"),
    "scores.pd_curves": ("portfolio", "as_of_date", "enterprise_id"),
    "scores.contributions": ("portfolio", "as_of_date", "enterprise_id", "model_family", "model_role", "feature"),
    "scores.score_changes": ("portfolio", "as_of_date", "against_date", "enterprise_id", "part", "feature"),
    "ops.monitoring": ("portfolio", "as_of_date", "measure", "model_family", "model_role", "model_version", "subject"),
    "ops.run_ledger": ("run_id",),
    "ops.file_ledger": ("portfolio", "path", "file_hash"),
    "ops.quarantine": ("portfolio", "path", "file_hash", "file_row"),
    "ops.model_registry": ("portfolio", "model_family", "model_version"),
}  # fmt: skip

RAW_FILES = " union all ".join(f"select '{feed}' as feed, file_hash from wh.raw.{feed}" for feed in FEEDS)

NOTHING_LOST = {
    "a file does not add up": """
        select path || ': ' || delivered || ' delivered, ' || loaded || ' loaded, ' || quarantined || ' quarantined, '
               || exact_duplicates || ' duplicates'
        from wh.ops.file_ledger
        where status = 'loaded' and delivered is distinct from loaded + quarantined + exact_duplicates""",
    "raw and the ledger of files disagree": f"""
        with stored as ({RAW_FILES}),
             counted as (select feed, file_hash, count(*) as n from stored group by all),
             told as (select feed, file_hash, sum(loaded) as n
                      from wh.ops.file_ledger where status = 'loaded' group by all)
        select coalesce(t.feed, c.feed) || ' ' || coalesce(t.file_hash, c.file_hash) || ': ' || coalesce(t.n, 0)
               || ' rows told, ' || coalesce(c.n, 0) || ' there'
        from told as t full join counted as c using (feed, file_hash)
        where coalesce(t.n, 0) <> coalesce(c.n, 0)""",
    "quarantine and the ledger of files disagree": """
        with counted as (select file_hash, count(*) as n from wh.ops.quarantine group by all),
             told as (select file_hash, sum(quarantined) as n
                      from wh.ops.file_ledger where status = 'loaded' group by all)
        select t.file_hash || ': ' || t.n || ' rows told, ' || coalesce(c.n, 0) || ' there'
        from told as t left join counted as c using (file_hash) where t.n <> coalesce(c.n, 0)""",
}  # fmt: skip

LEDGER_TRUE = {
    "rows of a run that the ledger does not know": """
        select distinct relation || ' ' || run_id from (
            select 'scores' as relation, run_id from wh.scores.portfolio_scores
            union all select 'contributions', run_id from wh.scores.contributions
            union all select 'changes', run_id from wh.scores.score_changes
            union all select 'monitoring', run_id from wh.ops.monitoring
            union all select 'files', run_id from wh.ops.file_ledger)
        where run_id not in (select run_id from wh.ops.run_ledger)""",
    "a run is told as aborted before its scores, and they are there": """
        select distinct run_id from wh.scores.portfolio_scores
        where run_id in (select run_id from wh.ops.run_ledger where status = 'aborted')""",
    "scores of a run that is told as running": """
        select distinct run_id from wh.scores.portfolio_scores
        where run_id in (select run_id from wh.ops.run_ledger where status = 'running')""",
    "a night that is told as done was not watched": """
        select run_id from wh.ops.run_ledger as l where flow = 'nightly' and status = 'done' and not exists (
            from wh.ops.monitoring as m where m.portfolio = l.portfolio and m.as_of_date = l.as_of_date)""",
    "a status that nobody knows": """
        select run_id || ' ' || status from wh.ops.run_ledger
        where status not in ('running', 'scored', 'published', 'done', 'refused', 'failed', 'aborted')""",
}

PUBLISHED_TRUE = {
    "a run that is told as done or published has other scores in the copy": """
        select l.run_id from wh.ops.run_ledger as l
        where flow = 'nightly' and status in ('done', 'published')
        and exists (from wh.scores.portfolio_scores as s where s.run_id = l.run_id)
        and not exists (from pub.scores.portfolio_scores as s where s.run_id = l.run_id)""",
    "a published night is not whole": f"""
        select as_of_date || ': ' || count(distinct enterprise_id) || ' borrowers of ' || count(distinct run_id)
               || ' runs'
        from pub.scores.portfolio_scores group by as_of_date
        having count(distinct enterprise_id) <> {ENTERPRISES} or count(distinct run_id) <> 1""",
    "scores and contributions in the copy are of different runs": """
        select distinct as_of_date || ' ' || run_id from pub.scores.contributions
        where (as_of_date, run_id) not in (select (as_of_date, run_id) from pub.scores.portfolio_scores)""",
    "the latest night in the copy is not whole": f"""
        select count(*) || ' borrowers in mart_portfolio_latest' from pub.marts.mart_portfolio_latest
        having count(*) <> {ENTERPRISES} and (select count(*) from pub.scores.portfolio_scores) > 0""",
    "a night in the copy is told as running or scored there": """
        select distinct s.run_id || ' ' || l.status from pub.scores.portfolio_scores as s
        join pub.ops.run_ledger as l using (run_id) where l.status in ('running', 'scored')""",
}  # fmt: skip

ENDED_WELL = {
    "a run is still told as running": "select run_id from wh.ops.run_ledger where status = 'running'",
    "a night is not told as done": """
        select distinct s.as_of_date || ' ' || s.run_id || ' ' || l.status
        from wh.scores.portfolio_scores as s join wh.ops.run_ledger as l using (run_id)
        where s.as_of_date = $as_of_date and l.status <> 'done'""",
    "scores of the night are not there": f"""
        select count(distinct enterprise_id) || ' borrowers' from wh.scores.portfolio_scores
        where as_of_date = $as_of_date having count(distinct enterprise_id) <> {ENTERPRISES}""",
    "the copy has other scores than the warehouse": """
        select distinct as_of_date || ' ' || enterprise_id from (
            (from wh.scores.portfolio_scores except all from pub.scores.portfolio_scores)
            union all (from pub.scores.portfolio_scores except all from wh.scores.portfolio_scores))""",
}


@contextmanager
def opened(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse and the published copy of a home read-only, as far as they are there."""
    with duckdb.connect(config={"threads": 1, "disabled_optimizers": "common_subplan"}) as con:
        for name, file in (
            ("wh", home / "warehouse.duckdb"),
            ("pub", home / "published" / "portfolio.duckdb"),
        ):
            if file.exists():
                con.execute(f"attach '{file}' as {name} (read_only)")
        yield con


def findings(home: Path, *, copy_damaged: bool = False) -> list[str]:
    """Return what is wrong with a home after a fault; nothing is asked of a copy that the fault itself damaged."""
    if not (home / "warehouse.duckdb").exists():
        return []
    wrong = []
    try:
        with opened(home) as con:
            if not _has(con, "wh", "run_ledger"):  # killed before its first migration
                return []
            wrong += _ask(con, NOTHING_LOST) + _doubled(con) + _ask(con, LEDGER_TRUE)
            if not copy_damaged and _has(con, "pub", "portfolio_scores"):
                wrong += _ask(con, PUBLISHED_TRUE)
        if not copy_damaged:
            wrong += _parquet(home)
    except duckdb.Error as error:
        wrong.append(f"cannot be read: {str(error).splitlines()[0]}")
    return wrong


def findings_at_the_end(home: Path, as_of_date: object) -> list[str]:
    """Return what is wrong once an undisturbed night has ended well: what it left, and that it is told as done."""
    with opened(home) as con:
        wrong = _ask(con, ENDED_WELL, {"as_of_date": as_of_date})
    report = home / "reports" / PORTFOLIO / f"report-{as_of_date}.html"
    if not report.exists():
        wrong.append(f"no report: {report.name}")
    return wrong + [f"left behind: {path.relative_to(home)}" for path in _debris(home)]


def message_findings(ended: Ended) -> list[str]:
    """Return what is wrong with how a program ended that was not killed: its code and its last line."""
    lines = ended.err.splitlines()
    wrong = []
    if ended.code not in (0, 1):
        wrong.append(f"exit code {ended.code}: {lines[-1] if lines else 'no line'}")
    if len(lines) > 1:
        wrong.append(f"{len(lines)} lines on standard error, the first: {lines[0][:200]}")
    if ended.code == 1 and not lines:
        wrong.append("exit code 1 without a line")
    if ended.code == 0 and lines:
        wrong.append(f"exit code 0 with a line: {lines[0][:200]}")
    for stream, text in (("standard error", ended.err), ("standard output", ended.out)):
        if "Traceback (most recent call last)" in text:
            wrong.append(f"a traceback on {stream}, which ends in: {text.strip().splitlines()[-1][:200]}")
    if re.search(r"failed: \w*(Key|Type|Attribute|Index|Assertion)Error", ended.err):
        wrong.append(f"a bare error: {ended.err.strip()[:200]}")
    return wrong


def _ask(
    con: duckdb.DuckDBPyConnection, queries: dict[str, str], bound: dict[str, object] | None = None
) -> list[str]:
    wrong = []
    for rule, query in queries.items():
        rows = con.execute(query, {k: v for k, v in (bound or {}).items() if f"${k}" in query}).fetchall()
        if rows:
            wrong.append(f"{rule}: {_first(str(row[0]) for row in rows)}")
    return wrong


def _doubled(con: duckdb.DuckDBPyConnection) -> list[str]:
    wrong = []
    for relation, key in KEYS.items():
        rows = con.execute(
            f"select concat_ws(' ', {', '.join(key)}) from wh.{relation} group by {', '.join(key)} having count(*) > 1"
        ).fetchall()
        if rows:
            wrong.append(f"doubled in {relation}: {_first(str(row[0]) for row in rows)}")
    return wrong


def _parquet(home: Path) -> list[str]:
    """Every night of the Parquet folder must be whole too."""
    folder = home / "published" / "portfolio_scores"
    if not list(folder.glob("portfolio=*/as_of_date=*/*.parquet")):
        return []
    with duckdb.connect() as con:
        rows = con.execute(
            "select as_of_date || ': ' || count(distinct enterprise_id) || ' borrowers of ' "
            "|| count(distinct run_id) || ' runs' "
            f"from read_parquet('{folder}/*/*/*.parquet', hive_partitioning = true) group by as_of_date "
            f"having count(distinct enterprise_id) <> {ENTERPRISES} or count(distinct run_id) <> 1"
        ).fetchall()
    return [f"a night in Parquet is not whole: {row[0]}" for row in rows]


def _debris(home: Path) -> Iterable[Path]:
    """Yield what a night that ended well must not leave: unfinished copies, unlinked builds, spilled blocks, logs."""
    published = home / "published"
    yield from published.glob(".portfolio-*")
    yield from published.glob(".link-*")
    for archive in ARCHIVES:
        current = (published / archive.link).resolve().name
        older = sorted(path for path in published.glob(f".{archive.files}-*") if path.name != current)
        yield from older[1:]  # the build before this one stays for readers in the middle of a scan
    yield from (home / "spill").rglob("*")
    yield from home.rglob("*.wal")
    yield from home.glob("warehouse.holder.json")
    yield from home.rglob("*.tmp")


def _has(con: duckdb.DuckDBPyConnection, database: str, table: str) -> bool:
    query = "select count(*) from duckdb_tables() where database_name = ? and table_name = ?"
    return bool(con.execute(query, [database, table]).fetchone()[0])


def _first(lines: Iterable[str]) -> str:
    every = list(lines)
    more = f" and {len(every) - 3} more" if len(every) > 3 else ""
    return "; ".join(every[:3]) + more
