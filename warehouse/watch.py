"""What the watch reads of past nights, and the rows that it leaves: readings, alerts, fairness, each night's whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb
import polars as pl

from warehouse import sql
from warehouse.connection import transaction
from warehouse.intake.feeds import FEEDS
from warehouse.night import Night
from warehouse.settings import settings

_HERE = "portfolio = $portfolio and as_of_date = $as_of_date"

# of each family, the version that gave most headlines that night; where it gave none, the champion's
_VERSIONS = """
select s.model_family, s.model_version
from wh.scores.portfolio_scores as s
left join wh.ops.model_registry as r
    on s.portfolio = r.portfolio and s.model_family = r.model_family and s.model_version = r.model_version
where s.portfolio = $portfolio and s.as_of_date = $as_of_date and s.model_family is not null
group by s.model_family, s.model_version
qualify row_number() over (
    partition by s.model_family
    order by
        count(*) filter (where s.model_role = 'champion') desc,
        coalesce(bool_or(r.role = 'champion'), false) desc, count(*) desc, s.model_version desc
) = 1
order by s.model_family
"""

_HEADLINE = f"""
select coalesce(model_family, 'no model') as model_family, grade, reason_1, pd
from wh.scores.portfolio_scores
where {_HERE} and model_role = 'champion' and in_default is not true
order by enterprise_id
"""

_MOVES = """
select months, as_of_date_from, grade_from, grade_to, enterprises
from wh.marts.mart_migration
where portfolio = $portfolio and as_of_date = $as_of_date and grade_from is not null and grade_to is not null
order by months
"""

# the label's own SQL, bound to a past night and to what is known tonight: closed windows only
_VINTAGE = """
select s.enterprise_id, s.pd, s.grade, l.label
from wh.scores.portfolio_scores as s
inner join labels as l on s.enterprise_id = l.enterprise_id
where
    s.portfolio = $portfolio and s.as_of_date = $as_of_date and s.pd is not null and l.label is not null
    and (
        (cast($family as varchar) is null and s.model_role = 'champion')
        or (s.model_family = $family and s.model_version = $version)
    )
order by s.enterprise_id
"""

_FEED_AGE = """
select
    cast($as_of_date as date) - max(day) as age,
    max(gap) filter (where day > cast($as_of_date as date) - 90) as usual,
    count(*) filter (where day > cast($as_of_date as date) - 90) as deliveries
