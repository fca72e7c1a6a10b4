"""Create what every warehouse holds from its first opening, as migrations, feeds and the files of sql/ declare it.

Tables of raw follow their feeds, tables in which scores wait follow the table that the scores belong to, and marts
follow their SQL files; migrations make all other tables, some of which files of sql/scores fill. Since everything is
there from the first opening, a query of a fresh warehouse returns no rows, not an error.
"""

from __future__ import annotations

from contextlib import closing
from functools import cache, lru_cache
from pathlib import Path

import duckdb

from warehouse import buckets, fingerprint, master_scale, migrations, normal, sql, tables, views
from warehouse.errors import Refused
from warehouse.intake.feeds import FEEDS
from warehouse.settings import settings
from warehouse.sql import SqlFile, quoted
from warehouse.tables import Shape, TableColumn

WAITING = {
    "scores.incoming_scores": "scores.portfolio_scores",
    "scores.incoming_contributions": "scores.contributions",
    "scores.incoming_curves": "scores.pd_curves",
}
"""Each table in which rows wait to be validated, and the table that they belong to."""

DECLARED = "ops.declared"


def bring_up(con: duckdb.DuckDBPyConnection) -> None:
    """Create everything in the attached catalogue `wh`, unless this very program did so last (docs/decisions/0108).

    Raises:
        Refused: as `create`.
    """
    if _created_by(con) != _program():
        create(con)


def create(con: duckdb.DuckDBPyConnection) -> None:
    """Bring the attached catalogue `wh` to this version: migrations, tables, views, marts and macros.

    Raises:
        Refused: when a migration, a feed or a file does not fit what the warehouse holds.
    """
    program = _program()
    migrations.pending(con)  # a program that is refused for them changes nothing
    # a program that dies half-way leaves no warehouse that passes for its own, or for that of the one before it
    if _created_by(con) is not None:
        con.execute(f"delete from wh.{DECLARED}")
    _create_inputs(con)
    con.execute("begin transaction")
    _create_marts(con)
    con.execute("commit")
    master_scale.create_macros(con)
    if DECLARED in tables.shapes(con, "ops"):  # not where earlier migrations are tried alone
        con.execute(f"insert into wh.{DECLARED} values (?, ?)", [program, settings().local_now()])


def _created_by(con: duckdb.DuckDBPyConnection) -> str | None:
    """Return the fingerprint of the program that created everything last; None where nobody came to the end."""
    try:
        row = con.execute(f"select fingerprint from wh.{DECLARED}").fetchone()
    except duckdb.CatalogException:  # a fresh warehouse, or one of before migration 0037
        return None
    return None if row is None else str(row[0])


def _program() -> str:
    """Return what decides on all that is created: DuckDB, this room, and the files of sql/ as they are now."""
    return f"{duckdb.__version__} {_room()} {fingerprint.of_folders(sql.SQL_DIR)}"


@cache
def _room() -> str:
    return fingerprint.of_folders(Path(__file__).resolve().parent)


def _create_inputs(con: duckdb.DuckDBPyConnection) -> None:
    """Create all that the files of features and marts may read."""
    migrations.migrate(con)
    normal.create_macros(con)
    con.execute("begin transaction")
    _fit_raw(con)
    _fit_waiting(con)
    buckets.add(con)
    con.execute("commit")
    views.create_views(con)


def _fit_raw(con: duckdb.DuckDBPyConnection) -> None:
    present = tables.shapes(con, "raw")
    for feed in FEEDS.values():
        relation = f"raw.{feed.name}"
        tables.fit(
            con,
            relation,
            present=present.get(relation),
            columns=feed.table_columns,
            about=feed.about,
            declared_in="warehouse/intake/feeds.py",
        )


def _fit_waiting(con: duckdb.DuckDBPyConnection) -> None:
    present, comments = tables.shapes(con, "scores"), tables.comments(con, "scores")
    for waiting, target in WAITING.items():
        tables.fit(
            con,
            waiting,
            present=present.get(waiting),
            columns={
                name: TableColumn(kind, comments[target, name] or "")
                for name, kind in present[target].items()
            },
            about=f"the rows of one night while they wait to be validated; same columns as {target}",
            declared_in="warehouse/declared.py",
        )


def _create_marts(con: duckdb.DuckDBPyConnection) -> None:
    """Create the marts that are not there yet, empty, and renew views and comments; a night renews columns and rows."""
    present = tables.shapes(con, "marts")
    marts = [mart for mart in sql.catalogue("marts") if mart.parameters]
    if any(mart.relation not in present for mart in marts):
        shapes = _selected((*sql.catalogue("features"), *marts))
        for mart in marts:
            if mart.relation not in present:
                tables.fit_file(con, mart, shapes[mart.relation], None)
    for mart in sql.catalogue("marts"):
        if not mart.parameters:
            views.renew_view(con, mart.relation)
    comments = {**tables.comments(con, "marts"), **tables.comments(con, "scores")}
    for file in (*marts, *sql.catalogue("scores")):
        if comments[file.relation, ""] != file.grain:
            con.execute(f"comment on table wh.{file.relation} is {quoted(file.grain)}")
        for column in file.columns:
            if comments.get((file.relation, column.name), column.comment) != column.comment:
                con.execute(
                    f'comment on column wh.{file.relation}."{column.name}" is {quoted(column.comment)}'
                )


@lru_cache(maxsize=4)
def _selected(files: tuple[SqlFile, ...]) -> dict[str, Shape]:
    """Return the columns that each file selects, found in an empty warehouse in memory.

    Raises:
        Refused: naming a file that cannot be read.
    """
    shapes: dict[str, Shape] = {}
    with closing(duckdb.connect()) as con:
        con.execute("attach ':memory:' as wh")
        _create_inputs(con)
        for file in sql.in_order(files):
            try:
                shapes[file.relation] = tables.selected(con, file)
            except duckdb.Error as error:
                raise Refused(f"{file.path}: {error}") from error
            tables.fit_file(con, file, shapes[file.relation], None)
    return shapes
