"""Back the home up: its files as they are between two runs, in a folder that appears once all of it was read again.

The writer's lease keeps every other writer out, and a checkpoint brings all that is committed into the warehouse file,
so that a copy of the file is the warehouse. A night is never copied half.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import duckdb
from filelock import FileLock, Timeout

from warehouse import blocks, lake, ledger
from warehouse.backups import backup_files
from warehouse.backups.backup_files import Copied, Listing, Manifest
from warehouse.connection import connect
from warehouse.errors import Refused
from warehouse.intake.whole_files import shown_path
from warehouse.settings import settings
from warehouse.sql import quoted

_ADVICE = "delete old backups there, which are plain folders, or name another folder with --to"
_LOCK = "lock"


@dataclass(frozen=True)
class Backup:
    """A finished backup: its folder, its manifest, and what of the home is no file and so not in it."""

    path: Path
    manifest: Manifest
    left_out: tuple[str, ...]


@contextmanager
def warehouse_source() -> Iterator[BinaryIO]:
    """Yield the warehouse file open for reading; enter before the lease is taken, so that it is closed after it.

    A process that closes a file loses all locks that it has on it, DuckDB's own among them: another program could
    then write to the warehouse while our lease still does.

    Raises:
        Refused: when there is no warehouse, or it is a lake.
    """
    lake.refuse("a backup of the home", "back up its database and its folder together")
    file = settings().warehouse_file
    try:
        source = file.open("rb")
    except OSError as error:
        raise Refused(
            f"there is no warehouse to back up at {file}: {error.strerror}; is NIGHTLEDGER_HOME the right folder?"
        ) from error
    with source:
        yield source


def back_up(con: duckdb.DuckDBPyConnection, run_id: str, *, source: BinaryIO, folder: Path) -> Backup:
    """Copy the home into `folder/nightledger-<run_id>` and check the copy; whatever fails, nothing of it is left.

    Args:
        con: a writer's cursor outside any transaction.
        run_id: run that backs up; in the copied ledger it is done.
        source: the open warehouse file.
        folder: where backups are kept.

    Raises:
        Refused: when the folder is not fit, has no room, or a file cannot be copied.
    """
    home = settings().home
    _check_place(folder, home)
    with backup_files.writing(folder, advice=_ADVICE):
        _sweep(folder)
    con.execute("checkpoint wh")
    present = backup_files.listed(home, without=backup_files.dropped(settings()))
    _check_room(folder, present)
    path = folder / f"nightledger-{run_id}"
    with backup_files.writing(folder, advice=_ADVICE), _build(folder, run_id) as build:
        manifest = _copy_all(con, run_id, source, present, build)
        backup_files.write_manifest(build, manifest)
        for place, _, _ in os.walk(build):
            backup_files.flush_folder(Path(place))
        (build / _LOCK).unlink(missing_ok=True)
        build.rename(path)
        backup_files.flush_folder(folder)
    return Backup(path, manifest, present.others)


def read_through(warehouse: Path) -> int:
    """Read every row of every table of a warehouse file and return how many there are.

    Raises:
        Refused: naming the table that cannot be read.
    """
    rows = 0
    with closing(connect(settings())) as con:
        try:
            con.execute(f"attach {quoted(warehouse)} as wh (read_only)")
            for relation, read in blocks.read_tables(con):
                if isinstance(read, duckdb.Error):
                    raise _unreadable(relation, read)
                rows += read
        except duckdb.Error as error:
            raise _unreadable("its catalogue", error) from error
    return rows


def _unreadable(part: str, error: duckdb.Error) -> Refused:
    line = str(error).split("\n", 1)[0]
    return Refused(f"the copied warehouse cannot be read, {part}: {line}; look at the disk")


def _check_place(folder: Path, home: Path) -> None:
    if not folder.is_dir():
        raise Refused(f"there is no folder {shown_path(folder)}; make it, or mount the disk that it is on")
    if folder.resolve().is_relative_to(home.resolve()):
        raise Refused(
            f"{shown_path(folder)} lies in the home {home}, which it would be lost with; name a folder outside, "
            "best on another disk"
        )


def _check_room(folder: Path, present: Listing) -> None:
    home = settings().home
    # a file that is gone already is refused by name when it is copied
    sizes = [(home / name).stat().st_size for name in present.files if (home / name).exists()]
    backup_files.check_room(folder, sizes, advice=_ADVICE)


def _copy_all(
    con: duckdb.DuckDBPyConnection, run_id: str, source: BinaryIO, present: Listing, build: Path
) -> Manifest:
    conf = settings()
    warehouse = conf.warehouse_file.name
    files = {
        name: backup_files.copy(conf.home / name, build / name) for name in present.files if name != warehouse
    }
    for name, target in present.links.items():
        backup_files.make_private((build / name).parent)
        (build / name).symlink_to(target)
    backup_files.copied(source, conf.warehouse_file, build / warehouse)
    files[warehouse] = _run_ended(build / warehouse, run_id)
    newest = con.execute(
        "select arg_max(run_id, started_at) from wh.ops.run_ledger where run_id <> $run_id",
        {"run_id": run_id},
    ).fetchone()
    return Manifest(
        run_id=run_id,
        written_at=f"{conf.local_now():%Y-%m-%d %H:%M:%S}",
        revision=ledger.revision(),
        duckdb=duckdb.__version__,
        newest_run=newest[0] if newest else None,
        rows=read_through(build / warehouse),
        files=files,
        links=present.links,
    )


def _run_ended(warehouse: Path, run_id: str) -> Copied:
    """Mark the run as done in the copied ledger, which nobody sees before all of the backup has been checked."""
    with closing(connect(settings())) as con:
        con.execute(f"attach {quoted(warehouse)} as wh")
        ledger.finish_run(con, run_id, status="done")
        con.execute("detach wh")
    return backup_files.stored(warehouse)


@contextmanager
def _build(folder: Path, run_id: str) -> Iterator[Path]:
    """Yield a new hidden folder, locked as long as this process lives, and remove it if the block fails."""
    build = folder / f".nightledger-{run_id}"
    build.mkdir(mode=0o700)
    try:
        with FileLock(build / _LOCK, mode=0o600):
            yield build
    except BaseException:
        shutil.rmtree(build)
        raise


def _sweep(folder: Path) -> None:
    """Remove what killed backups left; the folder of a backup at work, of another home, is locked."""
    for leftover in folder.glob(".nightledger-*"):
        with suppress(Timeout), FileLock(leftover / _LOCK, timeout=0):
            shutil.rmtree(leftover)
