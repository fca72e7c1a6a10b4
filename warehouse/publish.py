"""Publishing swaps a complete new copy in, in one step: readers meet neither a lock nor half a night.

Everything is built under a name of its own beside the old copy. A reader that has the old copy open keeps it
until it opens again; whoever opens anew sees the new one. A killed publish leaves only a leftover that the
next one removes.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from warehouse import archive, lineage, sql
from warehouse.connection import quoted, transaction
from warehouse.errors import Refused
from warehouse.settings import settings

SCHEMAS = ("marts", "scores", "ops", "features")
# incoming_scores are not validated yet
WITHHELD = ("scores.incoming_scores",)


@dataclass(frozen=True)
class Publication:
    """What was published: the DuckDB file, the folder of Parquet partitions, rows of each relation."""

    path: Path
    bytes: int
    parquet_dir: Path
    partitions_written: int
    partitions_kept: int
    seconds: float
    rows: dict[str, int] = field(default_factory=dict)


def publish(con: duckdb.DuckDBPyConnection, run_id: str) -> Publication:
    """Publish marts, scores, ops and the latest features of each portfolio as a compact read-only copy.

    Nothing of raw or staging is copied, nor a column of the group `sensitive`. Lineage is recorded first, so
    that the copy tells its own.

    Args:
        con: a writer's cursor outside any transaction.
        run_id: run that publishes; it names the build.

    Returns:
        The publication.
    """
    start = time.perf_counter()
    conf = settings()
    conf.published_dir.mkdir(parents=True, exist_ok=True)
    sweep(conf.published_dir)
    lineage.record(con)
    build = conf.published_dir / f".portfolio-{run_id}-{secrets.token_hex(3)}.duckdb"
    with _attached(con, build) as alias, transaction(con):
        rows = {relation: _copy(con, alias, relation) for relation in _relations(con)}
    parts = archive.build(con, conf.published_dir, run_id=run_id)
    _flush(build)
    build.replace(conf.published_file)
    archive.swap(conf.published_dir, parts)
    _flush(conf.published_dir)
    return Publication(
        path=conf.published_file,
        bytes=conf.published_file.stat().st_size,
        parquet_dir=conf.published_dir / archive.LINK,
        partitions_written=parts.written,
        partitions_kept=parts.kept,
        seconds=time.perf_counter() - start,
        rows=rows,
    )


def sweep(folder: Path) -> None:
    """Remove what a killed publish left: unfinished copies and builds of Parquet that nothing points to."""
    for leftover in folder.glob(".portfolio-*"):
        leftover.unlink(missing_ok=True)
    for leftover in archive.leftovers(folder):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)


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


def _relations(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'wh' "
        "and list_contains($schemas, schema_name) order by 1",
        {"schemas": list(SCHEMAS)},
    ).fetchall()
    return [name for (name,) in rows if _is_public(name)]


def _copy(con: duckdb.DuckDBPyConnection, alias: str, relation: str) -> int:
    schema, table = relation.split(".")
    columns = con.execute(
        "select column_name, data_type, comment from duckdb_columns() where database_name = 'wh' "
        "and schema_name = ? and table_name = ? order by column_index",
        [schema, table],
    ).fetchall()
    kept = [column for column in columns if column[0] not in _private(relation)]
    names = ", ".join(f'"{name}"' for name, *_ in kept)
    con.execute(f"create schema if not exists {alias}.{schema}")
    con.execute(
        f"create table {alias}.{relation} (" + ", ".join(f'"{name}" {kind}' for name, kind, _ in kept) + ")"
    )
    done = con.execute(
        f"insert into {alias}.{relation} select {names} from wh.{relation}{_rows_of(schema, relation, kept)}"
    ).fetchone()
    for name, _, comment in kept:
        if comment:
            con.execute(f'comment on column {alias}.{relation}."{name}" is {quoted(comment)}')
    about = con.execute(
        "select comment from duckdb_tables() where database_name = 'wh' and schema_name = ? "
        "and table_name = ?",
        [schema, table],
    ).fetchone()
    if about and about[0]:
        con.execute(f"comment on table {alias}.{relation} is {quoted(about[0])}")
    return int(done[0]) if done else 0


def _private(relation: str) -> frozenset[str]:
    if not relation.startswith("features."):
        return frozenset()
    return frozenset(column.name for column in sql.load(relation).columns if column.group == "sensitive")


def _is_public(relation: str) -> bool:
    """Whether a relation may be copied: not one whose file is gone, nor one that is all key and sensitive."""
    if relation in WITHHELD:
        return False
    if not relation.startswith("features."):
        return True
    try:
        groups = {column.group for column in sql.load(relation).columns}
    except Refused:
        return False
    return groups - {"key", "sensitive"} != set() or "sensitive" not in groups


def _rows_of(schema: str, relation: str, columns: list[tuple[str, str, str | None]]) -> str:
    present = {name for name, *_ in columns}
    if schema == "features" and {"portfolio", "as_of_date"} <= present:
        return (
            f" where (portfolio, as_of_date) in (select (portfolio, max(as_of_date)) from wh.{relation} "
            "group by portfolio)"
        )
    return ""


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
