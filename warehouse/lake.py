"""Keep the warehouse as a DuckLake: Parquet files in a folder, and a PostgreSQL database that says which are its rows.

Every commit is a version that others can read while the next is written. DuckLake does not keep two writers from
losing rows to each other (docs/decisions/0087), so here too one process writes, with a lease that the database keeps.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
from filelock import Timeout

from warehouse.errors import Refused
from warehouse.settings import Settings, settings
from warehouse.sql import quoted

# bytes; larger files are read well as they are, and to merge them writes older nights anew
SMALL_FILE = 8 * 2**20

AGAIN = "nothing is half written; run it again when it answers"

POSTGRES, DUCKLAKE = "postgres_scanner", "ducklake"
"""The extensions of DuckDB that a lake needs; its lease needs the first alone."""

_PREFIX = "ducklake:postgres:"
_CANNOT_REACH = re.compile(
    r"Unable to connect to Postgres|server closed the connection|connection to server|"
    r"Failed to (?:prepare|execute) query|terminating connection|SSL connection has been closed"
)
_SAID = re.compile(
    r"server closed the connection unexpectedly|Connection refused|terminating connection due to [a-z -]+|"
    r"the database system is [a-z ]+|could not translate host name \S+|FATAL:[^\n]+|fe_sendauth[^\n]+"
)
_LEASE = 7305802014  # any number that others do not use in this database
# a host that is gone without a word loses the lease after a minute
_TAKE_LEASE = (
    f"select pg_try_advisory_xact_lock({_LEASE}) as ours, set_config('tcp_keepalives_idle', '30', false) as idle, "
    "set_config('tcp_keepalives_interval', '10', false) as every, set_config('tcp_keepalives_count', '3', false) as n, "
    "set_config('idle_in_transaction_session_timeout', '0', false) as timeout"
)


def load(con: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Load extensions of DuckDB from the packages that hold them; each takes 0.15 CPU s, for its signature.

    Raises:
        Refused: when they are not installed.
    """
    for name in names:
        package = find_spec(f"duckdb_extension_{name}")
        if package is None or package.origin is None:
            raise Refused("NIGHTLEDGER_CATALOGUE names a lake, which needs: pip install 'nightledger[lake]'")
        folder = Path(package.origin).parent / "extensions" / f"v{duckdb.__version__}"
        con.execute(f"load {quoted(folder / f'{name}.duckdb_extension')}")


def attach(
    con: duckdb.DuckDBPyConnection,
    conf: Settings,
    *,
    name: str = "wh",
    read_only: bool = False,
    version: int | None = None,
) -> None:
    """Attach the lake as a catalogue, to be written or, at one version or the newest, to be read.

    Small inserts are files as large ones are: rows that DuckLake keeps in the database instead cannot always be read
    (duckdb/ducklake#1305, #1330).

    Args:
        con: an instance that has nothing of this name attached.
        conf: the settings.
        name: the name of the catalogue.
        read_only: nothing is written.
        version: the version that is read; None = the newest at each transaction.

    Raises:
        Refused: when the database does not answer, or the lake cannot be read, with the reason.
    """
    load(con, POSTGRES, DUCKLAKE)
    options = [f"data_path {quoted(f'{conf.lake_folder}/')}", "data_inlining_row_limit 0"]
    if read_only:
        options += ["read_only", "create_if_not_exists false"]
    if version is not None:
        options.append(f"snapshot_version {version}")
    try:
        con.execute(f"attach {quoted(conf.catalogue or '')} as {name} ({', '.join(options)})")
        if not read_only:  # rows that an earlier version kept in the database
            con.execute(f"call ducklake_flush_inlined_data({quoted(name)})")
    except duckdb.Error as error:
        if "creating a new DuckLake is explicitly disabled" in str(error):
            raise Refused(f"nothing is published yet in {conf.place}; run a night first") from error
        raise Refused(f"cannot open the lake: {_reason(error)}") from error


def version(con: duckdb.DuckDBPyConnection, name: str = "wh") -> int:
    """Return the newest version of an attached lake."""
    (found,) = con.execute(f"select id from ducklake_current_snapshot({quoted(name)})").fetchone() or (0,)
    return int(found)


def expire(con: duckdb.DuckDBPyConnection, kept: Collection[int]) -> int:
    """Remove every version but some, and the files that no version has any more; return how many versions.

    A file is removed an hour after it was let go, so that a query that began before has it to its end.
    """
    versions = [
        number for (number,) in con.execute("select snapshot_id from ducklake_snapshots('wh')").fetchall()
    ]
    gone = sorted(set(versions) - set(kept))
    if gone:
        con.execute(f"call ducklake_expire_snapshots('wh', versions => {gone})")
    con.execute(f"call ducklake_merge_adjacent_files('wh', max_file_size => {SMALL_FILE})")
    con.execute("call ducklake_cleanup_old_files('wh', older_than => now() - interval 1 hour)")
    return len(gone)


