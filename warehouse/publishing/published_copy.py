"""Build the DuckDB file that readers open: all that may be published, with the history of the last published file.

Rows of earlier nights are by far the most and do not change. So a build starts as a copy of the last published file,
in which only the partitions that differ are replaced; the rows of everything else are written anew. Contributions and
changes of the last nights only are in the file, so that it stays small; Parquet beside it has those of every night.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import duckdb

from warehouse import ledger, macros, master_scale, normal
from warehouse.connection import transaction
from warehouse.publishing.archive import ARCHIVES, NIGHTS_IN_FILE, Partitions, newest, partitions
from warehouse.publishing.public import Columns, Shapes, public_part, shapes, tells_of_runs
from warehouse.sql import quoted

PASSED = "features.feat_coverage"
HISTORY = {
    **{archive.relation: archive.stamp for archive in ARCHIVES},
    "ops.bin_counts": "sum(count * (bin + 1)), sum(count * count)",
    "ops.monitoring": "max(recorded_at), max(run_id)",
    "ops.fairness": "max(recorded_at), max(run_id)",
    "ops.validation_results": "max(checked_at), max(run_id)",
    "marts.mart_portfolio_summary": "bit_xor(hash(mart_portfolio_summary))",
    "scores.loan_stages": "max(run_id)",
    "scores.scenario_curves": "max(run_id)",
    "scores.expected_credit_losses": "max(run_id)",
    "marts.mart_allowance": "bit_xor(hash(mart_allowance))",
    "marts.mart_allowance_changes": "max(run_id)",
}
"""By relation of which every night leaves rows, aggregates that change when a run writes a night again."""
NIGHTS = {
    **{archive.relation: archive.nights for archive in ARCHIVES},
    "scores.scenario_curves": NIGHTS_IN_FILE,
    "ops.bin_counts": 100,  # as many as `retain` leaves in the warehouse at least
}
"""By relation of which the copy holds a portfolio's last nights only, how many; None = all."""

log = logging.getLogger("nightledger")

_FEATURE_TABLES = (
    "select table_name from duckdb_tables() where database_name = 'wh' and schema_name = 'features'"
)

Nights = set[tuple[str, date]]


def build(con: duckdb.DuckDBPyConnection, path: Path, stored: Mapping[str, Partitions]) -> dict[str, int]:
    """Write the copy to `path`, with no log left beside it, and return the rows of each relation.

    The history of a copy that lies there already is taken over unless its shape differs, or more than half of that
    file is free space; then all of it is written anew, which compacts. A view, such as the wide one of all features,
    becomes a table: readers bring programs of their own, and some of them read a view of joins wrongly
    (docs/decisions/0011).

    Args:
        con: a writer's cursor.
        path: the build.
        stored: by table of scores, what `partitions` returns of it in the warehouse.
    """
    if path.exists():
        try:
            return _write(con, path, from_previous=True, stored=stored)
        except _Unfit:
            path.unlink(missing_ok=True)
        except duckdb.Error as error:
            line = str(error).split("\n", 1)[0]
            log.warning("publish     building on the last copy failed, all is written anew: %s", line)
            path.unlink(missing_ok=True)
    return _write(con, path, from_previous=False, stored=stored)


