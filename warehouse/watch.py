"""Read past nights for the watch, and replace a night's readings, alerts and fairness figures whole."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import polars as pl

from warehouse import roles, sql
from warehouse.connection import transaction
from warehouse.intake.feeds import FEEDS
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.registry import ModelRecord
from warehouse.settings import settings

Scorers = dict[tuple[str, str], roles.Role]
"""By family and version of a model that scored a night, its role there."""

_PARTITION = "portfolio = $portfolio and as_of_date = $as_of_date"

# the champion of a family is the version with most headlines of the night; where none has one, the one that its role
# on the date names. A kept score brings the version of an earlier night, which scored nobody tonight
_SCORERS = f"""
with scored as (
    select
        model_family,
        model_version,
        count(*) as borrowers,
        count(*) filter (where model_role = 'champion' and score_status = 'fresh') as headlines,
        count(*) filter (where model_role <> 'champion') as beside,
        bool_or(model_role = 'shadow') as is_shadow
    from wh.scores.portfolio_scores
    where {_PARTITION} and model_family is not null
    group by model_family, model_version
),

ranked as (
    select
        s.*,
        coalesce(r.role_on_date, 'retired') as role_on_date,
        row_number() over (
            partition by s.model_family
            order by
                s.headlines desc,
                list_position(['champion', 'retired', 'challenger', 'shadow'], coalesce(r.role_on_date, 'retired')),
                s.borrowers desc, s.model_version desc
        ) = 1 as is_first
    from scored as s
    left join ({roles.ON_DATE}) as r on s.model_family = r.model_family and s.model_version = r.model_version
)

select
    model_family,
    model_version,
    case
        when is_first and (headlines > 0 or role_on_date not in ('challenger', 'shadow')) then 'champion'
        when is_shadow then 'shadow'
        else 'challenger'
    end as model_role
from ranked
where is_first or beside > 0
order by model_role <> 'champion', model_family, model_role, model_version
"""

_HEADLINE = f"""
select coalesce(model_family, 'no model') as model_family, grade, reason_1, pd
from wh.scores.portfolio_scores
where {_PARTITION} and model_role = 'champion' and in_default is not true
order by enterprise_id
"""

_MOVES = """
select months, as_of_date_from, grade_from, grade_to, enterprises
from wh.marts.mart_migration
where portfolio = $portfolio and as_of_date = $as_of_date and grade_from is not null and grade_to is not null
order by months
"""

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

# the same pauses as sql/staging/stg_outcome_days.sql, up to the last delivery, however long ago that is
_FEED_AGE = """
select
    cast($as_of_date as date) - max(day) as age,
    max(pause) filter (where is_recent) as usual,
    count(pause) filter (where is_recent) as pauses