def remove_orphans(con: duckdb.DuckDBPyConnection) -> None:
    """Remove the files of the lake's folder that no version ever had, which killed runs left, if a day old."""
    con.execute("call ducklake_delete_orphaned_files('wh', older_than => now() - interval 1 day)")


def rewrite(con: duckdb.DuckDBPyConnection) -> None:
    """Write every file anew that holds removed rows; the old ones stay until no version has them."""
    con.execute("call ducklake_rewrite_data_files('wh', delete_threshold => 0)")


def keep_newest(con: duckdb.DuckDBPyConnection) -> int:
    """Remove every version but the newest and its files at once; return the bytes of the files that are left."""
    expire(con, {version(con)})
    con.execute("call ducklake_cleanup_old_files('wh', cleanup_all => true)")
    con.execute("call ducklake_delete_orphaned_files('wh', cleanup_all => true)")
    (size,) = con.execute(
        "select sum(file_size_bytes + delete_file_size_bytes) from ducklake_table_info('wh')"
    ).fetchone() or (0,)
    return int(size or 0)


def refuse(what: str, instead: str) -> None:
    """Refuse what a lake is not fit for, and say what to do instead.

    Raises:
        Refused: when the warehouse is a lake.
    """
    if settings().catalogue is not None:
        raise Refused(f"{what} does not hold a lake: {instead} (docs/cluster.md)")


def is_lake(con: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the attached catalogue `wh` is a lake."""
    return (
        con.execute(
            "select 1 from duckdb_databases() where database_name = 'wh' and type = 'ducklake'"
        ).fetchone()
        is not None
    )


def lost(error: BaseException) -> bool:
    """Return whether an error says that the database of the catalogue does not answer."""
    return isinstance(error, duckdb.Error) and _CANNOT_REACH.search(str(error)) is not None


def unreachable(error: BaseException) -> str:
    """Return in one line that the database of the catalogue does not answer, and what to do."""
    return f"the database of the catalogue does not answer ({_reason(error)}); {AGAIN}"


class Unreachable(Refused):
    """The database of the catalogue does not answer."""


class Lease:
    """The lease of a lake: a lock in the database of its catalogue, which ends with the session that holds it.

    It has the methods of a FileLock that the lease of a file is.
    """

    def __init__(self, conf: Settings) -> None:
        self._conf = conf
        self._con: duckdb.DuckDBPyConnection | None = None

    @property
    def is_locked(self) -> bool:
        """Whether the lease was taken, and not yet given back."""
        return self._con is not None

    def acquire(self, timeout: float = 0.0, poll_interval: float = 0.2) -> None:
        """Take the lease, or try again until it is free and the database answers.

        Raises:
            Timeout: when another session holds it all the time.
            Unreachable: when the database does not answer all the time.
        """
        con = duckdb.connect()
        try:
            load(con, POSTGRES)
            source = quoted((self._conf.catalogue or "").removeprefix(_PREFIX))
            deadline = time.monotonic() + timeout
            while not (ours := self._is_free(con, source, last=time.monotonic() >= deadline)):
                if time.monotonic() >= deadline:
                    break
                time.sleep(poll_interval)
        except BaseException:
            _close(con)
            raise
        if not ours:
            _close(con)
            raise Timeout(self._conf.place)
        self._con = con

    def check(self) -> None:
        """See that the lease is still held; another process can have it once its session has ended.

        Raises:
            Refused: when it is lost.
        """
        if self._con is None:
            return
        try:
            _ask(self._con, "select 1 as alive")
        except duckdb.Error as error:
            raise Refused(
                f"the lease of the warehouse is lost, since the database of its catalogue ended the session "
                f"({_reason(error)}); {AGAIN}"
            ) from error

    def release(self) -> None:
        """Give the lease back, if it was taken."""
        con, self._con = self._con, None
        if con is not None:
            _close(con)

    def _is_free(self, con: duckdb.DuckDBPyConnection, source: str, *, last: bool) -> bool:
        """Try to take the lease; a database that does not answer is an error at the last try only."""
        try:
            con.execute(f"attach if not exists {source} as catalogue (type postgres)")
            con.execute("begin transaction")  # it keeps one session, to whose end the lock belongs
            ours = bool(_ask(con, _TAKE_LEASE)[0])
        except duckdb.Error as error:
            ours = False
            if not lost(error):
                raise
            if last:
                raise Unreachable(unreachable(error)) from error
        if not ours:
            _roll_back(con)
        return ours


def _ask(con: duckdb.DuckDBPyConnection, question: str) -> tuple[Any, ...]:
    return con.execute(f"from postgres_query('catalogue', {quoted(question)})").fetchone() or (None,)


def _close(con: duckdb.DuckDBPyConnection) -> None:
    _roll_back(con)
    con.close()


def _roll_back(con: duckdb.DuckDBPyConnection) -> None:
    # closed with a transaction whose session is gone, DuckDB would end the process
    with suppress(duckdb.Error):
        con.execute("rollback")


def _reason(error: BaseException) -> str:
    """Return what the database said, without the query that it was asked."""
    said = _SAID.search(str(error))
    return said[0] if said else str(error).split("\n", 1)[0]
