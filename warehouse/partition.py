"""Rebuild derived tables a partition at a time, so that the same run twice leaves the same rows once."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from warehouse import sql, tables
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.sql import SqlFile
from warehouse.tables import Shape

# two threads that create the same table at once would conflict in the catalogue
_shape_guard = threading.RLock()


def replace_partition(con: duckdb.DuckDBPyConnection, relation: str, params: Mapping[str, Any]) -> int:
    """Replace the partition that `params` name by what the relation's file selects, whole or not at all.

    The partition columns are those of the file's key that are parameters of it. The table is created on first
    use and gains columns that the file gained. Inside an open transaction it joins that one.

    Args:
        con: a writer's cursor.
        relation: such as `features.feat_transactions`.
        params: at least the parameters that the head declares.

    Returns:
        The number of rows of the new partition.

    Raises:
        Refused: when head and select disagree, when a column vanished or changed its type, or when the select
            yields rows of another partition.
    """
    file = sql.load(relation)
    statement = _only_statement(con, file)
    bound = sql.bind(set(statement.named_parameters), params, where=relation)
    if not file.partition:
        raise Refused(
            f"{file.path}: no column of its key is a parameter, so a run has no partition to replace"
        )
    keys = sql.bind(set(file.partition), params, where=relation)
    fit(con, file, tables.selected(con, file, bound))
    return _replace(con, file, f"(\n{file.text}\n)", keys, bound)


def fit(con: duckdb.DuckDBPyConnection, file: SqlFile, wanted: Shape) -> None:
    """Create or widen the table of a file, whose select yields the columns `wanted`."""
    with _shape_guard:
        present = tables.shapes(con, file.relation.split(".", maxsplit=1)[0]).get(file.relation)
        tables.fit_file(con, file, wanted, present)


def _replace(
    con: duckdb.DuckDBPyConnection,
    file: SqlFile,
    source: str,
    keys: Mapping[str, Any],
    bound: Mapping[str, Any],
) -> int:
    """Replace a partition by rows in the order of the key, of which a range can then be read without the others."""
    condition = " and ".join(f"{name} = ${name}" for name in file.partition)
    with transaction(con):
        con.execute(f"delete from wh.{file.relation} where {condition}", keys)
        statement = f"insert into wh.{file.relation} by name select * from {source} order by {order_of(file)}"
        written = (con.execute(statement, bound) if bound else con.execute(statement)).fetchone()
        stored = con.execute(f"select count(*) from wh.{file.relation} where {condition}", keys).fetchone()
        inserted, inside = (written or (0,))[0], (stored or (0,))[0]
        if inserted != inside:
            raise Refused(outside(file, keys, inserted - inside, of=inserted))
    return int(inserted)


def order_of(file: SqlFile) -> str:
    """Return the columns in whose order the rows of a partition are stored: the rest of the key."""
    return ", ".join(name for name in file.key if name not in file.partition) or "all"


def outside(file: SqlFile, keys: Mapping[str, Any], rows: int, *, of: int) -> str:
    """Return in one line that a file selects rows of another partition, and what to do."""
    return (
        f"{file.path}: {rows} of {of} rows lie outside the partition {_shown(keys)}; "
        f"select the parameters themselves as {', '.join(file.partition)}"
    )


def clear_partition(con: duckdb.DuckDBPyConnection, relation: str, params: Mapping[str, Any]) -> None:
    """Delete the partition that `params` name if the relation has been created."""
    file = sql.load(relation)
    if _exists(con, file):
        keys = sql.bind(set(file.partition), params, where=relation)
        condition = " and ".join(f"{name} = ${name}" for name in file.partition)
        con.execute(f"delete from wh.{relation} where {condition}", keys)


def audit(con: duckdb.DuckDBPyConnection, names: str | Sequence[str], params: Mapping[str, Any]) -> None:
    """Refuse if an audit returns a row; an audit is a query for the rows that break its rule.

    Args:
        con: a writer's cursor, usually inside the transaction that the audits guard.
        names: one or several of the files in sql/audits, such as `assert_scores_unique`.
        params: at least the parameters that the audits name.

    Raises:
        Refused: naming the first audit that found something, how many rows, and the first three.
    """
    for name in [names] if isinstance(names, str) else names:
        file = sql.load(f"audits.{name}")
        result = sql.query(con, file.relation, params)
        header = [column[0] for column in result.description or []]
        rows = result.fetchall()
        if rows:
            first_rows = "; ".join(_shown(dict(zip(header, row, strict=True))) for row in rows[:3])
            raise Refused(
                f"audit {name}: {len(rows)} row(s) break the rule ({file.grain}); first: {first_rows}"
            )


def _only_statement(con: duckdb.DuckDBPyConnection, file: SqlFile) -> duckdb.Statement:
    statements = con.extract_statements(file.text)
    if len(statements) != 1:
        raise Refused(f"{file.path}: a relation is one select, the file holds {len(statements)} statements")
    return statements[0]


def _exists(con: duckdb.DuckDBPyConnection, file: SqlFile) -> bool:
    table = con.execute(
        "select 1 from duckdb_tables() where database_name = 'wh' and schema_name = ? and table_name = ?",
        file.relation.split("."),
    ).fetchone()
    return table is not None


def _shown(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
