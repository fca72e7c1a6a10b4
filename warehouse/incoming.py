"""What one night brings waits in a table of its own to be validated: loaded from Parquet parts, then moved."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.sql import quoted

_HERE = "portfolio = $portfolio and as_of_date = $as_of_date"


def stage(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    parquet_paths: Sequence[str | Path],
    *,
    what: str,
    stamps: Mapping[str, Any],
    optional: Collection[str] = (),
) -> int:
    """Replace what waits in a table for one portfolio and date by the rows of Parquet files; none empty it.

    Args:
        con: a writer's cursor.
        relation: the table that rows wait in, such as `scores.incoming_scores`.
        parquet_paths: the parts; their columns are those of the table.
        what: what a refusal calls the parts.
        stamps: values of columns whatever the files say, portfolio and as_of_date among them.
        optional: columns that the files may lack.

    Returns:
        The number of rows staged.

    Raises:
        Refused: when a column is missing or unknown, or a value does not fit its type.
    """
    night = {name: stamps[name] for name in ("portfolio", "as_of_date")}
    with transaction(con):
        con.execute(f"delete from wh.{relation} where {_HERE}", night)
        if not parquet_paths:
            return 0
        files = "[" + ", ".join(quoted(path) for path in parquet_paths) + "]"
        source = f"read_parquet({files}, union_by_name = true, hive_partitioning = false)"
        present = [row[0] for row in con.execute(f"describe select * from {source}").fetchall()]
        kinds = {row[0]: row[1] for row in con.execute(f"describe wh.{relation}").fetchall()}
        missing = [name for name in kinds if name not in (*present, *stamps, *optional)]
        unknown = [name for name in present if name not in kinds]
        where = f"{what} of {night['portfolio']} on {night['as_of_date']}"
        if missing or unknown:
            raise Refused(
                f"{where}: missing column(s) {', '.join(missing) or 'none'}, "
                f"unknown column(s) {', '.join(unknown) or 'none'}; the table has {', '.join(kinds)}"
            )
        picked = [f"cast({name} as {kinds[name]}) as {name}" for name in present if name not in stamps]
        stamped = [f"cast(${name} as {kinds[name]}) as {name}" for name in stamps]
        try:
            done = con.execute(
                f"insert into wh.{relation} by name select {', '.join(picked + stamped)} from {source}",
                dict(stamps),
            ).fetchone()
        except duckdb.ConversionException as error:
            raise Refused(f"{where}: {error}") from error
    return int(done[0]) if done else 0


def move(con: duckdb.DuckDBPyConnection, waiting: str, target: str, *, night: Mapping[str, Any]) -> None:
    """Replace the partition (portfolio, as_of_date, model_role) of the target by what waits of this run.

    Args:
        con: a cursor inside the transaction that audits the target afterwards.
        waiting: the table that rows wait in; it holds nothing of the night afterwards.
        target: the table that they belong to.
        night: portfolio, as_of_date, model_roles and run_id.
    """
    key = {name: night[name] for name in ("portfolio", "as_of_date")}
    con.execute(
        f"delete from wh.{target} where {_HERE} and list_contains($model_roles, model_role)",
        {**key, "model_roles": night["model_roles"]},
    )
    con.execute(
        f"insert into wh.{target} by name select * from wh.{waiting} where {_HERE} and run_id = $run_id",
        {**key, "run_id": night["run_id"]},
    )
    con.execute(f"delete from wh.{waiting} where {_HERE}", key)
