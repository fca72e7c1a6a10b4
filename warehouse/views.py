"""Create the views from their files; they are renewed when another program opens the warehouse.

The views of staging and ops are always there. A file of sql/features without parameters is a view of the other feature
relations: it is created once a night has created their tables. One of sql/marts is created with the marts.
"""

from __future__ import annotations

import duckdb

from warehouse import lake, sql
from warehouse.errors import Refused


def create_views(con: duckdb.DuckDBPyConnection) -> int:
    """Create or renew every view whose inputs are there, inputs first, and return how many.

    Raises:
        Refused: when a file takes parameters (a view cannot) or views refer to one another in a circle.
    """
    staging, ops = sql.in_order(sql.catalogue("staging")), sql.catalogue("ops")
    for file in (*staging, *ops):
        if file.parameters:
            raise Refused(f"{file.path}: a view cannot take parameters ({', '.join(file.parameters)})")
    con.execute("begin transaction")
    for file in staging:
        con.execute(f"create or replace view wh.{file.relation} as\n{file.text}")
        con.execute(f"comment on view wh.{file.relation} is {sql.quoted(file.grain)}")
    present = {
        f"features.{name}"
        for (name,) in con.execute(
            "select table_name from duckdb_tables() where database_name = 'wh' and schema_name = 'features'"
        ).fetchall()
    }
    wide = [
        file.relation
        for file in sql.catalogue("features")
        if not file.parameters and file.inputs and present.issuperset(file.inputs)
    ]
    published = [*(file.relation for file in ops), *wide]
    for name in published:
        renew_view(con, name)
    con.execute("commit")
    return len(staging) + len(published)


def renew_view(con: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Create or renew the view of one file, with the comments of its head."""
    file = sql.load(relation)
    con.execute(f"create or replace view wh.{relation} as\n{file.text}")
    con.execute(f"comment on view wh.{relation} is {sql.quoted(file.grain)}")
    if lake.is_lake(con):  # it keeps no comments on the columns of a view
        return
    for column in file.columns:
        con.execute(f'comment on column wh.{relation}."{column.name}" is {sql.quoted(column.comment)}')
