"""Read the published version of a lake: one row says which one it is, and views show what of it is public.

What readers see of runs may be newer than the scores: a run that failed is told of, and what it left is not. The row
is found in the newest version, everything else in the versions that it names.
"""

from __future__ import annotations

import secrets
from datetime import date
from typing import NamedTuple

import duckdb

from warehouse import lake, macros, master_scale, normal, older_nights
from warehouse.errors import Refused
from warehouse.publishing.archive import ARCHIVES
from warehouse.publishing.public import Columns, public_part, shapes, tells_of_runs
from warehouse.settings import Settings
from warehouse.sql import quoted

TABLE = "lake.publications"


class Published(NamedTuple):
    """A publication: its version, that of what it tells of runs, and the night of each portfolio that has features.

    Without a version nothing but runs is published yet.
    """

    version: int | None
    runs_version: int
    nights: dict[str, date]


def last(con: duckdb.DuckDBPyConnection, name: str, *, count: int = 1) -> list[Published]:
    """Return the last publications of an attached lake, the newest first; none where nothing was published."""
    schema, table = TABLE.split(".")
    if not con.execute(
        "select 1 from duckdb_tables() where database_name = ? and schema_name = ? and table_name = ?",
        [name, schema, table],
    ).fetchone():
        return []
    rows = con.execute(
        f"select version, runs_version, nights from {name}.{TABLE} order by runs_version desc limit {count}"
    ).fetchall()
    return [
        Published(version, runs, {night["portfolio"]: night["as_of_date"] for night in nights})
        for version, runs, nights in rows
    ]


def show(con: duckdb.DuckDBPyConnection, conf: Settings, *, every_night: bool = False) -> None:
    """Attach the published version and show what of it is public as the catalogue `wh`, all of it read-only.

    The lake itself has a name that no query can know, so that nothing else of it is read.

    Args:
        con: an instance with nothing attached.
        conf: the settings.
        every_night: make the views of every night, such as every_night.contributions.

    Raises:
        Refused: when nothing has been published yet, or the lake cannot be read.
    """
    token = secrets.token_hex(8)
    newest, scored, told = (f"{name}_{token}" for name in ("newest", "scored", "told"))
    lake.attach(con, conf, name=newest, read_only=True)
    if not (found := last(con, newest)):
        raise Refused(f"nothing is published yet in {conf.place}; run a night first")
    con.execute(f"detach {newest}")
    published = found[0]
    lake.attach(con, conf, name=told, read_only=True, version=published.runs_version)
    if published.version is None:
        scored = told
    else:
        lake.attach(con, conf, name=scored, read_only=True, version=published.version)
    con.execute("attach ':memory:' as wh")
    for source, of_runs in ((told, True), (scored, False)):
        for name, columns in public_part(shapes(con, source)).items():
            if tells_of_runs(name) is of_runs:
                _show(con, source, name, columns, _condition(name, columns, published))
    master_scale.create_macros(con)
    normal.create_macros(con)
    macros.create(con, "wh")
    if every_night and published.version is not None:
        _show_every_night(con, scored)
    con.execute(
        f"set allowed_directories = [{quoted(f'{conf.lake_folder}/')}, {quoted(f'{conf.home / older_nights.FOLDER}/')}]"
    )


def _condition(relation: str, columns: Columns, published: Published) -> str:
    """Return which rows are published: of features those of the latest night of each portfolio."""
    if published.version is None and not tells_of_runs(relation):
        return "false"
    if not relation.startswith("features.") or not {"portfolio", "as_of_date"} <= {
        name for name, *_ in columns
    }:
        return "true"
    nights = [
        f"(portfolio = {quoted(portfolio)} and as_of_date = date '{day}')"
        for portfolio, day in published.nights.items()
    ]
    return " or ".join(nights) or "false"


def _show(
    con: duckdb.DuckDBPyConnection, source: str, relation: str, columns: Columns, condition: str
) -> None:
    schema = relation.split(".", maxsplit=1)[0]
    names = ", ".join(f'"{name}"' for name, *_ in columns)
    con.execute(f"create schema if not exists wh.{schema}")
    con.execute(f"create view wh.{relation} as select {names} from {source}.{relation} where {condition}")


def _show_every_night(con: duckdb.DuckDBPyConnection, source: str) -> None:
    con.execute("attach ':memory:' as every_night")
    for archive in ARCHIVES:
        if archive.nights is None:
            continue
        older = " ".join(
            f"union all by name select {quoted(night.portfolio)} as portfolio, "
            f"date '{night.as_of_date}' as as_of_date, * from {night.source}"
            for night in older_nights.of_relation(con, archive.relation).values()
        )
        con.execute(f"create view every_night.{archive.link} as from {source}.{archive.relation} {older}")
