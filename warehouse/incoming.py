"""Hold a night's new rows in a table of their own until they are validated, then move them into place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import duckdb

from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.settings import settings
from warehouse.sql import quoted

_PARTITION = "portfolio = $portfolio and as_of_date = $as_of_date"


def stage(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    parquet_paths: Sequence[str | Path],
    night: Night,
    *,
    what: str,
    optional: Collection[str] = (),
    derived: Mapping[str, str] = MappingProxyType({}),
    more: bool = False,
) -> int:
    """Replace the waiting rows of a night by those of Parquet files; without files nothing waits any more.

    The columns portfolio, as_of_date, run_id and scored_at are stamped here, whatever the files hold.

    Args:
        con: a writer's cursor.
        relation: the table that rows wait in, such as `scores.incoming_scores`.
        parquet_paths: the parts; their columns are those of the table.
        night: the partition and the run that stages it.
        what: the name of the parts in a refusal.
        optional: columns that the files may lack.
        derived: the SQL of columns that follow from others and from the stamps, whatever the files hold.
        more: the rows that wait already stay, as those of earlier parts.

    Returns:
        The number of rows staged.

    Raises:
        Refused: when a column is missing or unknown, or a value does not fit its type.
    """
    stamps = {**night._asdict(), "scored_at": settings().local_now()}
    with transaction(con):
        if not more:
            con.execute(f"delete from wh.{relation} where {_PARTITION}", night.key)
        if not parquet_paths:
            return 0
        files = "[" + ", ".join(quoted(path) for path in parquet_paths) + "]"
        source = f"read_parquet({files}, union_by_name = true, hive_partitioning = false)"
        present = [row[0] for row in con.execute(f"describe select * from {source}").fetchall()]
        kinds = {row[0]: row[1] for row in con.execute(f"describe wh.{relation}").fetchall()}
        missing = [name for name in kinds if name not in (*present, *stamps, *optional, *derived)]
        unknown = [name for name in present if name not in kinds]
        where = f"{what} of {night.portfolio} on {night.as_of_date}"
        if missing or unknown:
            raise Refused(
                f"{where}: missing column(s) {', '.join(missing) or 'none'}, "
                f"unknown column(s) {', '.join(unknown) or 'none'}; the table has {', '.join(kinds)}"
            )
        read = [name for name in present if name not in (*stamps, *derived)]
        picked = [f"cast({name} as {kinds[name]}) as {name}" for name in read]
        picked += [f"cast({spelled} as {kinds[name]}) as {name}" for name, spelled in derived.items()]
        stamped = [f"cast(${name} as {kinds[name]}) as {name}" for name in stamps]
        try:
            inserted = con.execute(
                f"insert into wh.{relation} by name select {', '.join(picked + stamped)} from {source}",
                stamps,
            ).fetchone()
        except duckdb.ConversionException as error:
            raise Refused(f"{where}: {error}") from error
    return int(inserted[0]) if inserted else 0


def move(
    con: duckdb.DuckDBPyConnection, waiting: str, target: str, night: Night, *, model_roles: Sequence[str]
) -> None:
    """Replace the partition (portfolio, as_of_date, model_role) of the target by the rows that this run staged.

    Args:
        con: a cursor inside the transaction that audits the target afterwards.
        waiting: the table that rows wait in; it holds nothing of the night afterwards.
        target: the table that they belong to.
        night: the partition and the run that staged it.
        model_roles: the roles whose rows are replaced.
    """
    con.execute(
        f"delete from wh.{target} where {_PARTITION} and list_contains($model_roles, model_role)",
        {**night.key, "model_roles": list(model_roles)},
    )
    con.execute(
        f"insert into wh.{target} by name select * from wh.{waiting} where {_PARTITION} and run_id = $run_id",
        night._asdict(),
    )
    con.execute(f"delete from wh.{waiting} where {_PARTITION}", night.key)
