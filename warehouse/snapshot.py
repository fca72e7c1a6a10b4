"""Read the warehouse as it is at one moment, from the process that may write it or from any other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import duckdb

from warehouse import connection, fingerprint, home, lake
from warehouse.errors import Refused
from warehouse.settings import Settings, settings
from warehouse.sql import quoted

_ROOT = Path(__file__).resolve().parent.parent
_guard = threading.Lock()
_kept: dict[Snapshot, duckdb.DuckDBPyConnection] = {}
"""The instance with which this process reads a lake, by the snapshot: that of the last step alone."""
_READ_BY_PARTS = ("models", "sql", "tasks", "warehouse")


class Snapshot(NamedTuple):
    """The warehouse at one moment: where it is, the code that reads it, and of a lake the version."""

    place: str
    code: str
    version: int | None = None


@contextmanager
def pinned(*, elsewhere: bool = False) -> Iterator[Snapshot]:
    """Keep the warehouse as it is during the block, so that parts of a step read the same, wherever they run.

    The caller holds the lease and writes nothing meanwhile.

    Args:
        elsewhere: the parts run in other processes. DuckDB lets a file that one process may write be read by no other,
            so it is closed for the block, and the lease is kept. A lake stays open.
    """
    conf = settings()
    if conf.catalogue is not None:
        with connection.writer(purpose="pin") as con:
            version = lake.version(con)
        yield Snapshot(conf.place, code(), version)
    elif elsewhere:
        with connection.file_closed():
            yield Snapshot(conf.place, code())
    else:
        yield Snapshot(conf.place, code())


@contextmanager
def at(snapshot: Snapshot) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a cursor on the warehouse at a snapshot; in another process than the one that pinned it, a read-only one.

    Raises:
        Refused: when the file cannot be read here, or this process runs other code than the one that pinned it.
    """
    if connection.is_held():
        with connection.writer(purpose="read a part") as con:
            yield con
        return
    if code() != snapshot.code:
        raise Refused(
            "this worker runs other code than the run that it works for; start the workers again from the same version"
        )
    conf = settings()
    shared = conf.warehouse_file if conf.catalogue is None else conf.home
    if conf.place != snapshot.place or not shared.exists():
        raise Refused(
            f"this worker does not see {snapshot.place}, only {conf.home}; NIGHTLEDGER_HOME must be the same for all "
            "workers and lie on storage that they share, and so must a lake"
        )
    home.keep_private(conf)
    con = _of_file(conf, snapshot) if snapshot.version is None else _of_lake(conf, snapshot)
    try:
        yield con
    finally:
        con.close()


def _of_file(conf: Settings, snapshot: Snapshot) -> duckdb.DuckDBPyConnection:
    con = connection.connect(conf)
    try:
        con.execute(f"attach {quoted(conf.warehouse_file)} as wh (read_only)")
    except duckdb.Error as error:
        con.close()
        raise Refused(f"this worker cannot read {snapshot.place}: {str(error).splitlines()[0]}") from error
    return con


def _of_lake(conf: Settings, snapshot: Snapshot) -> duckdb.DuckDBPyConnection:
    """Return a cursor on the lake; its instance is kept for the next part, since to load extensions takes 0.3 s."""
    with _guard:
        if snapshot not in _kept:
            con = connection.connect(conf)
            try:
                lake.attach(con, conf, read_only=True, version=snapshot.version)
            except BaseException:
                con.close()
                raise
            _kept.clear()
            _kept[snapshot] = con
        return _kept[snapshot].cursor()


@cache
def code() -> str:
    """Return a fingerprint of the code that this process runs, as it lay on the disk when it was first asked for."""
    return fingerprint.of_folders(*(_ROOT / folder for folder in _READ_BY_PARTS))
