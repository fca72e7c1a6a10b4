"""Read every block of the warehouse, so that damage is found before the block is needed."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

NO_DAMAGE = (duckdb.InterruptException, duckdb.OutOfMemoryException)
"""Errors of reading that say nothing of the file."""


def read_tables(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, int | duckdb.Error]]:
    """Read every table of `wh`, and yield each with the number of its rows or the error that it cannot be read for.

    The hash of a row needs all of its columns, so DuckDB reads every block and compares it with its checksum.
    """
    relations = con.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'wh' order by all"
    ).fetchall()
    for schema, table in relations:
        try:
            counted = con.execute(
                f'select count(*), bit_xor(hash(t)) from wh."{schema}"."{table}" as t'
            ).fetchone()
        except NO_DAMAGE:
            raise
        except duckdb.Error as error:
            yield f"{schema}.{table}", error
        else:
            yield f"{schema}.{table}", counted[0] if counted else 0
