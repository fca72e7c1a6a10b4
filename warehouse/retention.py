"""Move older nights from the warehouse to Parquet, so that it holds what is read often and does not grow without end.

Which nights stay: the last ones that were scored, the last of every month, and those that labels were made for, which
models are trained on. Scores, labels, readings and what says who a borrower was stay of every night. A night's
rows are deleted in the transaction that records the files, after each file was read again and compared with them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import duckdb

from warehouse import older_nights, sql
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.older_nights import FOLDER, OlderNight
from warehouse.publishing import archive, manifest
from warehouse.publishing.archive import Archive
from warehouse.settings import settings

KEPT_NIGHTS = 100
ALWAYS_KEPT = (
    "features.feat_profile",
    "features.feat_sensitive",
    "features.feat_label",
    "features.feat_delivered",
)
"""Feature relations of which every night stays: groups of fairness and labels are asked of nights years back, and what
had been delivered is one row a night."""

log = logging.getLogger("nightledger")

_BINS = Archive("ops.bin_counts", "bins", "model_family, model_version, subject, bin", stamp="")
_SCENARIO_CURVES = Archive(older_nights.SCENARIO_CURVES, "scenario-curves", "enterprise_id", stamp="")
_SCORED = (
    "select distinct as_of_date from wh.scores.portfolio_scores "
    "where portfolio = ? and model_role = 'champion' order by as_of_date desc"
)


@dataclass(frozen=True)
class Moved:
    """What was moved of one portfolio: nights, files, rows and bytes; and the first night that stays in any case."""

    nights: int = 0
    files: int = 0
    rows: int = 0
    bytes: int = 0
    since: date | None = None


def portfolios(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the portfolios that have scores."""
    rows = con.execute("select distinct portfolio from wh.scores.portfolio_scores order by 1").fetchall()
    return [name for (name,) in rows]


def kept(con: duckdb.DuckDBPyConnection, portfolio: str, *, nights: int) -> tuple[date | None, set[date]]:
    """Return the first of the last scored nights, and the earlier nights that stay; None while there are no more."""
    scored = [day for (day,) in con.execute(_SCORED, [portfolio]).fetchall()]
    if len(scored) <= nights:
        return None, set()
    months = {(day.year, day.month): day for day in reversed(scored)}  # the last of a month comes last
    labelled: set[date] = set()
    if "features.feat_label" in _tables(con):
        rows = con.execute(
            "select distinct as_of_date from wh.features.feat_label where portfolio = ?", [portfolio]
        ).fetchall()
        labelled = {day for (day,) in rows}
    return scored[nights - 1], {*months.values(), *labelled}


def move(con: duckdb.DuckDBPyConnection, run_id: str, portfolio: str, *, nights: int) -> Moved:
    """Move the older nights of one portfolio to Parquet, a month at a time, and return what was moved.

    A month is moved whole or not at all, so a run that is killed is run again and goes on with the month it was at.

    Args:
        con: a writer's cursor outside any transaction.
        run_id: run that moves them.
        portfolio: the portfolio.
        nights: how many of the last scored nights stay.

    Raises:
        Refused: when a file does not hold what the warehouse does; the rows stay where they are.
    """
    sweep(con)
    since, stay = kept(con, portfolio, nights=nights)
    if since is None:
        return Moved()
    due: list[tuple[date, Archive]] = []
    for table in relations(con):
        rows = con.execute(
            f"select distinct as_of_date from wh.{table.relation} where portfolio = ? and as_of_date < ?",
            [portfolio, since],
        ).fetchall()
        due += [(day, table) for (day,) in rows if day not in stay]
    due.sort(key=lambda partition: (partition[0], partition[1].relation))
    moved: list[OlderNight] = []
    for _, month in groupby(due, key=lambda partition: (partition[0].year, partition[0].month)):
        with transaction(con):
            files = [_write(con, table, portfolio, day) for day, table in month]
            _record(con, run_id, files)
            _delete(con, files)
        moved += files
    return Moved(
        nights=len({older.as_of_date for older in moved}),
        files=len(moved),
        rows=sum(older.rows for older in moved),
        bytes=sum(older.bytes for older in moved),
        since=since,
    )


def put_back(con: duckdb.DuckDBPyConnection, portfolio: str, as_of_date: date) -> int:
    """Put all rows of one older night back into the warehouse and return how many.

    Raises:
        Refused: when nothing of the night is in Parquet, or a file is damaged.
    """
    older = older_nights.every(con, "portfolio = ? and as_of_date = ?", [portfolio, as_of_date])
    if not older:
        raise Refused(
            f"nothing of {portfolio} as of {as_of_date} is in Parquet; ops.older_nights names the nights that are"
        )
    with transaction(con):
        return older_nights.bring_back(con, older)


