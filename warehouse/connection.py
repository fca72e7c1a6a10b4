"""Open the warehouse for one writer at a time, and what is published for any number of analysts.

DuckDB lets one process write a file or many read it. So the writer holds a lease (`warehouse.lease`) and readers open
the published copy, which no writer changes; of a lake, the published version.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from filelock import Timeout

from warehouse import declared, home, lake, lease, ledger, leftovers, opening, shortage
from warehouse.errors import Refused
from warehouse.publishing import archive, version
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
class _Held:
    con: duckdb.DuckDBPyConnection
    lock: lease.Lock
    pid: int
    cursors: list[duckdb.DuckDBPyConnection] = field(default_factory=list)


_held: dict[Path, _Held] = {}
_guard = threading.Lock()
_order_guard = threading.Lock()
_threads_in_order: list[str] = []


@contextmanager
def writer(*, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a cursor on the warehouse; while it is open only this process may write to it.

    The first entry takes the lease, removes what dead processes left, opens the file, brings it to this version and
    marks runs that a dead process left `running`. Further entries, from any thread, share the lease and get a cursor of
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
    """Yield a read-only connection to what is published, in which `marts.x` and `wh.marts.x` both work.

    No query of it reads another file, loads an extension, changes a setting or sees a variable of the program.

    Args:
        every_night: make the views of the published Parquet, such as every_night.contributions; a look at each file.

    Raises:
        Refused: when nothing has been published yet.
    """
    conf = settings()
    con = connect(conf)
    try:
        if conf.catalogue is None:
            _show_copy(con, conf, every_night=every_night)
        else:
            version.show(con, conf, every_night=every_night)
        con.execute("use wh")
        # no files of others: from here on DuckDB opens its own spill folder and what is published only
        con.execute("set python_enable_replacements = false")
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        yield con
    finally:
        con.close()


def _show_copy(con: duckdb.DuckDBPyConnection, conf: Settings, *, every_night: bool) -> None:
    if not conf.published_file.exists():
        raise Refused(f"nothing is published yet at {conf.published_file}; run a night first: make nightly")
    try:
        con.execute(f"attach {quoted(conf.published_file)} as wh (read_only)")
    except duckdb.Error as error:
        raise Refused(f"cannot read {conf.published_file}: {error}") from error
    if every_night:
        archive.create_views(con, conf.published_dir)


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Commit the whole block or nothing of it; inside an open transaction the block joins that one."""
    if _in_transaction(con):
        yield con
        return
    con.execute("begin transaction")
    try:
        yield con
        if held := _held.get(settings().warehouse_file):
            _check(held)
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
    lock = lease.lock(conf)
    try:
        lock.acquire(timeout=0)
    except (Timeout, Refused):  # whoever opens the warehouse waits for it, or is told
        return
    try:
        leftovers.remove(conf)
    finally:
        lock.release()


def connect(conf: Settings) -> duckdb.DuckDBPyConnection:
    """Return an in-memory DuckDB instance within the limits of the settings, with nothing attached."""
    with suppress(OSError):  # who may not write here, or has no home yet, can still ask what fits in memory
        conf.spill_dir.mkdir(exist_ok=True)
    con = duckdb.connect(
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
    # it would be drawn into what the command line prints after two seconds, among the rows of `sql` too
    con.execute("set enable_progress_bar = false")
    return con


def is_held() -> bool:
    """Return True if this process holds the lease of the warehouse."""
    held = _held.get(settings().warehouse_file)
    return held is not None and held.pid == os.getpid()


@contextmanager
def file_closed() -> Iterator[None]:
    """Close the warehouse file for the block but keep the lease: other processes read the file, and none writes it.

    No cursor of this process finds the warehouse meanwhile.

    Raises:
        Refused: when another program still has the file open some time after the block.
    """
    conf = settings()
    held = _held[conf.warehouse_file]
    for cursor in held.cursors:  # a result of which rows are left would hold the file open
        cursor.execute("select 1").fetchall()
    held.con.execute("detach wh")
    try:
        yield
    finally:
        opening.attach(held.con, conf, deadline=time.monotonic() + conf.lock_wait_seconds)


def holder() -> str | None:
    """Return what another process does that holds the warehouse now; None if it is free or this process holds it."""
    conf = settings()
    if conf.warehouse_file in _held:
        return None
    lock = lease.lock(conf)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return lease.holder(conf)
    lock.release()
    return None


def _in_transaction(con: duckdb.DuckDBPyConnection) -> bool:
    # a second `begin` would abort the open transaction; outside of one each statement has its own number
    transaction_ids = {con.execute("select txid_current()").fetchone() for _ in range(2)}
    return len(transaction_ids) == 1


def _check(held: _Held) -> None:
    if isinstance(
        held.lock, lake.Lease
    ):  # a file's lock ends with its process, this one with a session elsewhere
        held.lock.check()


def _enter(conf: Settings, purpose: str) -> duckdb.DuckDBPyConnection:
    with _guard:
        held = _held.get(conf.warehouse_file)
        if held is None or held.pid != os.getpid():  # a forked child must not use its parent's connection
            held = _held[conf.warehouse_file] = _open(conf, purpose)
        else:
            _check(held)
        cursor = held.con.cursor()
        held.cursors.append(cursor)
        return cursor


def _leave(conf: Settings, cursor: duckdb.DuckDBPyConnection) -> None:
    with _guard:
        held = _held[conf.warehouse_file]
        held.cursors.remove(cursor)
        if held.cursors:
            return
        del _held[conf.warehouse_file]
        try:
            with suppress(duckdb.Error):
                held.con.execute("detach wh")
            held.con.close()
        finally:
            lease.release(conf, held.lock)


def _open(conf: Settings, purpose: str) -> _Held:
    home.make_writable(conf)
    home.keep_private(conf)
    deadline = time.monotonic() + conf.lock_wait_seconds
    lock = lease.acquire(conf)
    try:
        leftovers.remove(conf)
        lease.say(conf, purpose)
        con = connect(conf)
        try:
            opening.attach(con, conf, deadline=deadline)
            declared.bring_up(con)
            ledger.abort_dead_runs(con)
        except BaseException:
            con.close()
            raise
    except BaseException as error:
        lease.release(conf, lock)
        if isinstance(error, duckdb.Error) and shortage.is_damage(str(error)):
            raise opening.refusal(conf, str(error)) from error
        raise
    return _Held(con=con, lock=lock, pid=os.getpid())
