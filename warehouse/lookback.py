"""Tell how far the record of a portfolio reaches back, and which features would mean something else on a later date."""

from __future__ import annotations

import math
from datetime import date, timedelta

import duckdb

from warehouse import sql
from warehouse.intake.feeds import FEEDS
from warehouse.matrix import RELATION
from warehouse.sql_head import LOOKBACK

_FIRST_DAY = """
select cast(min(occurred_at) as date)
from (
    select occurred_at from wh.staging.stg_transactions where portfolio = $portfolio
    union all
    select occurred_at from wh.staging.stg_operational_events where portfolio = $portfolio
) as f
"""


def first_day(con: duckdb.DuckDBPyConnection, *, portfolio: str) -> date | None:
    """Return the day of the portfolio's first transaction or operational event, None where there is neither."""
    row = con.execute(_FIRST_DAY, {"portfolio": portfolio}).fetchone()
    return row[0] if row else None


def spans(begins: date | None, day: date) -> bool:
    """Return whether a record that begins on a day holds all that the features of a later day look back at."""
    return begins is not None and begins <= day - timedelta(days=LOOKBACK)


def beyond(con: duckdb.DuckDBPyConnection, *, portfolio: str, day: date) -> dict[str, str]:
    """Return the features that would mean something else on a later date, each with the reason.

    Those that look back as far as the record reaches, and those that look back further than the record of their feed
    reached on that day, unless they tell a state.
    """
    reasons = {}
    for file in sql.catalogue("features"):
        feeds = [name.removeprefix("staging.stg_") for name in file.inputs if name.startswith("staging.")]
        if file.relation not in sql.load(RELATION).inputs or len(feeds) != 1:
            continue
        reach = _record_days(con, feeds[0], portfolio=portfolio, day=day)
        for column in file.columns:
            if column.lookback is None:
                reasons[column.name] = "it looks back as far as the record, which reaches further every night"
            elif column.lookback > reach and not column.is_state:
                reasons[column.name] = (
                    f"it looks back {column.lookback} days, the record of {feeds[0]} {reach} on {day}"
                )
    return reasons


def _record_days(con: duckdb.DuckDBPyConnection, feed: str, *, portfolio: str, day: date) -> int:
    """Return how many days the record of a feed spans at the end of a day, 0 if it has none.

    A record begins some time before its first row, as long as its rows lie apart on average: court cases are rare.
    """
    happened = FEEDS[feed].business_time
    (rows, first) = con.execute(
        f"""select count(*), cast(min({happened}) as date) from wh.staging.stg_{feed}
            where portfolio = $portfolio and known_at < $day + interval 1 day and {happened} < $day + interval 1 day""",
        {"portfolio": portfolio, "day": day},
    ).fetchone() or (0, None)
    return math.floor(((day - first).days + 1) * (rows + 1) / rows) if rows else 0
