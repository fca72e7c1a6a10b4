"""A warehouse in memory whose staging relations are plain tables, filled from rows written as dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import duckdb
import polars as pl

from tasks.features import WIDE, feature_order
from warehouse import sql
from warehouse.feature_parts import LABEL
from warehouse.intake.feeds import FEEDS
from warehouse.partition import replace_partition
from warehouse.views import renew_view

PORTFOLIO = "lender"
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def warehouse_of(feeds: Rows) -> duckdb.DuckDBPyConnection:
    """Attach an empty `wh`, create the staging tables of all feeds and insert the rows.

    `known_at` defaults to the business time, `portfolio` to PORTFOLIO, as ingest does it.
    """
    con = duckdb.connect()
    con.execute("set threads = 2")
    con.execute("attach ':memory:' as wh")
    con.execute("create schema wh.staging")
    con.execute("create schema wh.features")
    for feed in FEEDS.values():
        columns = ", ".join(f"{column.name} {column.type}" for column in feed.columns if not column.pii)
        con.execute(
            f"create table wh.staging.stg_{feed.name} "
            f"(portfolio varchar, {columns}, known_to timestamp, run_id varchar)"
        )
    con.execute(f"create view wh.staging.stg_outcome_days as {sql.load('staging.stg_outcome_days').text}")
    add(con, feeds)
    return con


def add(con: duckdb.DuckDBPyConnection, feeds: Rows) -> None:
    """Insert more rows."""
    for name, rows in feeds.items():
        for row in rows:
            full = {"portfolio": PORTFOLIO, "run_id": "r1", **row}
            full.setdefault("known_at", full[FEEDS[name].business_time])
            named = ", ".join(full)
            con.execute(
                f"insert into wh.staging.stg_{name} ({named}) values ({', '.join('?' * len(full))})",
                list(full.values()),
            )


def restate(con: duckdb.DuckDBPyConnection, feed: str, *, known_at: datetime, **changed: Any) -> None:
    """Let every open version of a feed be followed by another one, known at `known_at`."""
    table = f"wh.staging.stg_{feed}"
    new = ", ".join(f"{value} as {name}" for name, value in changed.items())
    con.execute(
        f"create or replace temp table restated as select * replace ({new}, ? as known_at) "
        f"from {table} where known_to is null and known_at < ?",
        [known_at, known_at],
    )
    con.execute(
        f"update {table} set known_to = ? where known_to is null and known_at < ?", [known_at, known_at]
    )
    con.execute(f"insert into {table} select * from restated")


def build(con: duckdb.DuckDBPyConnection, as_of_date: date) -> dict[str, pl.DataFrame]:
    """Build every feature relation of one date and return them by name, sorted by their keys."""
    params = {"portfolio": PORTFOLIO, "as_of_date": as_of_date}
    for relation in feature_order():
        replace_partition(con, relation, params)
    renew_view(con, WIDE)
    return {
        relation.split(".")[1]: con.sql(
            f"select * from wh.{relation} where as_of_date = date '{as_of_date}' order by all"
        ).pl()
        for relation in (*feature_order(), WIDE)
    }


def labels(
    con: duckdb.DuckDBPyConnection, as_of_date: date, *, known_by: date, definition: str, horizon_days: int
) -> dict[str, tuple[int | None, str]]:
    """Build the labels of one date and return label and reason by enterprise; profiles must be built."""
    params = {
        "portfolio": PORTFOLIO,
        "as_of_date": as_of_date,
        "known_by": known_by,
        "definition": definition,
        "horizon_days": horizon_days,
    }
    replace_partition(con, LABEL, params)
    rows = con.execute(
        f"select enterprise_id, label, reason from wh.{LABEL} where as_of_date = ? and definition = ?",
        [as_of_date, definition],
    ).fetchall()
    return {enterprise: (label, reason) for enterprise, label, reason in rows}
