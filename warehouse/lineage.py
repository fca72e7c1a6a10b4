"""Read lineage from the SQL files themselves, so that it cannot disagree with what runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import duckdb
import sqlglot
from sqlglot import exp

from warehouse import sql
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.sql import SqlFile


@dataclass(frozen=True, order=True)
class Edge:
    """One input of a relation: `relation` reads `input`, as `sql_file` shows."""

    relation: str
    input: str
    sql_file: str


def parsed() -> tuple[Edge, ...]:
    """Return every input that sqlglot finds in the SQL files.

    Raises:
        Refused: naming the file, when it does not parse or names a relation without `wh.<schema>.`.
    """
    return tuple(
        sorted(Edge(file.relation, source, _shown(file)) for file in _files() for source in inputs_of(file))
    )


@lru_cache(maxsize=256)
def inputs_of(file: SqlFile) -> tuple[str, ...]:
    """Return the relations that the statements of one file read, sorted.

    Raises:
        Refused: as `parsed`.
    """
    try:
        parsed_statements = sqlglot.parse(file.text, dialect="duckdb")
    except sqlglot.ParseError as error:
        raise Refused(f"{file.path}: sqlglot cannot read the SQL: {error}") from error
    relations: set[str] = set()
    for statement in filter(None, parsed_statements):
        local = {expression.alias_or_name.lower() for expression in statement.find_all(exp.CTE)}
        for table in statement.find_all(exp.Table):
            if isinstance(table.this, exp.Func) or (not table.db and table.name.lower() in local):
                continue
            if table.catalog != "wh" or not table.db:
                raise Refused(
                    f"{file.path}: '{table.sql(dialect='duckdb')}' must be spelled wh.<schema>.<relation>"
                )
            relations.add(f"{table.db}.{table.name}")
    return tuple(sorted(relations))


def record(con: duckdb.DuckDBPyConnection) -> int:
    """Replace ops.lineage by what the files say now, and return the number of edges."""
    edges = parsed()
    with transaction(con):
        con.execute("delete from wh.ops.lineage")
        if edges:
            con.executemany(
                "insert into wh.ops.lineage (relation, input, sql_file) values (?, ?, ?)",
                [[edge.relation, edge.input, edge.sql_file] for edge in edges],
            )
    return len(edges)


def _files() -> tuple[SqlFile, ...]:
    return tuple(file for schema in sql.SCHEMAS for file in sql.catalogue(schema))


def _shown(file: SqlFile) -> str:
    return str(Path("sql") / file.path.relative_to(sql.SQL_DIR))
