"""Hold the lease of the warehouse: one process writes, others wait for it by name.

The lease of a file is a lock of the operating system, that of a lake one of its database; a killed process leaves
neither behind.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from pathlib import Path

from filelock import FileLock, Timeout

from warehouse import lake
from warehouse.errors import Refused
from warehouse.settings import Settings

log = logging.getLogger("nightledger.warehouse")

Lock = FileLock | lake.Lease


def lock(conf: Settings) -> Lock:
    """Return the lock of this warehouse, not yet taken."""
    return FileLock(conf.lock_file, thread_local=False) if conf.catalogue is None else lake.Lease(conf)


def acquire(conf: Settings) -> Lock:
    """Take the lease; wait while another process has it.

    Raises:
        Refused: naming the holder, when the lease is not free within NIGHTLEDGER_LOCK_WAIT_SECONDS.
    """
    lease = lock(conf)
    try:
        lease.acquire(timeout=0)
    except Timeout:
        log.info("waiting up to %g s for the warehouse, held by %s", conf.lock_wait_seconds, holder(conf))
    except lake.Unreachable as refusal:
        log.info("waiting up to %g s: %s", conf.lock_wait_seconds, str(refusal).split(";", 1)[0])
    if not lease.is_locked:
        try:
            lease.acquire(timeout=conf.lock_wait_seconds, poll_interval=0.1)
        except Timeout:
            raise Refused(
                f"the warehouse {conf.place} is held by {holder(conf)}; waited "
                f"{conf.lock_wait_seconds:g} s; run again when it has ended, or raise "
                "NIGHTLEDGER_LOCK_WAIT_SECONDS"
            ) from None
    return lease


def say(conf: Settings, purpose: str) -> None:
    """Leave for those who wait what the lease is taken for."""
    _file(conf).write_text(
        json.dumps(
            {
                "purpose": purpose,
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": f"{conf.local_now():%Y-%m-%d %H:%M:%S}",
            }
        )
    )


def release(conf: Settings, lease: Lock) -> None:
    """Give the lease back."""
    _file(conf).unlink(missing_ok=True)
    lease.release()


def holder(conf: Settings) -> str:
    """Return what the process that has the lease does, its number and its host."""
    # it may be between taking the lock and writing its name
    try:
        told = json.loads(_file(conf).read_text())
        return f"'{told['purpose']}' (pid {told['pid']} on {told['host']}, since {told['since']})"
    except (OSError, ValueError, KeyError):
        return "another process that has not said its name yet"


def _file(conf: Settings) -> Path:
    return conf.lock_file.with_suffix(".holder.json")
