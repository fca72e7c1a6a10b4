"""Publish a complete new copy of the warehouse in one step, so that readers meet neither a lock nor half a night.

Everything is built under a name of its own beside the old copy. A reader that has the old copy open keeps it
until it opens again; whoever opens anew sees the new one. A killed publish leaves only a leftover that the
next one removes.
"""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from warehouse import archive, feature_catalogue, ledger, lineage, published_copy
from warehouse.leftovers import sweep
from warehouse.settings import settings


@dataclass(frozen=True)
class Publication:
    """What was published: the DuckDB file, Parquet partitions of scores and contributions, rows of each relation."""

    path: Path
    bytes: int
    partitions_written: int
    partitions_kept: int
    seconds: float
    rows: dict[str, int] = field(default_factory=dict)


def publish(con: duckdb.DuckDBPyConnection, run_id: str) -> Publication:
    """Publish marts, scores, ops and the latest features of each portfolio as a compact read-only copy.

    Nothing of raw or staging is copied, nor a column of the group `sensitive`. Lineage and the feature
    catalogue are recorded first, so that the copy has them as they are now.

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
    feature_catalogue.record(con)
    build = conf.published_dir / f".portfolio-{run_id}-{secrets.token_hex(3)}.duckdb"
    rows = published_copy.build(con, build, previous=conf.published_file)
    builds = [archive.build(con, conf.published_dir, table, run_id=run_id) for table in archive.ARCHIVES]
    _flush(build)
    build.replace(conf.published_file)
    for new in builds:
        archive.swap(conf.published_dir, new)
    _flush(conf.published_dir)
    ledger.mark_published(con)
    return Publication(
        path=conf.published_file,
        bytes=conf.published_file.stat().st_size,
        partitions_written=sum(new.written for new in builds),
        partitions_kept=sum(new.kept for new in builds),
        seconds=time.perf_counter() - start,
        rows=rows,
    )


def publish_runs(con: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Renew the schema ops of the copy alone, after a run that did not end well, so that readers can see why.

    Scores, marts and features stay those of the last good night. If nothing was published before, everything is.

    Args:
        con: a writer's cursor outside any transaction.
        run_id: run that did not end well; it names the build.
    """
    conf = settings()
    conf.published_dir.mkdir(parents=True, exist_ok=True)
    build = conf.published_dir / f".portfolio-{run_id}-{secrets.token_hex(3)}.duckdb"
    published_copy.build(con, build, previous=conf.published_file, schemas=("ops",))
    _flush(build)
    build.replace(conf.published_file)
    _flush(conf.published_dir)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
