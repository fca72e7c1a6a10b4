"""Figures of papers that were measured again: one experiment's rows are replaced whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import polars as pl

from warehouse import sql
from warehouse.connection import transaction
from warehouse.settings import settings


def record(
    con: duckdb.DuckDBPyConnection,
    rows: Sequence[Sequence[Any]],
    *,
    paper: str,
    dataset: str,
    protocol: str,
    table_number: str,
    repeats: int,
    run_id: str,
) -> None:
    """Replace what is known of one paper, data set and table by the given figures.

    Args:
        con: a writer's cursor.
        rows: row_name, metric, mean, low, high and the published figure or None.
        paper: such as operational-risk.
        dataset: data set measured on.
        protocol: how it was split and repeated.
        table_number: table of the paper.
        repeats: number of repeats.
        run_id: run that measured.
    """
    key = [paper, dataset, table_number]
    now = settings().local_now()
    with transaction(con):
        con.execute(
            "delete from wh.ops.replication where paper = ? and dataset = ? and table_number = ?", key
        )
        con.executemany(
            "insert into wh.ops.replication (paper, dataset, protocol, table_number, row_name, metric, mean, "
            "low, high, published, repeats, run_id, recorded_at) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [[paper, dataset, protocol, table_number, *row, repeats, run_id, now] for row in rows],
        )


def figures(con: duckdb.DuckDBPyConnection, *, paper: str) -> pl.DataFrame:
    """All figures of one paper, in the order in which they were measured."""
    return sql.frame(
        con,
        "select r.* from wh.ops.replication as r where r.paper = $paper order by r.dataset, r.rowid",
        {"paper": paper},
    )
