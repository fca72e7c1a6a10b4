"""Read the borrowers of a scored night for a stress, and store what it says: a row a run, and a row a cell."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import polars as pl

from warehouse import sql
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.partition import replace_partition
from warehouse.settings import settings

_BORROWERS = """
select
    s.enterprise_id,
    case when s.in_default then 'in default' when s.pd is null then 'no grade' else s.grade end as grade,
    p.industry_primary,
    coalesce(s.in_default, false) as in_default,
    s.pd,
    cast(l.total_borrowing * 100 as bigint) as exposure_cents
from wh.scores.portfolio_scores as s
left join (select * from wh.features.feat_profile where portfolio = $portfolio and as_of_date = $as_of_date) as p
    on s.enterprise_id = p.enterprise_id
left join (select * from wh.features.feat_ledger where portfolio = $portfolio and as_of_date = $as_of_date) as l
    on s.enterprise_id = l.enterprise_id
where s.portfolio = $portfolio and s.as_of_date = $as_of_date and s.model_role = 'champion'
order by s.enterprise_id
"""

_CURVES = """
select enterprise_id, cumulative_pd
from wh.scores.pd_curves
where portfolio = $portfolio and as_of_date = $as_of_date
order by enterprise_id
"""

_LOSSES = """
insert into wh.ops.stress_losses by name
select
    $run_id as run_id,
    * exclude (exposure_cents, exposure_without_pd_cents),
    exposure_cents * cast(0.01 as decimal(3, 2)) as exposure,
    exposure_without_pd_cents * cast(0.01 as decimal(3, 2)) as exposure_without_pd
from stress_cells
"""


def last_night(con: duckdb.DuckDBPyConnection, *, portfolio: str) -> date:
    """Return the last night that the portfolio was scored for.

    Raises:
        Refused: when it was never scored.
    """
    row = con.execute(
        "select max(as_of_date) from wh.marts.mart_portfolio_summary where portfolio = ?", [portfolio]
    ).fetchone()
    if row is None or row[0] is None:
        raise Refused(f"{portfolio} has no scored night to stress; run a night first")
    return row[0]  # type: ignore[no-any-return]


def borrowers(con: duckdb.DuckDBPyConnection, night: Night) -> pl.DataFrame:
    """Return each borrower of a night, in the order of their numbers.

    Returns:
        enterprise_id, grade (or in default, or no grade), industry_primary, in_default, pd, exposure_cents, and
        cumulative_pd: the chance of default within 1, 2, ... months, null where the night has no curve.

    Raises:
        Refused: when the night has no scores.
    """
    rows = sql.frame(con, _BORROWERS, night.key)
    if rows.is_empty():
        raise Refused(f"{night.portfolio} has no scores of {night.as_of_date} to stress; run its night first")
    return rows.join(
        sql.frame(con, _CURVES, night.key), on="enterprise_id", how="left", maintain_order="left"
    )


def store(con: duckdb.DuckDBPyConnection, night: Night, run: dict[str, Any], cells: pl.DataFrame) -> None:
    """Store a stress of a night and renew its mart, whole or not at all.

    Args:
        con: a writer's cursor.
        night: the night, and the run of the stress.
        run: the columns of ops.stress_runs but those of the night and recorded_at.
        cells: the columns of ops.stress_losses, without run_id and with exposures in cents.
    """
    values = {**night._asdict(), **run, "recorded_at": settings().local_now()}
    names = ", ".join(values)
    with transaction(con):
        con.execute(
            f"insert into wh.ops.stress_runs ({names}) values ({', '.join(f'${name}' for name in values)})",
            values,
        )
        con.register("stress_cells", cells)
        con.execute(_LOSSES, {"run_id": night.run_id})
        con.unregister("stress_cells")
        replace_partition(con, "marts.mart_stress", night.key)


def cells(con: duckdb.DuckDBPyConnection, *, run_id: str) -> pl.DataFrame:
    """Return the stored losses of a run, as ops.stress_losses has them, the most severe scenario last."""
    return sql.frame(
        con,
        "select * from wh.ops.stress_losses where run_id = $run_id order by kind, scenario, grade, industry_primary",
        {"run_id": run_id},
    )