def relations(con: duckdb.DuckDBPyConnection) -> list[Archive]:
    """Return the relations whose older nights move: contributions, changes, curves, counts in bins, features."""
    there = _tables(con)
    features = [
        Archive(file.relation, file.relation.split(".")[1], "bucket, enterprise_id", stamp="")
        for file in sql.catalogue("features")
        if file.partition and file.relation in there and file.relation not in ALWAYS_KEPT
    ]
    return [archive.CONTRIBUTIONS, archive.CHANGES, archive.CURVES, _SCENARIO_CURVES, _BINS, *features]


def sweep(con: duckdb.DuckDBPyConnection) -> None:
    """Remove files that no older night names: of a run that was killed, or of a night that was put back."""
    home = settings().home
    named = {home / older.path for older in older_nights.every(con)}
    for path in (home / FOLDER).glob("*/*/*/*"):
        if path not in named:
            path.unlink()


def faults(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Read the file of every older night and yield a line for each that is not what was moved."""
    for older in older_nights.every(con):
        if fault := older.fault(manifest.state_of(older.file)):
            yield fault


def _write(con: duckdb.DuckDBPyConnection, table: Archive, portfolio: str, as_of_date: date) -> OlderNight:
    """Write one partition, read it again, and return its file; its name is its content, so it replaces no other."""
    key = {"portfolio": portfolio, "as_of_date": as_of_date}
    partition = f"from wh.{table.relation} where portfolio = $portfolio and as_of_date = $as_of_date"
    folder = settings().home / FOLDER / table.relation / f"portfolio={portfolio}" / f"as_of_date={as_of_date}"
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / "partial"
    archive.write(con, table, draft, portfolio=portfolio, as_of_date=as_of_date)
    state = manifest.finished(draft)
    sums = "select count(*), sum(hash(t)) from ({}) as t"
    stored = con.execute(sums.format(f"select * exclude (portfolio, as_of_date) {partition}"), key).fetchone()
    written = con.execute(sums.format(f"from {older_nights.parquet(draft)}")).fetchone()
    if stored is None or stored != written:
        raise Refused(
            f"{draft} does not hold the rows of {table.relation} of {portfolio} on {as_of_date}, which stay in the "
            "warehouse; look at the disk"
        )
    stamp = None
    if table in archive.ARCHIVES:
        row = con.execute(f"select concat_ws('|', count(*), {table.stamp}) {partition}", key).fetchone()
        stamp = row[0] if row else None
    file = draft.replace(folder / f"{state.sha256[:16]}.parquet")
    manifest.flush(folder)
    return OlderNight(
        relation=table.relation,
        portfolio=portfolio,
        as_of_date=as_of_date,
        path=str(file.relative_to(settings().home)),
        rows=stored[0],
        bytes=state.bytes,
        sha256=state.sha256,
        stamp=stamp,
    )


def _record(con: duckdb.DuckDBPyConnection, run_id: str, files: list[OlderNight]) -> None:
    """Name the files in ops.older_nights, in place of earlier ones of the same nights."""
    now = settings().local_now()
    for older in files:
        con.execute(
            "delete from wh.ops.older_nights where relation = $relation and portfolio = $portfolio "
            "and as_of_date = $as_of_date",
            {name: getattr(older, name) for name in ("relation", "portfolio", "as_of_date")},
        )
        con.execute(
            "insert into wh.ops.older_nights by name select $relation as relation, $portfolio as portfolio, "
            "$as_of_date as as_of_date, $path as path, $rows as rows, $bytes as bytes, $sha256 as sha256, "
            "$stamp as stamp, $run_id as run_id, $now as moved_at",
            {**vars(older), "run_id": run_id, "now": now},
        )


def _delete(con: duckdb.DuckDBPyConnection, files: list[OlderNight]) -> None:
    """Delete the rows that were written; more or fewer than the files hold are refused, and all of the month stays."""
    by_relation: dict[str, list[OlderNight]] = {}
    for older in files:
        by_relation.setdefault(older.relation, []).append(older)
    for relation, nights in by_relation.items():
        deleted = con.execute(
            f"delete from wh.{relation} where portfolio = ? and as_of_date in (select unnest(?))",
            [nights[0].portfolio, [older.as_of_date for older in nights]],
        ).fetchone()
        written = sum(older.rows for older in nights)
        if deleted is None or deleted[0] != written:
            raise Refused(
                f"{relation}: {deleted} rows would be deleted where {written} were written; nothing is"
            )


def _tables(con: duckdb.DuckDBPyConnection) -> set[str]:
    rows = con.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'wh'"
    ).fetchall()
    return {name for (name,) in rows}
