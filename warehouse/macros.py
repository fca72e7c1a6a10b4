"""Create the marts that take parameters: each file of sql/macros becomes a table macro of the published copy.

The file is written like any other relation, with `$name` for a parameter; the macro has the same name without
the `$`. So no parameter may have the name of a column that its file reads: the macro would take the column for it.
"""

from __future__ import annotations

import re

import duckdb

from warehouse import sql
from warehouse.sql import SqlFile

_CATALOGUE = re.compile(r"\bwh\.(?=[a-z_]+\.[a-z_0-9]+)")
_PARAMETER = re.compile(r"\$([a-z_]+)")


def create(con: duckdb.DuckDBPyConnection, database: str) -> int:
    """Create or renew every macro whose inputs the catalogue holds, and return how many.

    Args:
        con: a writer's cursor.
        database: the attached catalogue, such as the copy that is being built.
    """
    present = {
        f"{schema}.{name}"
        for schema, name in con.execute(
            "select distinct schema_name, table_name from duckdb_columns() where database_name = ?",
            [database],
        ).fetchall()
    }
    files = [file for file in sql.catalogue("macros") if present.issuperset(file.inputs)]
    database_before = con.execute("select current_database()").fetchone()
    # the body names no catalogue, so that it holds under whatever name a reader attaches the file
    con.execute(f"use {database}")
    try:
        for file in files:
            con.execute(definition(file))
    finally:
        con.execute(f"use {(database_before or ('memory',))[0]}")
    return len(files)


def definition(file: SqlFile) -> str:
    """Return the statement that creates the macro of one file.

    Example:
        `create or replace macro marts.expected_loss(lgd := null, ead_factor := 1.0) as table select ...`
    """
    defaults = dict(file.defaults)
    parameters = ", ".join(
        f"{name} := {defaults[name]}" if name in defaults else name for name in file.parameters
    )
    body = _PARAMETER.sub(r"\1", _CATALOGUE.sub("", file.text))
    return f"create or replace macro marts.{file.relation.split('.')[1]}({parameters}) as table\n{body}"
