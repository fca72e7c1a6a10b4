"""Open the warehouse file: make it whole where there is none, wait for another program, say why it does not open."""

from __future__ import annotations

import logging
import re
import secrets
import time

import duckdb

from warehouse import lake
from warehouse.errors import Refused
from warehouse.leftovers import NEW_WAREHOUSE
from warehouse.settings import Settings
from warehouse.shortage import RESTORE, is_damage, is_full
from warehouse.sql import quoted

log = logging.getLogger("nightledger.warehouse")

_SECONDS_BETWEEN_TRIES = 0.2
_HOLDER = re.compile(r"lock is held in (.+?) \(PID (\d+)\)")


def attach(con: duckdb.DuckDBPyConnection, conf: Settings, *, deadline: float) -> None:
    """Attach the warehouse as the catalogue `wh`; while another program has its file open, wait until the deadline.

    Args:
        con: an instance with nothing attached; its process holds the lease.
        conf: the settings.
        deadline: until when to try again, as time.monotonic() tells time.

    Raises:
        Refused: saying why the warehouse does not open and what to do about it.
    """
    if conf.catalogue is not None:
        if conf.warehouse_file.exists():
            raise Refused(
                f"NIGHTLEDGER_CATALOGUE names a lake, but {conf.warehouse_file} is a warehouse too; a home has one of "
                "both: use another NIGHTLEDGER_HOME"
            )
        lake.attach(con, conf)
        return
    if not conf.warehouse_file.exists():
        _make(con, conf)
    waiting = False
    while True:
        try:
            con.execute(f"attach {quoted(conf.warehouse_file)} as wh")
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            if is_full(error) or isinstance(error, duckdb.OutOfMemoryException):
                raise
            if not _is_locked(reason) or time.monotonic() >= deadline:
                raise refusal(conf, str(error)) from error
            if not waiting:
                log.info("waiting up to %g s for %s", deadline - time.monotonic(), _holder(conf, reason))
            waiting = True
            time.sleep(_SECONDS_BETWEEN_TRIES)
        else:
            return


def refusal(conf: Settings, message: str) -> Refused:
    """Return why the warehouse file does not open, with the advice that follows from DuckDB's message."""
    reason = message.splitlines()[0]
    if _is_locked(reason):
        return Refused(
            f"{_holder(conf, reason)}; waited {conf.lock_wait_seconds:g} s; close the program that has it open, or "
            "raise NIGHTLEDGER_LOCK_WAIT_SECONDS; analysts read the published copy instead"
        )
    if "newer version of DuckDB" in message:
        advice = f"install the version of Nightledger that wrote it, or restore a backup ({RESTORE})"
    elif is_damage(message):
        advice = (
            f"the file is damaged: keep it aside and restore a backup ({RESTORE}); "
            "analysts read the published copy meanwhile"
        )
    elif "Is a directory" in reason:
        advice = f"move that folder away; if the warehouse is gone, restore a backup ({RESTORE})"
    else:
        advice = "see that it is a file which this user may read and write"
    return Refused(f"cannot open {conf.warehouse_file}: {reason}; {advice}")


def _make(con: duckdb.DuckDBPyConnection, conf: Settings) -> None:
    """Make an empty warehouse under another name first, since DuckDB does not open a file that a full disk cut off.

    Raises:
        Refused: when there was a warehouse here, as what lies beside it shows.
    """
    log_file = conf.warehouse_file.with_name(conf.warehouse_file.name + ".wal")
    for path in (conf.published_file, log_file):
        if path.exists():
            raise Refused(
                f"{conf.warehouse_file} is gone, but {path} is there (a volume that is not mounted?): bring the "
                f"file back, restore a backup ({RESTORE}), or, to begin anew, move "
                f"{path.relative_to(conf.home).parts[0]} away"
            )
    new = conf.home / f"{NEW_WAREHOUSE}{secrets.token_hex(3)}.duckdb"
    con.execute(f"attach {quoted(new)} as new_warehouse")
    con.execute("detach new_warehouse")
    new.replace(conf.warehouse_file)


def _is_locked(reason: str) -> bool:
    return "Could not set lock" in reason or "used by another process" in reason


def _holder(conf: Settings, reason: str) -> str:
    found = _HOLDER.search(reason)
    program = f"{found[1]} (pid {found[2]})" if found else "another program"
    return f"the warehouse {conf.warehouse_file} is open in {program}"
