"""Build the features of some borrowers of a night into Parquet files, from what is stored now, and store nothing.

A part works in a catalogue of its own in memory, where each relation that the feature files read shows the rows of its
borrowers alone. Since those files read no row of another borrower (docs/decisions/0085), the parts of a night hold the
rows that it would have as a whole.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import duckdb

from warehouse import sql
from warehouse.buckets import ALL, BucketRange, bucket_of
from warehouse.night import Night
from warehouse.sql import SqlFile, quoted

LABEL = "features.feat_label"
COVERAGE = "features.feat_coverage"

_WAREHOUSE = re.compile(r"\bwh\.")


def whole_portfolio() -> tuple[str, ...]:
    """Return the relations that tell one thing of a whole portfolio; they are built before all others."""
    return tuple(file.relation for file in _built() if "enterprise_id" not in file.key)


def of_borrowers() -> tuple[str, ...]:
    """Return the relations that have a row for each borrower, inputs first and coverage last."""
    order = [file.relation for file in sql.in_order([file for file in _built() if "bucket" in file.key])]
    return (*(relation for relation in order if relation != COVERAGE), COVERAGE)


def build(con: duckdb.DuckDBPyConnection, night: Night, part: BucketRange, folder: Path) -> dict[str, Path]:
    """Build every relation of the borrowers in some buckets and return the file of each.

    The names of the files are new ones at each call, so that a part which is built again, since nobody knows whether
    the first try still runs, writes over no file of it.

    Args:
        con: a cursor on the warehouse as the whole step reads it; the relations of the whole portfolio are built.
        night: the night.
        part: the buckets.
        folder: where the files are written.
    """
    attempt = secrets.token_hex(4)
    own = f"part_{attempt}"
    folder.mkdir(parents=True, exist_ok=True)
    con.execute(f"attach ':memory:' as {own}")
    try:
        _show_inputs(con, own, night, part)
        paths: dict[str, Path] = {}
        for relation in of_borrowers():
            file = sql.load(relation)
            name = relation.split(".")[1]
            path = folder / f"{name}-b{part.first:04d}-{part.last:04d}-{attempt}.parquet"
            parameters = sql.bind(set(file.parameters), night.key, where=relation)
            con.execute(f"copy (\n{_WAREHOUSE.sub(f'{own}.', file.text)}\n) to {quoted(path)}", parameters)
            con.execute(f"create view {own}.{relation} as from read_parquet({quoted(path)})")
            paths[relation] = path
    finally:
        con.execute(f"detach {own}")
    return paths


def _built() -> list[SqlFile]:
    return [file for file in sql.catalogue("features") if file.partition and file.relation != LABEL]


def _show_inputs(con: duckdb.DuckDBPyConnection, own: str, night: Night, part: BucketRange) -> None:
    """Show the stored relations in the catalogue of a part, without the rows of other borrowers."""
    con.execute(f"create schema {own}.staging")
    con.execute(f"create schema {own}.features")
    others = ""
    if part != ALL:
        # MD5 takes twenty times as long as a look-up, so it is asked once of each key
        con.execute(
            f"create table {own}.main.borrowers as select distinct enterprise_id from wh.staging.stg_enterprises "
            f"where portfolio = $portfolio and {bucket_of('enterprise_id')} between {part.first} and {part.last}",
            {"portfolio": night.portfolio},
        )
        others = f"semi join {own}.main.borrowers using (enterprise_id)"
    read = {name for relation in of_borrowers() for name in sql.load(relation).inputs}
    for relation in read.difference(of_borrowers()):
        rows = others if relation.startswith("staging.") else ""
        con.execute(f"create view {own}.{relation} as from wh.{relation} {rows}")
