"""Restore a backup into an empty home; until the last step, which puts the warehouse file in its place, it has none.

All is copied and checked beside, below the home, and the copied warehouse is opened there: migrations are applied and
the run of the restore is in its ledger before anybody can see it. So a restore that was killed is simply run again.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock, Timeout

from warehouse import declared, lake, ledger
from warehouse.backups import backup_files
from warehouse.backups.backup_files import Manifest
from warehouse.connection import connect
from warehouse.errors import Refused
from warehouse.intake.whole_files import shown_path
from warehouse.settings import Settings, settings
from warehouse.sql import quoted

_ADVICE = "make room, or set NIGHTLEDGER_HOME to a folder on another disk"


@dataclass(frozen=True)
class Scored:
    """The nights of one portfolio that a restored home holds."""

    portfolio: str
    nights: int
    last_night: date
    scores: int


@dataclass(frozen=True)
class Restored:
    """What a restore brought back: the run in the ledger of the home, the manifest, the nights of each portfolio."""

    home: Path
    run_id: str
    manifest: Manifest
    portfolios: tuple[Scored, ...]


def restore(backup: Path, *, parameters: Mapping[str, Any]) -> Restored:
    """Bring a backup back into the home that NIGHTLEDGER_HOME names.

    Args:
        backup: folder of one backup.
        parameters: parameters of the run, for its row in the run ledger.

    Raises:
        Refused: when the home is in use or not empty, and naming a file of the backup that is damaged, missing or
            not of it; nothing is left in the home then.
    """
    lake.refuse("a restore", "restore its database and its folder together")
    conf = settings()
    manifest = backup_files.read_manifest(backup)
    with backup_files.writing(conf.home, advice=_ADVICE), _alone(conf):
        for leftover in conf.home.glob(".restore-*"):
            shutil.rmtree(leftover)
        _check_home(conf, manifest)
        sizes = [file.bytes for file in manifest.files.values()]
        backup_files.check_room(conf.home, sizes, advice=_ADVICE)
        return _restore(backup, manifest, parameters)


@contextmanager
def _alone(conf: Settings) -> Iterator[None]:
    """Hold the lock that is the writer's lease, without the warehouse that a lease would make.

    Raises:
        Refused: when a writer has it.
    """
    backup_files.make_private(conf.home)
    lock = FileLock(conf.lock_file, mode=0o600)
    try:
        lock.acquire(timeout=1)  # who only starts holds it for a moment
    except Timeout:
        raise Refused(f"{conf.home} is in use by another process; restore into an empty home") from None
    try:
        yield
    finally:
        lock.release()


def _restore(backup: Path, manifest: Manifest, parameters: Mapping[str, Any]) -> Restored:
    conf = settings()
    stage = conf.home / f".restore-{secrets.token_hex(3)}"
    stage.mkdir(mode=0o700)
    try:
        for name, written in manifest.files.items():
            if backup_files.copy(backup / name, stage / name) != written:
                raise backup_files.damaged(backup, name)
        for name, target in manifest.links.items():
            backup_files.make_private((stage / name).parent)
            (stage / name).symlink_to(target)
        run_id, portfolios = _open(stage / conf.warehouse_file.name, manifest, parameters)
        for name in _in_order(conf, manifest):
            backup_files.make_private((conf.home / name).parent)
            (stage / name).replace(conf.home / name)
            backup_files.flush_folder((conf.home / name).parent)
    finally:
        shutil.rmtree(stage)
    return Restored(conf.home, run_id, manifest, portfolios)


def _check_home(conf: Settings, manifest: Manifest) -> None:
    """Accept nothing in the home but files of the backup, which a killed restore has left."""
    present = backup_files.listed(conf.home, without=backup_files.dropped(conf))
    for name in (*present.files, *present.links, *present.others):
        same = name != conf.warehouse_file.name and (
            present.links[name] == manifest.links.get(name)
            if name in present.links
            else name in present.files and backup_files.stored(conf.home / name) == manifest.files.get(name)
        )
        if not same:
            raise Refused(
                f"the home is not empty, it has {shown_path(conf.home / name)}; restore into an empty "
                "NIGHTLEDGER_HOME, or move what is there to another folder"
            )


def _open(
    warehouse: Path, manifest: Manifest, parameters: Mapping[str, Any]
) -> tuple[str, tuple[Scored, ...]]:
    """Bring the copied warehouse to this version, write the run of the restore, and return it with what is there."""
    with closing(connect(settings())) as con:
        try:
            con.execute(f"attach {quoted(warehouse)} as wh")
        except duckdb.Error as error:
            line = str(error).split("\n", 1)[0]
            raise Refused(
                f"DuckDB {duckdb.__version__} cannot open the warehouse that DuckDB {manifest.duckdb} wrote: {line}"
            ) from error
        declared.bring_up(con)
        ledger.abort_dead_runs(con)
        run_id = ledger.start_run(
            con, flow="restore", portfolio="all", as_of_date=None, parameters=parameters
        )
        counts = {"files": len(manifest.files), "bytes": manifest.bytes, "rows": manifest.rows}
        message = f"from the backup {manifest.run_id} of {manifest.written_at}"
        ledger.finish_run(con, run_id, status="done", message=message, counts=counts)
        rows = con.execute(
            "select portfolio, count(distinct as_of_date), max(as_of_date), count(*) "
            "from wh.scores.portfolio_scores group by portfolio order by portfolio"
        ).fetchall()
        con.execute("detach wh")
    backup_files.stored(warehouse)
    return run_id, tuple(Scored(*row) for row in rows)


def _in_order(conf: Settings, manifest: Manifest) -> tuple[str, ...]:
    """Return the names as they move in: what is published first, which keeps a new warehouse out, ours last."""
    published = conf.published_dir.name
    others = [name for name in manifest.files if name != conf.warehouse_file.name]
    others.sort(key=lambda name: not name.startswith(f"{published}/"))
    return (*others, *manifest.links, conf.warehouse_file.name)
