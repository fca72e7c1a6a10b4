"""Publish a complete new copy of the warehouse in one step, so that readers meet neither a lock nor half a night.

Everything is built under a name of its own beside the old copy. A reader that has the old copy open keeps it
until it opens again; whoever opens anew sees the new one. What is taken over from the old copy is first compared
with its manifest. A publish that fails removes its builds; what a killed one leaves is swept.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from warehouse import feature_catalogue, lake, ledger, lineage
from warehouse.errors import Refused
from warehouse.publishing import archive, manifest, publish_version, published_copy
from warehouse.publishing.manifest import DATABASE, Manifest
from warehouse.settings import settings

log = logging.getLogger("nightledger")

_FILES_TOLD = 5
_WHOLE = "python -m flows publish --whole builds it again"


@dataclass(frozen=True)
class Publication:
    """What was published: the DuckDB file, Parquet partitions of scores and contributions, rows of each relation."""

    path: Path
    bytes: int
    partitions_written: int
    partitions_kept: int
    seconds: float
    rows: dict[str, int] = field(default_factory=dict)


def publish(
    con: duckdb.DuckDBPyConnection, run_id: str, *, whole: bool = False, fewer: bool = False
) -> Publication:
    """Publish marts, scores, ops and the latest features of each portfolio as a compact read-only copy.

    Nothing of raw or staging is copied, nor a column of the group `sensitive`. Lineage and the feature
    catalogue are recorded first, so that the copy has them as they are now. A file of the old copy that is not what
    its manifest says is not built on: it is written again from the warehouse, and a warning names it.

    Args:
        con: a writer's cursor outside any transaction.
        run_id: run that publishes; it names the build.
        whole: take nothing over from the old copy.
        fewer: publish even if the old copy has nights that the warehouse does not hold.

    Returns:
        The publication.

    Raises:
        Refused: before anything is touched, when nights would vanish from the copy.
    """
    start = time.perf_counter()
    folder, file = settings().published_dir, settings().published_file
    known = _known(folder)
    if not fewer and (reason := _nights_lost(con, folder, known)):
        raise Refused(reason)
    folder.mkdir(parents=True, exist_ok=True)
    basis = None if whole else known
    before = {} if basis is None else archive.replaced(folder, basis)
    _remove(set(archive.leftovers(folder, replaced=True)) - set(before.values()))
    stored = {
        table.relation: archive.partitions(con, f"wh.{table.relation}", table.stamp)
        for table in archive.ARCHIVES
    }
    lineage.record(con)
    feature_catalogue.record(con)
    with _removed_on_failure(folder, run_id) as token:
        build = folder / f".portfolio-{token}.duckdb"
        damaged = _take_over(basis, file, build)
        rows = published_copy.build(con, build, stored)
        builds = [
            archive.build(
                con,
                folder / f".{table.files}-{token}",
                table,
                stored=stored[table.relation],
                known=basis,
                before=before.get(table.link),
            )
            for table in archive.ARCHIVES
        ]
        _tell(damaged + [fault for new in builds for fault in new.damaged])
        if known is None:
            log.warning("publish     %s had no manifest that can be read: all is built again", folder)
        files = {path: state for new in builds for path, state in new.files.items()}
        published = Manifest.of(
            {DATABASE: manifest.finished(build), **files},
            replaced=sorted(archive.current_builds(folder)),
            seen={path: seen for new in builds for path, seen in new.seen().items()},
            publishes=known.publishes + 1 if known else 0,
        )
        if known is not None:
            _write_manifest(folder, known.until(published), token)
        build.replace(file)
        for new in builds:
            archive.swap(folder, new, new_link=folder / f".link-{token}")
        _write_manifest(folder, published, token)
    ledger.mark_published(con)
    return Publication(
        path=file,
        bytes=file.stat().st_size,
        partitions_written=sum(new.written for new in builds),
        partitions_kept=sum(new.kept for new in builds),
        seconds=time.perf_counter() - start,
        rows=rows,
    )


def publish_runs(con: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Renew the schema ops of the copy alone, so that readers can see how a run ended, whatever became of it.

    Scores, marts and features stay those of the last good night; before one was published they are there, empty. A
    copy that is damaged, or has nights that the warehouse does not hold, is left as it is, and a warning says so. Of a
    lake it is a row; a copy that was exported from it stays as it is.

    Args:
        con: a writer's cursor outside any transaction.
        run_id: run that ended; it names the build.
    """
    if settings().catalogue is not None:
        publish_version.publish_runs(con, run_id)
        return
    folder, file = settings().published_dir, settings().published_file
    known = _known(folder)
    if known is None:
        _leave_as_it_is(run_id, f"it has no manifest that can be read; {_WHOLE}")
        return
    if reason := _nights_lost(con, folder, known):
        _leave_as_it_is(run_id, reason)
        return
    folder.mkdir(parents=True, exist_ok=True)
    with _removed_on_failure(folder, run_id) as token:
        build = folder / f".portfolio-{token}.duckdb"
        if damaged := _take_over(known, file, build):
            _leave_as_it_is(run_id, f"{damaged[0]}; {_WHOLE}")
            return
        published_copy.renew_ops(con, build)
        files = {**known.files, DATABASE: (manifest.finished(build),)}
        published = known.model_copy(update={"files": files})
        _write_manifest(folder, known.until(published), token)
        build.replace(file)
        _write_manifest(folder, published, token)


