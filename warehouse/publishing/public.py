"""Say what of the warehouse readers may see: nothing of raw or staging, nothing sensitive, nothing that still waits."""

from __future__ import annotations

import duckdb

from warehouse import sql
from warehouse.declared import WAITING
from warehouse.errors import Refused

SCHEMAS = ("marts", "scores", "ops", "features")
UNPUBLISHED = {"ops.quarantine": ("raw_text",), "ops.overrides": ("decided_by", "reason")}
"""By relation, the columns that may hold what people wrote, and stay in the warehouse (docs/decisions/0079)."""

OF_RUNS = ("marts.mart_stress",)
"""The marts that tell of runs alone, and not of a night: they are shown at once, as ops is."""

Columns = list[tuple[str, str, str | None]]
"""Name, type and comment of each column, in order."""
Shapes = dict[str, Columns]
"""Columns of each relation."""


def shapes(con: duckdb.DuckDBPyConnection, database: str) -> Shapes:
    """Return name, type and comment of the columns of each relation, in one query of the catalogue."""
    rows = con.execute(
        "select c.schema_name || '.' || c.table_name, c.column_name, c.data_type, c.comment "
        "from duckdb_columns() as c where c.database_name = $database and list_contains($schemas, c.schema_name) "
        "order by 1, c.column_index",
        {"database": database, "schemas": list(SCHEMAS)},
    ).fetchall()
    found: Shapes = {}
    for relation, name, kind, comment in rows:
        found.setdefault(relation, []).append((name, kind, comment))
    return found


def tells_of_runs(relation: str) -> bool:
    """Return whether readers see a relation as soon as a run has ended, whatever became of it."""
    return relation.startswith("ops.") or relation in OF_RUNS


def public_part(stored: Shapes) -> Shapes:
    """Return the relations and columns of some that readers may see."""
    return {name: _public(name, columns) for name, columns in stored.items() if _is_public(name)}


def _public(relation: str, columns: Columns) -> Columns:
    columns = [column for column in columns if column[0] not in UNPUBLISHED.get(relation, ())]
    if not relation.startswith("features."):
        return columns
    private = {column.name for column in sql.load(relation).columns if column.group == "sensitive"}
    return [column for column in columns if column[0] not in private]


def _is_public(relation: str) -> bool:
    """Return whether readers may see a relation: not if its file is gone, nor if it is all key and sensitive."""
    if relation in WAITING:  # not validated yet
        return False
    if not relation.startswith(("features.", "marts.")):
        return True
    try:
        groups = {column.group for column in sql.load(relation).columns}
    except Refused:
        return False
    return groups - {"key", "sensitive"} != set() or "sensitive" not in groups
