"""Open the warehouse for one writer at a time, and the published copy for any number of analysts.

DuckDB lets one process write a file or many read it. So the writer holds a lease (an operating-system lock
that a killed process cannot leave behind) and readers open the published copy, which no writer changes.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from warehouse import declared, home, ledger, leftovers, opening, shortage
from warehouse.errors import Refused
from warehouse.publishing import archive
from warehouse.settings import Settings, settings
from warehouse.sql import quoted

log = logging.getLogger("nightledger.warehouse")

# DuckDB 1.5.1 to 1.5.5 merges two branches of a query that share a join although they need different columns of it,
# and answers wrongly without an error (duckdb/duckdb#25819); without this optimizer it computes both
WRONG_OPTIMIZERS = "common_subplan"

# after 16 MB of log, as DuckDB has it, nearly every file of an intake ends with its last row groups compressed anew, a
# third of the processor time of small files; a crash leaves this much to replay, which takes two seconds
# (docs/decisions/0084)
LOG_BEFORE_CHECKPOINT = "256MB"


@dataclass
class _Lease:
    con: duckdb.DuckDBPyConnection
    lock: FileLock
    pid: int
    cursors: list[duckdb.DuckDBPyConnection] = field(default_factory=list)


_leases: dict[Path, _Lease] = {}
_guard = threading.Lock()
_order_guard = threading.Lock()
_threads_in_order: list[str] = []


@contextmanager
def writer(*, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a cursor on the warehouse; while it is open only this process may write to it.

    The first entry takes the lease, removes what dead processes left, opens the file, applies migrations and marks
    runs that a dead process left `running`. Further entries, from any thread, share the lease and get a cursor of
    their own; the last exit closes the file. A transaction still open on the cursor at exit is rolled back. The
    home, and every file that this process makes from then on, is for its own user alone.

    Args:
        purpose: what the lease is for; another process that has to wait logs it.

    Raises:
        Refused: naming the holder, when the lease or the file is not free within NIGHTLEDGER_LOCK_WAIT_SECONDS; or
            when the home or the file cannot be used, with the reason and what to do.
    """
    conf = settings()
    cursor = _enter(conf, purpose)
    try:
        yield cursor
    finally:
        with suppress(duckdb.Error):
            cursor.close()
        _leave(conf, cursor)


