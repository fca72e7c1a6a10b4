"""Views follow their files: whoever opens the warehouse to write renews them.

Those of staging are always there. A file of sql/features without parameters is a view of the other feature
relations, which are tables that a night creates: it is there as soon as they are.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import duckdb

from warehouse import sql
from warehouse.errors import Refused


def create_views(con: duckdb.DuckDBPyConnection) -> int:
    """Create or renew every view whose inputs are there, inputs first, and return how many.

    Raises:
        Refused: when a file takes parameters (a view cannot) or views refer to one another in a circle.
    """
    views = {file.relation: file for file in sql.catalogue("staging")}
    for file in views.values():
        if file.parameters:
            raise Refused(
                f"{file.path}: a staging view cannot take parameters ({', '.join(file.parameters)})"
            )
    try:
        order = tuple(
            TopologicalSorter(
                {name: [one for one in file.inputs if one in views] for name, file in views.items()}
            ).static_order()
        )
    except CycleError as error:
        raise Refused(f"sql/staging: views refer to one another in a circle: {error.args[1]}") from error
    con.execute("begin transaction")
    for name in order:
        con.execute(f"create or replace view wh.{name} as\n{views[name].text}")
        con.execute(f"comment on view wh.{name} is {sql.quoted(views[name].grain)}")
    held = {
        f"features.{name}"
        for (name,) in con.execute(
            "select table_name from duckdb_tables() where database_name = 'wh' and schema_name = 'features'"
        ).fetchall()
    }
    wide = [
        file.relation
        for file in sql.catalogue("features")
        if not file.parameters and file.inputs and held.issuperset(file.inputs)
    ]
    for name in wide:
        renew_view(con, name)
    con.execute("commit")
    return len(order) + len(wide)


def renew_view(con: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Create or renew the view of one file in sql/features, with the comments of its head."""
    file = sql.load(relation)
    con.execute(f"create or replace view wh.{relation} as\n{file.text}")
    con.execute(f"comment on view wh.{relation} is {sql.quoted(file.grain)}")
    for column in file.columns:
        con.execute(f'comment on column wh.{relation}."{column.name}" is {sql.quoted(column.comment)}')
