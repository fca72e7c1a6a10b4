"""The SQL files: one relation a file, a head that machines read, statements given only what they name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from warehouse.errors import Refused

SQL_DIR = Path(__file__).resolve().parent.parent / "sql"
SCHEMAS = ("staging", "features", "marts", "macros", "audits")

_NAME = re.compile(r"^[a-z_]+\.[a-z0-9_]+$")
_FIELD = re.compile(r"^-- ([a-z]+)(?: ([A-Za-z_][A-Za-z0-9_]*))?:\s*(.*)$")
_COLUMN = re.compile(r"^\[([a-z0-9_ /-]+)\]\s*(?:([^;]*);)?\s*(.*)$", re.DOTALL)
_SINGLE = ("relation", "audit", "grain", "key", "time", "inputs", "parameters", "defaults")
_RELATION_NEEDS = ("relation", "grain", "key", "time", "inputs", "parameters")
_AUDIT_NEEDS = ("audit", "grain", "inputs", "parameters")


@dataclass(frozen=True)
class SqlColumn:
    """One output column as its head line declares it; `unit` is empty where the line names none."""

    name: str
    group: str
    unit: str
    text: str

    @property
    def comment(self) -> str:
        """What the catalogue tells of the column."""
        return f"[{self.group}] {self.unit + '; ' if self.unit else ''}{self.text}"


@dataclass(frozen=True)
class SqlFile:
    """One file of sql/: what its head declares, and its text."""

    relation: str
    grain: str
    key: tuple[str, ...]
    time: str
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    columns: tuple[SqlColumn, ...]
    text: str
    path: Path
    defaults: tuple[tuple[str, str], ...] = ()

    @property
    def partition(self) -> tuple[str, ...]:
        """The key columns that are parameters too: together they name what one run replaces."""
        return tuple(name for name in self.key if name in self.parameters)


def load(relation: str) -> SqlFile:
    """Read the file of `schema.name` (audits: `audits.assert_x`).

    Raises:
        Refused: naming the file, and the line where there is one, when it is missing or its head is wrong.
    """
    if not _NAME.match(relation):
        raise Refused(f"{relation!r} is not a relation name, give it as schema.name")
    schema, name = relation.split(".")
    path = SQL_DIR / schema / f"{name}.sql"
    try:
        return _parse(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise Refused(f"there is no file {path} for the relation {relation}") from None


def catalogue(schema: str = "features") -> tuple[SqlFile, ...]:
    """Every file of one schema, by name."""
    return tuple(load(f"{schema}.{path.stem}") for path in sorted((SQL_DIR / schema).glob("*.sql")))


def query(
    con: duckdb.DuckDBPyConnection, name_or_sql: str, params: Mapping[str, Any] | None = None
) -> duckdb.DuckDBPyConnection:
    """Run a file (by relation name) or SQL text; each statement gets only the parameters that it names.

    Returns:
        The connection, holding the result of the last statement.

    Raises:
        Refused: when a statement names a parameter that was not given.
    """
    result = con
    for statement, bound in _statements(con, name_or_sql, params or {}):
        result = con.execute(statement, bound) if bound else con.execute(statement)
    return result


def frame(
    con: duckdb.DuckDBPyConnection, name_or_sql: str, params: Mapping[str, Any] | None = None
) -> pl.DataFrame:
    """Run a file or SQL text as `query` does and return the last result as a Polars frame."""
    statements = _statements(con, name_or_sql, params or {})
    for statement, bound in statements[:-1]:
        con.execute(statement, bound)
    statement, bound = statements[-1]
    # not con.sql(...).pl(): it lost the order of a query now and then, beyond one vector of rows
    return (con.execute(statement, bound) if bound else con.execute(statement)).pl()


def text_of(name_or_sql: str) -> str:
    """The SQL of a relation name, or the text itself."""
    return load(name_or_sql).text if _NAME.match(name_or_sql) else name_or_sql


def quoted(value: str | Path) -> str:
    """The value as a SQL string literal, for the few statements that take no bound parameter."""
    return "'" + str(value).replace("'", "''") + "'"


def bind(names: set[str], params: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """The parameters that a statement names, out of those given.

    Raises:
        Refused: naming those that are missing.
    """
    missing = sorted(names - set(params))
    if missing:
        raise Refused(
            f"{where} needs the parameter(s) {', '.join(missing)}, given: {', '.join(sorted(params))}"
        )
    return {name: params[name] for name in sorted(names)}


def _statements(
    con: duckdb.DuckDBPyConnection, name_or_sql: str, params: Mapping[str, Any]
) -> list[tuple[duckdb.Statement, dict[str, Any]]]:
    where = name_or_sql if _NAME.match(name_or_sql) else "the statement"
    statements = con.extract_statements(text_of(name_or_sql))
    if not statements:
        raise Refused(f"{where} holds no SQL statement")
    return [(one, bind(set(one.named_parameters), params, where=where)) for one in statements]


@lru_cache(maxsize=512)
def _parse(path: Path, _changed: int) -> SqlFile:
    text = path.read_text()
    fields, columns = _head(path, text)
    is_audit = path.parent.name == "audits"
    for name in _AUDIT_NEEDS if is_audit else _RELATION_NEEDS:
        if name not in fields:
            raise Refused(f"{path}:1: the head lacks the line '-- {name}: ...'")
    declared = f"audits.{fields['audit']}" if is_audit else fields["relation"]
    if declared != f"{path.parent.name}.{path.stem}":
        raise Refused(
            f"{path}:1: the head declares {declared}, the file stands for {path.parent.name}.{path.stem}"
        )
    if not is_audit and not columns:
        raise Refused(f"{path}:1: the head lacks '-- column NAME: [group] unit; meaning' lines")
    return SqlFile(
        relation=declared,
        grain=fields["grain"],
        key=_names(fields.get("key", "")),
        time=fields.get("time", ""),
        inputs=_names(fields["inputs"]),
        parameters=_names(fields["parameters"]),
        columns=tuple(columns),
        text=text.strip().rstrip(";").rstrip(),
        path=path,
        defaults=_pairs(fields.get("defaults", "")),
    )


def _names(value: str) -> tuple[str, ...]:
    named = tuple(part.strip().lstrip("$") for part in value.split(",") if part.strip())
    return () if named in {("none",), ("-",)} else named


def _pairs(value: str) -> tuple[tuple[str, str], ...]:
    parts = (part.split("=", 1) for part in value.split(",") if "=" in part)
    return tuple((name.strip(), given.strip()) for name, given in parts)


def _head(path: Path, text: str) -> tuple[dict[str, str], list[SqlColumn]]:
    """The head: the first comment lines reading `-- field: value`; indented ones continue the last."""
    entries: list[tuple[int, str, str | None, str]] = []
    ended = False
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("--"):
            break
        if line.startswith("--   ") and entries and not ended:
            start, field, name, value = entries[-1]
            entries[-1] = (start, field, name, f"{value} {line[2:].strip()}")
            continue
        matched = _FIELD.match(line)
        if matched is None or (ended and matched[1] not in (*_SINGLE, "column")):
            if not entries:
                raise Refused(
                    f"{path}:{number}: the file must begin with its head, '-- relation: schema.name'"
                )
            ended = True
            continue
        if ended:
            raise Refused(f"{path}:{number}: this head line comes after the head has ended; move it up")
        field, name, value = matched[1], matched[2], matched[3].strip()
        if (field == "column") != (name is not None) or (field != "column" and field not in _SINGLE):
            known = ", ".join(_SINGLE)
            raise Refused(f"{path}:{number}: the head knows {known} and 'column NAME', not '{field}'")
        entries.append((number, field, name, value))
    return _fields(path, entries), _columns(path, entries)


def _fields(path: Path, entries: list[tuple[int, str, str | None, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for number, field, _, value in entries:
        if not value:
            raise Refused(f"{path}:{number}: the head line '{field}' says nothing")
        if field == "column":
            continue
        if field in fields:
            raise Refused(f"{path}:{number}: the head line '{field}' is given twice")
        fields[field] = value
    return fields


def _columns(path: Path, entries: list[tuple[int, str, str | None, str]]) -> list[SqlColumn]:
    columns: dict[str, SqlColumn] = {}
    for number, field, name, value in entries:
        if field != "column" or name is None:
            continue
        if name in columns:
            raise Refused(f"{path}:{number}: the column {name} is declared twice")
        matched = _COLUMN.match(value)
        if matched is None or not matched[3].strip():
            raise Refused(f"{path}:{number}: a column line reads '-- column {name}: [group] unit; meaning'")
        columns[name] = SqlColumn(
            name=name, group=matched[1], unit=(matched[2] or "").strip(), text=matched[3].strip()
        )
    return list(columns.values())
