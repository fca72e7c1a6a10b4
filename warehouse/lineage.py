"""Record which relation reads which: what the heads of the SQL files name, as long as it is what their text reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse import sql
from warehouse.connection import transaction
from warehouse.errors import Refused

_COMMENT = re.compile(r"--[^\n]*")
_READ = re.compile(r"\bwh\.([a-z_]+\.\w+)\b(?!\()")  # a macro is called, not read


@dataclass(frozen=True, order=True)
class Edge:
    """One input of a relation: `relation` reads `input`, as `sql_file` shows."""

    relation: str
    input: str
    sql_file: str


def edges() -> tuple[Edge, ...]:
    """Return every input of every SQL file, sorted.

    Raises:
        Refused: naming the file, when its head does not name the same inputs as its text.
    """
    found = []
    for file in (file for schema in sql.SCHEMAS for file in sql.catalogue(schema)):
        if differing := set(file.inputs) ^ set(_READ.findall(_COMMENT.sub("", file.text))):
            raise Refused(
                f"{file.path}: the head's inputs and the text differ in {', '.join(sorted(differing))}; "
                "name in the head what the text reads as wh.<schema>.<relation>"
            )
        shown = str(Path("sql") / file.path.relative_to(sql.SQL_DIR))
        found += [Edge(file.relation, source, shown) for source in file.inputs]
    return tuple(sorted(found))


def record(con: duckdb.DuckDBPyConnection) -> int:
    """Make ops.lineage what the files say now, and return the number of edges."""
    now = edges()
    stored = con.execute("select relation, input, sql_file from wh.ops.lineage order by all").fetchall()
    if [Edge(*row) for row in stored] == list(now):
        return len(now)
    with transaction(con):
        con.execute("delete from wh.ops.lineage")
        if now:
            con.executemany(
                "insert into wh.ops.lineage (relation, input, sql_file) values (?, ?, ?)",
                [[edge.relation, edge.input, edge.sql_file] for edge in now],
            )
    return len(now)
