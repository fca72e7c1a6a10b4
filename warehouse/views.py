"""Staging views follow their files: whoever opens the warehouse to write renews them."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import duckdb

from warehouse import sql
from warehouse.errors import Refused


def create_views(con: duckdb.DuckDBPyConnection) -> int:
    """Create or renew the view of every file in sql/staging, inputs first, and return how many.

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
    con.execute("commit")
    return len(order)