def publish_moved(con: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Let readers see which nights were moved to Parquet or put back, and give back the space that they took.

    Args:
        con: a writer's cursor outside any transaction.
        run_id: run that moved them.
    """
    if settings().catalogue is not None:  # what lies in Parquet and what does not must be of one version
        publish_version.publish(con, run_id)
        publish_version.let_go(con)
        lake.remove_orphans(con)
        return
    con.execute("checkpoint wh")
    publish_runs(con, run_id)


def _known(folder: Path) -> Manifest | None:
    """Return the manifest of the copy, an empty one where nothing is published, None where it cannot be read."""
    known = manifest.read(folder)
    if known is None and not (folder / DATABASE).exists() and not archive.current_builds(folder):
        return Manifest(files={})
    return known


def _nights_lost(con: duckdb.DuckDBPyConnection, folder: Path, known: Manifest | None) -> str:
    """Return what to do about nights of the copy that the warehouse does not hold, empty if it holds them all."""
    if known is not None:
        in_copy = archive.nights(known.files)
    else:
        paths = folder.glob(f"{archive.SCORES.link}/portfolio=*/as_of_date=*")
        in_copy = archive.nights(str(path.relative_to(folder)) for path in paths)
        in_copy |= published_copy.nights(con, folder / DATABASE)
    held = con.execute(f"select distinct portfolio, as_of_date from wh.{archive.SCORES.relation}").fetchall()
    lost = sorted(
        in_copy - {(portfolio, str(day)) for portfolio, day in held}, key=lambda night: (night[1], night[0])
    )
    if not lost:
        return ""
    span = " to ".join(dict.fromkeys(f"{day} of {portfolio}" for portfolio, day in (lost[0], lost[-1])))
    return (
        f"the published copy has {len(lost)} night{'' if len(lost) == 1 else 's'} that the warehouse does not "
        f"hold ({span}); restore a backup of {settings().warehouse_file}, or give them up: "
        "python -m flows publish --fewer"
    )


def _take_over(known: Manifest | None, file: Path, build: Path) -> list[str]:
    """Copy the last published file to the build, unless it is not what the manifest says; return what is wrong."""
    if known is None:
        return []
    if fault := known.fault(DATABASE, manifest.copied(file, build)):
        build.unlink(missing_ok=True)
        return [f"{DATABASE} {fault}"]
    return []


def _leave_as_it_is(run_id: str, reason: str) -> None:
    log.warning("publish     the copy does not tell of run %s: %s", run_id, reason)


def _tell(damaged: list[str]) -> None:
    for fault in damaged[:_FILES_TOLD]:
        log.warning("publish     damaged: %s; it is built again from the warehouse", fault)
    if len(damaged) > _FILES_TOLD:
        log.warning("publish     and %d more damaged files are built again", len(damaged) - _FILES_TOLD)


def _write_manifest(folder: Path, published: Manifest, token: str) -> None:
    manifest.write(folder, published, build=folder / f".manifest-{token}")


@contextmanager
def _removed_on_failure(folder: Path, run_id: str) -> Iterator[str]:
    """Yield what the names of all builds of a publish end with; when the block fails, remove those not swapped in."""
    token = f"{run_id}-{secrets.token_hex(3)}"
    try:
        yield token
    except BaseException:
        _remove(path for path in archive.leftovers(folder) if token in path.name)
        raise


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
