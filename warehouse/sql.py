"""Read and run the SQL files: one relation a file, with a head that machines read.

A file is a Jinja template, rendered when it is read. It can loop over `windows` and `day_windows` (the days of those
windows that have a number of days), so that the text of a window is written once, and over the `inputs` and `columns`
of its head, and include another file by its path in the folder. `python -m warehouse.sql features.feat_transactions`
prints the SQL that runs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import polars as pl

from warehouse.errors import Refused
from warehouse.sql_head import DAYS, LOOKBACK, WINDOWS, Inherit, SqlColumn, names_in, pairs_in, read_head

SQL_DIR = Path(__file__).resolve().parent.parent / "sql"
SCHEMAS = ("staging", "ops", "features", "scores", "marts", "macros", "audits")

_NAME = re.compile(r"^[a-z_]+\.[a-z0-9_]+$")
_RELATION_NEEDS = ("relation", "grain", "key", "time", "inputs", "parameters")
_AUDIT_NEEDS = ("audit", "grain", "inputs", "parameters")


_JINJA = jinja2.Environment(
    loader=jinja2.FunctionLoader(lambda path: (SQL_DIR / path).read_text()),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # noqa: S701  (SQL from files of the repo, no HTML; values are bound)
)


@dataclass(frozen=True)
class SqlFile:
    """One file of sql/: what its head declares, and its text as it runs."""

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
    """Read and render the file of `schema.name` (audits: `audits.assert_x`).

    Raises:
        Refused: naming the file, and the line where there is one, when it is missing, its head is wrong or it
            cannot be rendered.
    """
    return _load(relation, ())


def declared_columns(relation: str) -> tuple[str, ...]:
    """Return the names of the columns that the head of a relation declares, in its order."""
    return tuple(column.name for column in load(relation).columns)


def keep(relation: str, folder: Path) -> Path:
    """Write the SQL that runs for a relation into the folder, and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{relation}.sql"
    path.write_text(load(relation).text + "\n")
    return path


def catalogue(schema: str = "features") -> tuple[SqlFile, ...]:
    """Load every file of one schema, by name."""
    return tuple(load(f"{schema}.{path.stem}") for path in sorted((SQL_DIR / schema).glob("*.sql")))


def in_order(files: Sequence[SqlFile]) -> tuple[SqlFile, ...]:
    """Return the files so that each comes after those of its inputs that are among them.

    A file of sql/scores may read its own relation: its partitions of earlier nights, in a table of a migration.

    Raises:
        Refused: when they refer to one another in a circle.
    """
    by_relation = {file.relation: file for file in files}
    inputs = {
        name: [
            source
            for source in file.inputs
            if source in by_relation and (source != name or not name.startswith("scores."))
        ]
        for name, file in by_relation.items()
    }
    try:
        return tuple(by_relation[name] for name in TopologicalSorter(inputs).static_order())
    except CycleError as error:
        raise Refused(
            f"files of sql refer to one another in a circle: {' <- '.join(error.args[1])}"
        ) from error


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
    """Return the SQL of a relation name, or the text itself."""
    return load(name_or_sql).text if _NAME.match(name_or_sql) else name_or_sql


def quoted(value: str | Path) -> str:
    """Return the value as a SQL string literal, for the few statements that take no bound parameter."""
    return "'" + str(value).replace("'", "''") + "'"


