"""Create tables from a declaration, not a migration, and add the columns that the declaration gains later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse.errors import Refused
from warehouse.sql import SqlFile, quoted

Shape = dict[str, str]
"""Type of each column, by name, in the order of the table."""


@dataclass(frozen=True)
class TableColumn:
    """Type and comment of one column; a required one is never null."""

    type: str
    comment: str
    required: bool = False


def shapes(con: duckdb.DuckDBPyConnection, schema: str) -> dict[str, Shape]:
    """Return the columns of every table and view of one schema of `wh`, by relation."""
    rows = con.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = 'wh' and schema_name = ? order by 1, column_index",
        [schema],
    ).fetchall()
    by_relation: dict[str, Shape] = {}
    for relation, column, kind in rows:
        by_relation.setdefault(relation, {})[column] = kind
    return by_relation


def comments(con: duckdb.DuckDBPyConnection, schema: str) -> dict[tuple[str, str], str | None]:
    """Return the comments of one schema of `wh`, by relation and column; that of a relation has the column ''."""
    rows = con.execute(
        "select schema_name || '.' || table_name, column_name, comment from duckdb_columns() "
        "where database_name = 'wh' and schema_name = $schema union all "
        "select schema_name || '.' || table_name, '', comment from duckdb_tables() "
        "where database_name = 'wh' and schema_name = $schema",
        {"schema": schema},
    ).fetchall()
    return {(relation, column): comment for relation, column, comment in rows}


def selected(con: duckdb.DuckDBPyConnection, file: SqlFile, params: Mapping[str, Any] | None = None) -> Shape:
    """Return the columns that the select of a file yields; a parameter that is not given counts as null."""
    bound = dict.fromkeys(file.parameters) if params is None else dict(params)
    rows = con.execute(f"describe {file.text}", bound) if bound else con.execute(f"describe {file.text}")
    return {name: kind for name, kind, *_ in rows.fetchall()}


def fit_file(con: duckdb.DuckDBPyConnection, file: SqlFile, wanted: Shape, present: Shape | None) -> None:
    """Create or widen the table of a file: types from its select, comments from its head.

    Args:
        con: a writer's cursor.
        file: file of the relation.
        wanted: what its select yields.
        present: the columns that the table has; None where there is no table yet.

    Raises:
        Refused: when head and select disagree, and as `fit`.
    """
    declared = {column.name: column.comment for column in file.columns}
    if set(declared) != set(wanted):
        only_in_head, only_in_select = (sorted({*declared} - {*wanted}), sorted({*wanted} - {*declared}))
        raise Refused(
            f"{file.path}: head and select disagree; only in the head: {', '.join(only_in_head) or 'none'}; "
            f"only in the select: {', '.join(only_in_select) or 'none'}"
        )
    columns = {name: TableColumn(kind, declared[name]) for name, kind in wanted.items()}
    fit(con, file.relation, present=present, columns=columns, about=file.grain, declared_in=file.path)


def fit(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    *,
    present: Mapping[str, str] | None,
    columns: Mapping[str, TableColumn],
    about: str,
    declared_in: str | Path,
) -> None:
    """Create the table `wh.<relation>`, or add the columns that its declaration gained.

    Args:
        con: a writer's cursor.
        relation: such as `raw.transactions`.
        present: the columns that the table has; None where there is no table yet.
        columns: the columns that the table must have, in order.
        about: comment of the table.
        declared_in: file that a refusal names.

    Raises:
        Refused: when a column vanished from the declaration or changed its type.
    """
    if present is None:
        spelled = ", ".join(
            f'"{name}" {column.type}{" not null" if column.required else ""}'
            for name, column in columns.items()
        )
        con.execute(f"create table wh.{relation} ({spelled})")
        con.execute(f"comment on table wh.{relation} is {quoted(about)}")
        fresh = list(columns)
    else:
        _check_shape(relation, present, columns, declared_in)
        fresh = [name for name in columns if name not in present]
        for name in fresh:
            con.execute(f'alter table wh.{relation} add column "{name}" {columns[name].type}')
    for name in fresh:
        con.execute(f'comment on column wh.{relation}."{name}" is {quoted(columns[name].comment)}')


def _check_shape(
    relation: str, present: Mapping[str, str], columns: Mapping[str, TableColumn], declared_in: str | Path
) -> None:
    gone = sorted(set(present) - set(columns))
    if gone:
        raise Refused(
            f"{declared_in}: the column(s) {', '.join(gone)} of wh.{relation} vanished from the declaration; "
            "keep them (a select: as null) or drop them in a migration in sql/ddl"
        )
    for name, column in columns.items():
        if name in present and present[name] != column.type.upper():
            raise Refused(
                f"{declared_in}: the column {name} of wh.{relation} is {present[name]}, declared is now "
                f"{column.type.upper()}; cast it back or change the table in a migration in sql/ddl"
            )