from (
    select
        day,
        day - lag(day) over (order by day) as pause,
        row_number() over (order by day desc) <= 24 or day > max(day) over () - 90 as is_recent
    from (
        select distinct cast(known_at as date) as day
        from wh.raw.{feed}
        where portfolio = $portfolio and known_at < cast($as_of_date as date) + interval 1 day
    ) as days
) as deliveries
"""


def scored_dates(con: duckdb.DuckDBPyConnection, night: Night) -> tuple[date, ...]:
    """Return the dates that the portfolio was scored for, up to the night's own, the newest first.

    The summary of the scores tells them: it holds few rows a night.
    """
    rows = con.execute(
        "select distinct as_of_date from wh.marts.mart_portfolio_summary where portfolio = $portfolio "
        "and as_of_date <= $as_of_date order by as_of_date desc",
        night.key,
    ).fetchall()
    return tuple(row[0] for row in rows)


def scorers(con: duckdb.DuckDBPyConnection, night: Night) -> Scorers:
    """Return the models that scored a night with their roles, champions first."""
    rows = con.execute(_SCORERS, night.key).fetchall()
    return {(family, version): role for family, version, role in rows}


def version_then(model: ModelRecord, then: Scorers) -> str | None:
    """Return the version whose scores of a past night a model is compared with, or None if there are none.

    As champion it follows the champion of its family then; a challenger or shadow follows itself.

    Args:
        model: the model, with its role on the night that is watched.
        then: the models that scored the past night.
    """
    if model.role != "champion":
        return model.model_version if model.key in then else None
    champions = (version for (family, version), role in then.items()
                 if (family, role) == (model.model_family, "champion"))  # fmt: skip
    return next(champions, None)


def headlines(con: duckdb.DuckDBPyConnection, night: Night) -> pl.DataFrame:
    """Return the headline of each borrower of a night not in default: model_family, grade, reason_1 and pd."""
    return sql.frame(con, _HEADLINE, night.key)


def moves(con: duckdb.DuckDBPyConnection, night: Night) -> pl.DataFrame:
    """Return the migration matrices of a night, among borrowers with a grade then and now."""
    return sql.frame(con, _MOVES, night.key)


def usual(
    con: duckdb.DuckDBPyConnection, model: ModelRecord, *, dates: tuple[date, ...], least: int
) -> dict[str, float]:
    """Return the largest batch index of each feature over some dates, if enough of them measured it.

    Of a champion those of its family's champions count, of a challenger or shadow its own in the same role.
    """
    rows = con.execute(
        "select subject, max(value) from wh.ops.monitoring where portfolio = $portfolio and measure = 'csi_batch' "
        "and model_family = $family and model_role = $role and ($role = 'champion' or model_version = $version) "
        "and as_of_date in (select unnest(cast($dates as date[]))) "
        "group by subject having count(value) >= $least",
        {
            "portfolio": model.portfolio, "family": model.model_family, "version": model.model_version,
            "role": model.role, "dates": list(dates), "least": least,
        },
    ).fetchall()  # fmt: skip
    return dict(rows)


def feed_ages(con: duckdb.DuckDBPyConnection, night: Night) -> dict[str, tuple[int | None, int | None, int]]:
    """Return how late each feed is, by what was known by the end of the night.

    Without overrides and scenarios, which come whenever they are decided.

    Returns:
        By feed: days since the last delivery, the longest of the last 24 pauses between deliveries and of those that
        ended in the 90 days up to the last one, and how many pauses these are.
    """
    ages: dict[str, Any] = {}
    for feed in FEEDS:
        if feed not in ("overrides", "scenarios"):
            ages[feed] = con.execute(_FEED_AGE.format(feed=feed), night.key).fetchone()
    return ages


def labels(
    con: duckdb.DuckDBPyConnection, night: Night, outcome: OutcomeDefinition, *, known_by: date
) -> pl.DataFrame:
    """Return the labels of a past night by what is known on another date, without storing them.

    The label's own SQL decides; a window that reaches past known_by, or that the outcomes stopped before, has no label.

    Returns:
        The columns of features.feat_label.
    """
    return sql.frame(con, "features.feat_label", {**night.key, **outcome.key, "known_by": known_by})


def vintage(
    con: duckdb.DuckDBPyConnection,
    night: Night,
    known: pl.DataFrame,
    *,
    family: str | None = None,
    version: str | None = None,
) -> pl.DataFrame:
    """Return the scores of a past night whose labels are known: one model's, or the headlines if no family is named.

    Args:
        con: a writer's cursor.
        night: the past night.
        known: its enterprise_id and label, as `labels` returns them.
        family: the model's family, None for the headlines of all families.
        version: its version.

    Returns:
        enterprise_id, pd, grade and label.
    """
    con.register("labels", known)
    try:
        return sql.frame(con, _VINTAGE, {**night.key, "family": family, "version": version})
    finally:
        con.unregister("labels")


def readings(con: duckdb.DuckDBPyConnection, *, portfolio: str, dates: tuple[date, ...]) -> pl.DataFrame:
    """Return the readings of some dates that are at watch or alarm; those of a champion have no version."""
    return sql.frame(
        con,
        "select as_of_date, heading, measure, model_family, model_role, "
        "if(model_role = 'champion', null, model_version) as model_version, subject, severity, value, threshold, "
        "critical, note from wh.ops.monitoring where portfolio = $portfolio "
        "and as_of_date in (select unnest(cast($dates as date[]))) and severity in ('watch', 'alarm') order by all",
        {"portfolio": portfolio, "dates": list(dates)},
    )


def replace(con: duckdb.DuckDBPyConnection, relation: str, rows: pl.DataFrame, night: Night) -> int:
    """Replace the rows of a night in ops.monitoring, ops.alerts or ops.fairness and return their number.

    Args:
        con: a writer's cursor.
        relation: the table.
        rows: its columns without portfolio, as_of_date, run_id and recorded_at, which are stamped here.
        night: the partition and the run.
    """
    with transaction(con):
        con.execute(f"delete from wh.{relation} where {_PARTITION}", night.key)
        con.register("watched_rows", rows)
        con.execute(
            f"insert into wh.{relation} by name select *, $portfolio as portfolio, $as_of_date as as_of_date, "
            "$run_id as run_id, $now as recorded_at from watched_rows",
            {**night._asdict(), "now": settings().local_now()},
        )
        con.unregister("watched_rows")
    return rows.height


def record_events(
    con: duckdb.DuckDBPyConnection, night: Night, *, severity: str, beside: bool, event: str
) -> None:
    """Store whether the event of some alerts of a night was emitted.

    Args:
        con: a writer's cursor.
        night: the night.
        severity: that of the alerts.
        beside: whether they are of models beside the headline, or of the headline and the champions.
        event: what became of the event.
    """
    con.execute(
        f"update wh.ops.alerts set event = $event where {_PARTITION} and severity = $severity "
        "and (coalesce(model_role, 'champion') <> 'champion') = $beside",
        {**night.key, "event": event, "severity": severity, "beside": beside},
    )