from (
    select day, day - lag(day) over (order by day) as gap
    from (
        select distinct cast(known_at as date) as day
        from wh.raw.{feed}
        where portfolio = $portfolio and known_at < cast($as_of_date as date) + interval 1 day
    ) as days
) as gaps
"""


def scored_nights(con: duckdb.DuckDBPyConnection, *, portfolio: str, until: date) -> tuple[date, ...]:
    """The nights that a portfolio was scored for, the newest first, none after `until`."""
    rows = con.execute(
        "select distinct as_of_date from wh.scores.portfolio_scores where portfolio = $portfolio "
        "and model_role = 'champion' and as_of_date <= $until order by as_of_date desc",
        {"portfolio": portfolio, "until": until},
    ).fetchall()
    return tuple(row[0] for row in rows)


def versions(con: duckdb.DuckDBPyConnection, *, portfolio: str, as_of_date: date) -> dict[str, str]:
    """The version of each family that scored a night; of several, the one that gave most headlines."""
    return dict(con.execute(_VERSIONS, {"portfolio": portfolio, "as_of_date": as_of_date}).fetchall())


def headlines(con: duckdb.DuckDBPyConnection, *, portfolio: str, as_of_date: date) -> pl.DataFrame:
    """The headline of each borrower of a night that is not in default: model_family, grade, reason_1 and pd."""
    return sql.frame(con, _HEADLINE, {"portfolio": portfolio, "as_of_date": as_of_date})


def moves(con: duckdb.DuckDBPyConnection, *, portfolio: str, as_of_date: date) -> pl.DataFrame:
    """The migration matrix of a night among borrowers that had a grade on both."""
    return sql.frame(con, _MOVES, {"portfolio": portfolio, "as_of_date": as_of_date})


def usual(
    con: duckdb.DuckDBPyConnection, *, portfolio: str, family: str, nights: tuple[date, ...], least: int
) -> dict[str, float]:
    """The largest batch index of each feature of a family on some nights, where it was measured on enough of them."""
    rows = con.execute(
        "select subject, max(value) from wh.ops.monitoring where portfolio = $portfolio and measure = 'csi_batch' "
        "and model_family = $family and list_contains($nights, as_of_date) "
        "group by subject having count(value) >= $least",
        {"portfolio": portfolio, "family": family, "nights": list(nights), "least": least},
    ).fetchall()
    return dict(rows)


def feed_ages(
    con: duckdb.DuckDBPyConnection, *, portfolio: str, as_of_date: date
) -> dict[str, tuple[int | None, int | None, int]]:
    """How late each feed is, by what was known by the end of the night; overrides come when they are decided.

    Returns:
        By feed: days since the last delivery, the longest time between two of the last 90 days, and the days of
        those 90 on which there was one.
    """
    found = {}
    for feed in FEEDS:
        if feed != "overrides":
            rows = con.execute(
                _FEED_AGE.format(feed=feed), {"portfolio": portfolio, "as_of_date": as_of_date}
            ).fetchall()
            found[feed] = rows[0]
    return found


def labels(
    con: duckdb.DuckDBPyConnection,
    *,
    portfolio: str,
    as_of_date: date,
    known_by: date,
    definition: str,
    horizon_days: int,
) -> pl.DataFrame:
    """The labels of a past night by what is known now, read without storing them: enterprise_id and label."""
    found = sql.frame(
        con,
        "features.feat_label",
        {
            "portfolio": portfolio,
            "as_of_date": as_of_date,
            "known_by": known_by,
            "definition": definition,
            "horizon_days": horizon_days,
        },
    )
    return found.select("enterprise_id", "label")


def vintage(
    con: duckdb.DuckDBPyConnection,
    known: pl.DataFrame,
    *,
    portfolio: str,
    as_of_date: date,
    family: str | None = None,
    version: str | None = None,
) -> pl.DataFrame:
    """The scores of a past night whose labels are known: of one model, or the headline where no family is named.

    Returns:
        enterprise_id, pd, grade and label.
    """
    con.register("labels", known)
    try:
        return sql.frame(
            con,
            _VINTAGE,
            {"portfolio": portfolio, "as_of_date": as_of_date, "family": family, "version": version},
        )
    finally:
        con.unregister("labels")


def readings(con: duckdb.DuckDBPyConnection, *, portfolio: str, nights: tuple[date, ...]) -> pl.DataFrame:
    """The readings of some nights that are at watch or alarm."""
    return sql.frame(
        con,
        "select as_of_date, heading, measure, model_family, subject, severity, value, threshold, critical "
        "from wh.ops.monitoring where portfolio = $portfolio and list_contains($nights, as_of_date) "
        "and severity in ('watch', 'alarm') order by all",
        {"portfolio": portfolio, "nights": list(nights)},
    )


def replace(con: duckdb.DuckDBPyConnection, relation: str, rows: pl.DataFrame, night: Night) -> int:
    """Replace the rows of a night in ops.monitoring, ops.alerts or ops.fairness; return how many there are now.

    Args:
        con: a writer's cursor.
        relation: the table.
        rows: its columns without portfolio, as_of_date, run_id and recorded_at, which are stamped here.
        night: the partition and the run.
    """
    with transaction(con):
        con.execute(f"delete from wh.{relation} where {_HERE}", night.key)
        con.register("watched_rows", rows)
        con.execute(
            f"insert into wh.{relation} by name select *, $portfolio as portfolio, $as_of_date as as_of_date, "
            "$run_id as run_id, $now as recorded_at from watched_rows",
            {**night.key, "run_id": night.run_id, "now": settings().local_now()},
        )
        con.unregister("watched_rows")
    return rows.height


def tell_event(con: duckdb.DuckDBPyConnection, night: Night, told: Mapping[str, str]) -> None:
    """Note for each severity whether its events were emitted."""
    for severity, event in told.items():
        con.execute(
            f"update wh.ops.alerts set event = $event where {_HERE} and severity = $severity",
            {**night.key, "event": event, "severity": severity},
        )