def bind(names: set[str], params: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Pick the parameters that a statement names out of those given.

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
    return [
        (statement, bind(set(statement.named_parameters), params, where=where)) for statement in statements
    ]


def _load(relation: str, heirs: tuple[str, ...]) -> SqlFile:
    if not _NAME.match(relation):
        raise Refused(f"{relation!r} is not a relation name, give it as schema.name")
    if relation in heirs:
        raise Refused(f"heads inherit from one another in a circle: {', '.join((*heirs, relation))}")
    schema, name = relation.split(".")
    path = SQL_DIR / schema / f"{name}.sql"
    try:
        file, lines = _parse(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise Refused(f"there is no file {path} for the relation {relation}") from None
    columns = _resolved(file, lines, (*heirs, relation))
    text = _rendered(path, file.text, file.inputs, tuple(column.name for column in columns))
    return replace(file, columns=columns, text=text)


def _resolved(
    file: SqlFile, lines: Sequence[tuple[int, SqlColumn | Inherit]], heirs: tuple[str, ...]
) -> tuple[SqlColumn, ...]:
    """Return the columns in the order of the head; `inherit ...: all` leaves out those that stand above it."""
    columns: dict[str, SqlColumn] = {}
    for number, line in lines:
        fresh: Sequence[SqlColumn] = [line] if isinstance(line, SqlColumn) else []
        if isinstance(line, Inherit):
            try:
                fresh = _inherited(file, line, heirs)
            except Refused as error:
                raise Refused(f"{file.path}:{number}: {error}") from error
            if line.names == ("all",):
                fresh = [column for column in fresh if column.name not in columns]
        for column in fresh:
            if column.name in columns:
                raise Refused(f"{file.path}:{number}: the column {column.name} is declared twice")
            columns[column.name] = column
    return tuple(columns.values())


def _inherited(file: SqlFile, line: Inherit, heirs: tuple[str, ...]) -> list[SqlColumn]:
    if line.relation not in file.inputs:
        raise Refused(f"only an input's columns can be inherited, and {line.relation} is none of the inputs")
    by_name = {column.name: column for column in _load(line.relation, heirs).columns}
    names = by_name if line.names == ("all",) else line.names
    if unknown := [name for name in names if name not in by_name]:
        raise Refused(f"{line.relation} has no column {', '.join(unknown)}")
    return [by_name[name] for name in names]


@lru_cache(maxsize=512)
def _parse(path: Path, _changed: int) -> tuple[SqlFile, tuple[tuple[int, SqlColumn | Inherit], ...]]:
    """Read one file, not yet rendered, and its column lines, whose inheritance is not yet resolved."""
    text = path.read_text()
    fields, lines = read_head(path, text)
    is_audit = path.parent.name == "audits"
    for name in _AUDIT_NEEDS if is_audit else _RELATION_NEEDS:
        if name not in fields:
            raise Refused(f"{path}:1: the head lacks the line '-- {name}: ...'")
    declared = f"audits.{fields['audit']}" if is_audit else fields["relation"]
    if declared != f"{path.parent.name}.{path.stem}":
        raise Refused(
            f"{path}:1: the head declares {declared}, the file stands for {path.parent.name}.{path.stem}"
        )
    if not is_audit and not lines:
        raise Refused(f"{path}:1: the head lacks '-- column NAME: [group] unit; meaning' lines")
    file = SqlFile(
        relation=declared,
        grain=fields["grain"],
        key=names_in(fields.get("key", "")),
        time=fields.get("time", ""),
        inputs=names_in(fields["inputs"]),
        parameters=names_in(fields["parameters"]),
        columns=(),
        text=text,
        path=path,
        defaults=pairs_in(fields.get("defaults", "")),
    )
    return file, tuple(lines)


@lru_cache(maxsize=512)
def _rendered(path: Path, text: str, inputs: tuple[str, ...], columns: tuple[str, ...]) -> str:
    try:
        rendered = _JINJA.from_string(text).render(
            inputs=inputs, columns=columns, windows=WINDOWS, day_windows=DAYS, lookback=LOOKBACK
        )
    except jinja2.TemplateSyntaxError as error:
        raise Refused(f"{path}:{error.lineno}: {error.message}") from error
    except jinja2.TemplateError as error:
        raise Refused(f"{path}: the file cannot be rendered: {error}") from error
    return rendered.strip().rstrip(";").rstrip()


def main(arguments: Sequence[str]) -> int:
    """Print the SQL that runs for one relation or audit."""
    if len(arguments) != 1:
        sys.stderr.write(
            "name one relation or audit, such as: python -m warehouse.sql features.feat_transactions\n"
        )
        return 2
    try:
        sys.stdout.write(load(arguments[0]).text + "\n")
    except Refused as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