def renew_ops(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Replace what tells of runs in the copy at `path`; where there is none, make one that holds nothing else."""
    _write(con, path, from_previous=path.exists(), runs_only=True)


def nights(con: duckdb.DuckDBPyConnection, path: Path) -> set[tuple[str, str]]:
    """Return portfolio and date of the scores in a copy; none where there is no copy that can be read."""
    if not path.exists():
        return set()
    alias = f"pub_{secrets.token_hex(4)}"
    try:
        con.execute(f"attach {quoted(path)} as {alias} (read_only)")
    except duckdb.Error:
        return set()
    try:
        return set(
            con.execute(
                f"select distinct portfolio, cast(as_of_date as varchar) from {alias}.{ARCHIVES[0].relation}"
            ).fetchall()
        )
    except duckdb.Error:
        return set()
    finally:
        con.execute(f"detach {alias}")


class _Unfit(Exception):  # noqa: N818  (a choice of road, not a fault)
    """The previous file cannot be built upon."""


def _write(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    from_previous: bool,
    runs_only: bool = False,
    stored: Mapping[str, Partitions] | None = None,
) -> dict[str, int]:
    with _attached(con, path) as alias:
        in_warehouse, in_copy = shapes(con, "wh"), shapes(con, alias)
        if from_previous and not runs_only:
            _check_fit(con, alias, in_warehouse, in_copy)
        elif from_previous:
            ledger.mark_published(con, copy=alias)
            in_warehouse, in_copy = (
                {name: columns for name, columns in found.items() if tells_of_runs(name)}
                for found in (in_warehouse, in_copy)
            )
        public = public_part(in_warehouse)
        passed = _nights_of(con, PASSED) if PASSED in in_warehouse else None
        with transaction(con):
            for name in in_copy:
                if public.get(name) != in_copy[name]:
                    con.execute(f"drop table {alias}.{name}")
            fresh = [name for name, columns in public.items() if in_copy.get(name) != columns]
            comments = _comments(con) if fresh else {}
            for name in fresh:
                _create(con, alias, name, public[name], comments.get(name))
            rows = {
                name: _renew_history(con, alias, name, (stored or {}).get(name))
                if name in HISTORY
                else _copy(con, alias, name, columns, passed)
                for name, columns in public.items()
                if not runs_only or tells_of_runs(name)
            }
            if not runs_only:
                ledger.mark_published(con, database=alias)
        if not (from_previous and runs_only):
            con.execute(f"create schema if not exists {alias}.marts")
            master_scale.create_macros(con, alias)
            normal.create_macros(con, alias)
            macros.create(con, alias)
    return dict(sorted(rows.items()))


def _check_fit(con: duckdb.DuckDBPyConnection, alias: str, in_warehouse: Shapes, in_copy: Shapes) -> None:
    if any(in_copy.get(name) != in_warehouse[name] for name in HISTORY if name in in_warehouse):
        raise _Unfit
    sizes = con.execute(
        "select database_name, used_blocks, free_blocks from pragma_database_size()"
    ).fetchall()
    if any(name == alias and free > used for name, used, free in sizes):
        raise _Unfit


def _renew_history(con: duckdb.DuckDBPyConnection, alias: str, name: str, stored: Partitions | None) -> int:
    """Replace the partitions of one table that differ; `stored` are those of the warehouse, None = they are asked."""
    old = partitions(con, f"{alias}.{name}", HISTORY[name]).items()
    new = newest(
        partitions(con, f"wh.{name}", HISTORY[name]) if stored is None else stored, NIGHTS.get(name)
    ).items()
    for statement, nights in (
        (f"delete from {alias}.{name}", old - new),
        (f"insert into {alias}.{name} by name from wh.{name}", new - old),
    ):
        dates: dict[str, list[date]] = {}
        for (portfolio, as_of_date), _ in sorted(nights):
            dates.setdefault(portfolio, []).append(as_of_date)
        for portfolio, days in dates.items():
            con.execute(
                f"{statement} where portfolio = ? and as_of_date in (select unnest(?))", [portfolio, days]
            )
    return _count(con.execute(f"select count(*) from {alias}.{name}"))


@contextmanager
def _attached(con: duckdb.DuckDBPyConnection, build: Path) -> Iterator[str]:
    alias = f"pub_{secrets.token_hex(4)}"
    con.execute(f"attach {quoted(build)} as {alias}")
    try:
        yield alias
        # detaching writes the log into the file, so that no .wal stays beside it
        con.execute(f"checkpoint {alias}")
        con.execute(f"detach {alias}")
    except BaseException:
        with suppress(duckdb.Error):
            con.execute(f"detach {alias}")
        build.unlink(missing_ok=True)
        raise


def _copy(
    con: duckdb.DuckDBPyConnection, alias: str, relation: str, columns: Columns, passed: Nights | None
) -> int:
    """Write a relation anew; of features only the latest night of those that passed (None = no coverage yet)."""
    con.execute(f"delete from {alias}.{relation}")
    names = [column[0] for column in columns]
    insert = f"insert into {alias}.{relation} select {', '.join(map(_name, names))} from wh.{relation}"
    if not relation.startswith("features.") or not {"portfolio", "as_of_date"} <= set(names):
        return _count(con.execute(insert))
    # one partition a statement, so that the scan skips all the others
    return sum(
        _count(con.execute(f"{insert} where portfolio = ? and as_of_date = ?", night))
        for night in _latest(con, relation, passed).items()
    )


def _latest(con: duckdb.DuckDBPyConnection, relation: str, passed: Nights | None) -> dict[str, date]:
    """Return the latest night of each portfolio in a feature relation, of those that passed their audits.

    Only they have a coverage, and the wide view has no others: a view of joins is not asked for all its nights.
    """
    tables = {f"features.{name}" for (name,) in con.execute(_FEATURE_TABLES).fetchall()}
    nights = _nights_of(con, relation) if relation in tables else passed or set()
    if passed is not None:
        nights &= passed
    return dict(sorted(nights))  # the latest comes last


def _nights_of(con: duckdb.DuckDBPyConnection, relation: str) -> Nights:
    return set(con.execute(f"select distinct portfolio, as_of_date from wh.{relation}").fetchall())


def _comments(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return what is said of each table and view of the warehouse, in one query of the catalogue."""
    rows = con.execute(
        "select schema_name || '.' || table_name, comment from (select database_name, schema_name, table_name, comment "
        "from duckdb_tables() union all select database_name, schema_name, view_name, comment from duckdb_views()) "
        "where database_name = 'wh' and comment <> ''"
    ).fetchall()
    return dict(rows)


def _create(
    con: duckdb.DuckDBPyConnection, alias: str, relation: str, columns: Columns, about: str | None
) -> None:
    con.execute(f"create schema if not exists {alias}.{relation.split('.', maxsplit=1)[0]}")
    spelled = ", ".join(f"{_name(name)} {kind}" for name, kind, _ in columns)
    con.execute(f"create table {alias}.{relation} ({spelled})")
    for name, _, comment in columns:
        if comment:
            con.execute(f"comment on column {alias}.{relation}.{_name(name)} is {quoted(comment)}")
    if about:
        con.execute(f"comment on table {alias}.{relation} is {quoted(about)}")


def _name(column: str) -> str:
    return f'"{column}"'


def _count(result: duckdb.DuckDBPyConnection) -> int:
    row = result.fetchone()
    return int(row[0]) if row else 0
