"""Keep the default curves of a night, and read what their shape is learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl

from warehouse import buckets, incoming, sql
from warehouse.night import Night

RELATION = "scores.pd_curves"
WAITING = "scores.incoming_curves"

_OUTCOMES = """
select enterprise_id, loan_id, outcome_date, days_past_due, charge_off, insolvency
from wh.staging.stg_outcomes
where
    portfolio = $portfolio and known_at < $as_of_date + interval 1 day
    and (known_to is null or known_to >= $as_of_date + interval 1 day)
order by enterprise_id, loan_id, outcome_date
"""

# a correction says when it was corrected, not how late the first word came
_SETTLED = """
select
    max(cast(first_known as date)) as told_on,
    cast(quantile_disc(cast(first_known as date) - outcome_date, 0.99) as integer) as delay
from (
    select outcome_date, min(known_at) as first_known
    from wh.staging.stg_outcomes
    where portfolio = $portfolio and known_at < $as_of_date + interval 1 day
    group by enterprise_id, loan_id, outcome_date
) as f
"""

_KEPT = f"""
insert into wh.{RELATION} by name
select c.* replace ({buckets.bucket_of("c.enterprise_id")} as bucket)
from wh.{WAITING} as c
inner join wh.scores.portfolio_scores as s
    on c.portfolio = s.portfolio and c.as_of_date = s.as_of_date and c.enterprise_id = s.enterprise_id
where
    c.portfolio = $portfolio and c.as_of_date = $as_of_date and c.run_id = $run_id
    and s.portfolio = $portfolio and s.as_of_date = $as_of_date
    and s.model_role = 'champion' and s.score_status = 'fresh' and s.in_default is not true
order by bucket, c.enterprise_id
"""


def outcomes(con: duckdb.DuckDBPyConnection, night: Night) -> pl.DataFrame:
    """Return the outcomes of a portfolio as the night knows them, in the order of their key."""
    return sql.frame(con, _OUTCOMES, night.key)


def settled(con: duckdb.DuckDBPyConnection, night: Night) -> date | None:
    """Return the last day of which nearly all outcomes are known by the end of a night; None if none is known.

    That is the last day on which an outcome became known, less the days within which 99 of 100 became known.
    """
    told_on, delay = con.execute(_SETTLED, night.key).fetchone() or (None, None)
    return None if told_on is None else told_on - timedelta(days=max(0, delay))


def stage_curves(
    con: duckdb.DuckDBPyConnection, paths: Sequence[str | Path], night: Night, *, more: bool = False
) -> int:
    """Load parts into scores.incoming_curves, where they wait, committed, for their scores to pass.

    Rows that wait already for the same portfolio and date are replaced, unless these are `more` of them.

    Returns:
        The number of rows staged.

    Raises:
        Refused: when a column is missing or unknown, or a value does not fit its type.
    """
    return incoming.stage(con, WAITING, paths, night, what="curve parts", optional=("bucket",), more=more)


def move_curves(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Replace the night's curves by those that this run staged, of borrowers not in default with a fresh headline.

    Args:
        con: a cursor inside the transaction that has moved the night's scores.
        night: the partition and the run that staged it.
    """
    partition = "portfolio = $portfolio and as_of_date = $as_of_date"
    con.execute(f"delete from wh.{RELATION} where {partition}", night.key)
    con.execute(_KEPT, night._asdict())
    con.execute(f"delete from wh.{WAITING} where {partition}", night.key)
