"""Write the warehouse file anew, so that no byte of a removed value is left in it.

DuckDB keeps the blocks of removed values for later use, with their bytes; other values may share such a block, so that
writing over the free ones is not enough. A copy holds what can be queried and nothing else.
"""

from __future__ import annotations

from contextlib import suppress

import duckdb

from warehouse.connection import in_file_order
from warehouse.errors import Refused
from warehouse.settings import settings
from warehouse.sql import quoted


def rewrite(con: duckdb.DuckDBPyConnection) -> int:
    """Put a copy of the warehouse in its place, with all tables, views, macros and comments; return its bytes.

    Needs as much free disk as the warehouse takes. Killed at any point it leaves the old file or the new one.

    Args:
        con: a writer's cursor; no other cursor of the process may be in a transaction.

    Raises:
        Refused: when the log of the warehouse cannot be emptied, since removed values may be in it.
    """
    file = settings().warehouse_file
    log, fresh = file.with_name(f"{file.name}.wal"), file.with_name(f"{file.name}.rewrite")
    try:
        fresh.unlink(missing_ok=True)
        con.execute(f"attach {quoted(fresh)} as rewritten")
        try:
            with in_file_order(con):
                con.execute("copy from database wh to rewritten")
            con.execute("checkpoint rewritten")
        finally:
            con.execute("detach rewritten")
        con.execute("checkpoint wh")
        con.execute("detach wh")
        try:
            if log.exists():
                raise Refused(f"{log} is still there and may hold what was removed; run forget again")
            fresh.replace(file)
        finally:
            con.execute(f"attach {quoted(file)} as wh")
    finally:
        for leftover in (fresh, fresh.with_name(f"{fresh.name}.wal")):
            with suppress(FileNotFoundError):
                leftover.unlink()
    return file.stat().st_size
