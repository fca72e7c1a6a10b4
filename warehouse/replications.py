"""Store the figures of papers that were measured again; the rows of one experiment are replaced whole."""

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
    beside_other_protocols: bool = False,
) -> None:
    """Replace the stored figures of one paper, data set and table.

    Args:
        con: a writer's cursor.
        rows: row_name, metric, mean, low, high and the published figure or None.
        paper: such as operational-risk.
        dataset: data set measured on.
        protocol: how it was split and repeated.
        table_number: table of the paper.
        repeats: number of repeats.
        run_id: run that measured.
        beside_other_protocols: replace the figures of the same protocol only.
    """
    key = [paper, dataset, table_number, protocol if beside_other_protocols else None]
    recorded_at = settings().local_now()
    with transaction(con):
        con.execute(
            "delete from wh.ops.replication where paper = ? and dataset = ? and table_number = ? "
            "and protocol = coalesce(?, protocol)",
            key,
        )
        con.executemany(
            "insert into wh.ops.replication (paper, dataset, protocol, table_number, row_name, metric, mean, "
            "low, high, published, repeats, run_id, recorded_at) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [[paper, dataset, protocol, table_number, *row, repeats, run_id, recorded_at] for row in rows],
        )


def figures(con: duckdb.DuckDBPyConnection, *, paper: str) -> pl.DataFrame:
    """Return all figures of one paper, in the order in which they were measured."""
    return sql.frame(
        con,
        "select r.* from wh.ops.replication as r where r.paper = $paper order by r.dataset, r.rowid",
        {"paper": paper},
    )


def record_fold(
    con: duckdb.DuckDBPyConnection,
    rows: Sequence[Sequence[Any]],
    *,
    paper: str,
    dataset: str,
    protocol: str,
    fingerprint: str,
    repeat: int,
    fold: int,
    run_id: str,
) -> None:
    """Store the figures of one test fold in place of those of an earlier run.

    Args:
        con: a writer's cursor.
        rows: table_number, row_name, metric and value.
        paper: such as voting-ensemble.
        dataset: data set measured on.
        protocol: honest, tuned or leaky.
        fingerprint: key of rows, settings, code and libraries (papers/fold_key.py).
        repeat: repeat of the folds.
        fold: test fold.
        run_id: run that measured.
    """
    key = [paper, dataset, protocol, repeat, fold]
    recorded_at = settings().local_now()
    with transaction(con):
        con.execute(
            "delete from wh.ops.replication_folds where paper = ? and dataset = ? and protocol = ? "
            "and repeat = ? and fold = ?",
            key,
        )
        con.executemany(
            "insert into wh.ops.replication_folds (paper, dataset, protocol, repeat, fold, fingerprint, "
            "table_number, row_name, metric, value, run_id, recorded_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [[*key, fingerprint, *row, run_id, recorded_at] for row in rows],
        )


def folds(
    con: duckdb.DuckDBPyConnection, *, paper: str, dataset: str, protocol: str, fingerprint: str
) -> pl.DataFrame:
    """Return the figures of every fold that is stored under a fingerprint."""
    return sql.frame(
        con,
        "select r.* from wh.ops.replication_folds as r where r.paper = $paper and r.dataset = $dataset "
        "and r.protocol = $protocol and r.fingerprint = $fingerprint order by r.repeat, r.fold, r.rowid",
        {"paper": paper, "dataset": dataset, "protocol": protocol, "fingerprint": fingerprint},
    )