@contextmanager
def reader(*, every_night: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a read-only connection to the published copy, in which `marts.x` and `wh.marts.x` both work.

    No query of it reads another file, loads an extension, changes a setting or sees a variable of the program.

    Args:
        every_night: make the views of the published Parquet, such as every_night.contributions; a look at each file.

    Raises:
        Refused: when nothing has been published yet.
    """
    conf = settings()
    if not conf.published_file.exists():
        raise Refused(f"nothing is published yet at {conf.published_file}; run a night first: make nightly")
    con = connect(conf)
    try:
        try:
            con.execute(f"attach {quoted(conf.published_file)} as wh (read_only)")
        except duckdb.Error as error:
            raise Refused(f"cannot read {conf.published_file}: {error}") from error
        con.execute("use wh")
        if every_night:
            archive.create_views(con, conf.published_dir)
        # no files of others: from here on DuckDB opens its own spill folder and the copy only
        con.execute("set python_enable_replacements = false")
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        yield con
    finally:
        con.close()


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Commit the whole block or nothing of it; inside an open transaction the block joins that one."""
    if _in_transaction(con):
        yield con
        return
    con.execute("begin transaction")
    try:
        yield con
        con.execute("commit")
    except BaseException:
        # a failed commit has already ended the transaction
        with suppress(duckdb.Error):
            con.execute("rollback")
        raise


@contextmanager
def in_file_order(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let queries in the block return rows in the order of their file, so that they can be numbered.

    In DuckDB this setting applies to the whole instance, not to one cursor: other threads are slower during the
    block, never wrong.
    """
    with _order_guard:
        _threads_in_order.append(threading.current_thread().name)
        con.execute("set preserve_insertion_order = true")
    try:
        yield
    finally:
        with _order_guard:
            _threads_in_order.pop()
            if not _threads_in_order:
                con.execute("set preserve_insertion_order = false")


def clean_home() -> None:
    """Remove what dead processes left in the home, unless a writer is at work, who has done so.

    Raises:
        Refused: when the home cannot be made or written.
    """
    conf = settings()
    home.make_writable(conf)
    lock = FileLock(conf.lock_file, thread_local=False)
    with suppress(Timeout), lock.acquire(timeout=0):
        leftovers.remove(conf)


def connect(conf: Settings) -> duckdb.DuckDBPyConnection:
    """Return an in-memory DuckDB instance within the limits of the settings, with nothing attached."""
    with suppress(OSError):  # who may not write here, or has no home yet, can still ask what fits in memory
        conf.spill_dir.mkdir(exist_ok=True)
    return duckdb.connect(
        ":memory:",
        config={
            "threads": conf.threads,
            "memory_limit": conf.memory_limit,
            "temp_directory": str(leftovers.spill_folder(conf)),
            "max_temp_directory_size": conf.spill_limit,
            "preserve_insertion_order": False,
            "disabled_optimizers": WRONG_OPTIMIZERS,
            "checkpoint_threshold": LOG_BEFORE_CHECKPOINT,
        },
    )


def is_held() -> bool:
    """Return True if this process holds the lease of the warehouse."""
    lease = _leases.get(settings().warehouse_file)
    return lease is not None and lease.pid == os.getpid()


@contextmanager
def file_closed() -> Iterator[None]:
    """Close the warehouse file for the block but keep the lease: other processes read the file, and none writes it.

    No cursor of this process finds the warehouse meanwhile.

    Raises:
        Refused: when another program still has the file open some time after the block.
    """
    conf = settings()
    lease = _leases[conf.warehouse_file]
    for cursor in lease.cursors:  # a result of which rows are left would hold the file open
        cursor.execute("select 1").fetchall()
    lease.con.execute("detach wh")
    try:
        yield
    finally:
        opening.attach(lease.con, conf, deadline=time.monotonic() + conf.lock_wait_seconds)


def holder() -> str | None:
    """Return what another process does that holds the warehouse now; None if it is free or this process holds it."""
    conf = settings()
    if conf.warehouse_file in _leases:
        return None
    lock = FileLock(conf.lock_file, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return _holder_of(conf)
    lock.release()
    return None


def _in_transaction(con: duckdb.DuckDBPyConnection) -> bool:
    # a second `begin` would abort the open transaction; outside of one each statement has its own number
    transaction_ids = {con.execute("select txid_current()").fetchone() for _ in range(2)}
    return len(transaction_ids) == 1


def _enter(conf: Settings, purpose: str) -> duckdb.DuckDBPyConnection:
    with _guard:
        lease = _leases.get(conf.warehouse_file)
        if lease is None or lease.pid != os.getpid():  # a forked child must not use its parent's connection
            lease = _leases[conf.warehouse_file] = _open(conf, purpose)
        cursor = lease.con.cursor()
        lease.cursors.append(cursor)
        return cursor


def _leave(conf: Settings, cursor: duckdb.DuckDBPyConnection) -> None:
    with _guard:
        lease = _leases[conf.warehouse_file]
        lease.cursors.remove(cursor)
        if lease.cursors:
            return
        del _leases[conf.warehouse_file]
        try:
            with suppress(duckdb.Error):
                lease.con.execute("detach wh")
            lease.con.close()
        finally:
            _release(conf, lease.lock)


def _open(conf: Settings, purpose: str) -> _Lease:
    home.make_writable(conf)
    home.keep_private(conf)
    deadline = time.monotonic() + conf.lock_wait_seconds
    lock = FileLock(conf.lock_file, thread_local=False)
    _acquire(conf, lock)
    try:
        leftovers.remove(conf)
        _holder_file(conf).write_text(
            json.dumps(
                {
                    "purpose": purpose,
                    "pid": os.getpid(),
                    "host": socket.gethostname(),
                    "since": f"{conf.local_now():%Y-%m-%d %H:%M:%S}",
                }
            )
        )
        con = connect(conf)
        try:
            opening.attach(con, conf, deadline=deadline)
            declared.create(con)
            ledger.abort_dead_runs(con)
        except BaseException:
            con.close()
            raise
    except BaseException as error:
        _release(conf, lock)
        if isinstance(error, duckdb.Error) and shortage.is_damage(str(error)):
            raise opening.refusal(conf, str(error)) from error
        raise
    return _Lease(con=con, lock=lock, pid=os.getpid())


def _acquire(conf: Settings, lock: FileLock) -> None:
    with suppress(Timeout):
        lock.acquire(timeout=0)
    if lock.is_locked:
        return
    log.info("waiting up to %g s for the warehouse, held by %s", conf.lock_wait_seconds, _holder_of(conf))
    try:
        lock.acquire(timeout=conf.lock_wait_seconds, poll_interval=0.1)
    except Timeout:
        raise Refused(
            f"the warehouse {conf.warehouse_file} is held by {_holder_of(conf)}; waited "
            f"{conf.lock_wait_seconds:g} s; run again when it has ended, or raise "
            "NIGHTLEDGER_LOCK_WAIT_SECONDS"
        ) from None


def _release(conf: Settings, lock: FileLock) -> None:
    _holder_file(conf).unlink(missing_ok=True)
    lock.release()


def _holder_file(conf: Settings) -> Path:
    return conf.lock_file.with_suffix(".holder.json")


def _holder_of(conf: Settings) -> str:
    # the holder may be between taking the lock and writing its name
    try:
        holder = json.loads(_holder_file(conf).read_text())
        return f"'{holder['purpose']}' (pid {holder['pid']} on {holder['host']}, since {holder['since']})"
    except (OSError, ValueError, KeyError):
        return "another process that has not said its name yet"
