"""Read the rows that a model card and a night's validation report are made of: nothing else goes into them."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import polars as pl

from warehouse import (
    borrower_rows,
    class_leaders,
    feed_deliveries,
    findings,
    morning_rows,
    registry,
    sql,
    watch,
)
from warehouse.night import Night
from warehouse.registry import ModelRecord

_MODEL = "portfolio = $portfolio and model_family = $family and model_version = $version"
_NIGHT = "portfolio = $portfolio and as_of_date = $as_of_date"
_BESIDE = "coalesce(model_role <> 'champion', false)"  # of a model that gives no headline
_ALL = 1_000_000  # more rows than any card shows
PAST = 60  # nights that the report's curves go back

_ROLES = f"""
select role, effective_from, reason, approver
from wh.ops.model_roles
where {_MODEL}
order by effective_from, recorded_at
"""

# repeats of one row are averaged: a row is one observation however often it was dealt
_UNSEEN = f"""
select coverage, label, avg(pd_raw) as pd_raw, avg(pd) as pd
from wh.ops.evaluation_scores
where {_MODEL}
group by as_of_date, enterprise_id, coverage, label
order by as_of_date, enterprise_id
"""

_BY_COVERAGE = f"""
select coverage, rows, defaults, observed_rate, observed_low as low, observed_high as high, mean_pd
from wh.marts.mart_family_calibration
where {_MODEL}
order by coverage
"""

_LAST_NIGHT = f"""
select
    as_of_date,
    count(pd) as enterprises,
    count(pd) filter (where model_role = 'champion') as headlines,
    count(*) filter (in_default) as in_default,
    avg(pd) filter (in_default is not true) as mean_pd
from wh.scores.portfolio_scores
where {_MODEL} and as_of_date >= $since
group by as_of_date
having count(pd) > 0
order by as_of_date desc
limit 1
"""

_BINS = f"""
select
    r.lower,
    r.upper,
    r.share as reference,
    coalesce(c.count, 0) / sum(coalesce(c.count, 0)) over () as tonight
from wh.ops.reference_bins as r
left join (select * from wh.ops.bin_counts where {_MODEL} and as_of_date = $as_of_date) as c
    on r.subject = c.subject and r.bin = c.bin
where
    r.portfolio = $portfolio and r.model_family = $family and r.model_version = $version
    and r.subject = 'score' and r.kind <> 'missing'
order by r.bin
"""

_WATCHED = f"""
select heading, measure, subject, value, low, high, threshold, critical, sample, severity, note
from wh.ops.monitoring
where
    {_NIGHT} and model_family = $family and model_role = $role and coalesce(model_version, $version) = $version
order by heading, measure, subject
"""

_FAIRNESS = f"""
select attribute, group_name, basis, measure, value, low, high, sample, note
from wh.ops.fairness
where {_MODEL} and model_role = $role and as_of_date = $as_of_date
order by attribute, group_name, measure, basis
"""

# the last run that wrote scores of the date
_RUN = """
select r.portfolio, s.as_of_date, r.run_id, r.status, r.revision
from wh.ops.run_ledger as r
inner join (
    select distinct as_of_date, run_id
    from wh.scores.portfolio_scores
    where portfolio = $portfolio and as_of_date = $as_of_date and model_role = 'champion'
) as s on r.run_id = s.run_id
order by r.run_id desc
limit 1
"""

_OF_THE_NIGHT = {
    "statuses": f"""
select score_status, count(*) as enterprises
from wh.scores.portfolio_scores
where {_NIGHT} and model_role = 'champion'
group by score_status
order by enterprises desc, score_status
""",
    "families": f"""
select coverage, model_family, model_version, count(*) as enterprises,
    count(*) filter (in_default) as in_default, avg(pd) filter (in_default is not true) as mean_pd
from wh.scores.portfolio_scores
where {_NIGHT} and model_role = 'champion'
group by coverage, model_family, model_version
order by enterprises desc, coverage, model_family
""",
    "grades": f"""
select if(in_default, 'default', grade) as grade, count(*) as enterprises
from wh.scores.portfolio_scores
where {_NIGHT} and model_role = 'champion'
group by all
order by bool_or(in_default) nulls first, min(pd) nulls last
""",
    "moves": f"""
select grade_from as grade_before, grade_to as grade, enterprises
from wh.marts.mart_migration
where {_NIGHT} and months = 0 and grade_from is not null and grade_to is not null
order by grade_from, grade_to
""",
    "month": f"""
select as_of_date_from, grade_from as grade_before, grade_to as grade, enterprises
from wh.marts.mart_migration
where {_NIGHT} and months = 1 and grade_from is not null and grade_to is not null
order by grade_from, grade_to
""",
    "monitoring": f"""
select
    heading, measure,
    concat_ws(
        ' ', nullif(model_family, ''), if({_BESIDE}, model_version || ' (' || model_role || ')', null), subject
    ) as subject,
    value, low, high, threshold, critical, sample, severity, note, {_BESIDE} as is_beside
from wh.ops.monitoring
where {_NIGHT}
order by heading, measure, model_family, subject
""",
    "alerts": f"""
select severity, heading, measure, model_family, subject, message, {_BESIDE} as is_beside
from wh.ops.alerts
where {_NIGHT}
order by severity, heading, message
""",
    "judged": f"""
select * exclude (portfolio, as_of_date)
from wh.marts.mart_early_warning_judged
where {_NIGHT}
order by night desc, rule = 'on_watch_list' desc, rule
""",
    "past": f"""
select as_of_date, measure, concat_ws(' ', nullif(model_family, ''), subject) as subject, value
from wh.ops.monitoring
where
    portfolio = $portfolio and as_of_date <= $as_of_date and as_of_date > $as_of_date - {PAST}
    and measure in ('psi_training', 'mean_pd') and value is not null and not {_BESIDE}
order by measure, as_of_date, model_family, subject
""",
}

_GATES = """
select
    suite,
    count(*) as checks,
    count(*) filter (where outcome = 'failed') as failed,
    count(*) filter (where outcome = 'errored') as errored
from wh.ops.validation_results
where run_id = $run_id
group by suite
order by suite
"""


def model_rows(con: duckdb.DuckDBPyConnection, record: ModelRecord, *, since: date) -> dict[str, Any]:
    """Return everything that one model's card shows, by the names of the card's parts.

    `night`, the last one that it scored, is None, and the frames that belong to it are empty, where it has scored
    nobody since.

    Args:
        con: a writer's cursor.
        record: the model.
        since: a night that it scored; older ones are not read.
    """
    key = {"portfolio": record.portfolio, "family": record.model_family, "version": record.model_version}
    nights = sql.frame(con, _LAST_NIGHT, {**key, "since": since}).to_dicts()
    night = nights[0] if nights else None
    day = night["as_of_date"] if night else record.knowledge_date
    # of a model whose earlier scores were kept that night there is none: it was not watched
    role = watch.scorers(con, Night(record.portfolio, day, record.run_id)).get(record.key)
    dated = {**key, "as_of_date": day}
    roled = {**dated, "role": role}
    return {
        "roles": sql.frame(con, _ROLES, key),
        "unseen": sql.frame(con, _UNSEEN, key),
        "by_coverage": sql.frame(con, _BY_COVERAGE, key),
        "night": night,
        **{
            name: sql.frame(con, query, asked).limit(_ALL if night else 0)
            for name, query, asked in (
                ("bins", _BINS, dated), ("monitoring", _WATCHED, roled), ("fairness", _FAIRNESS, roled)
            )
        },
        **findings.of_model(con, record),
    }  # fmt: skip


def night_rows(con: duckdb.DuckDBPyConnection, night: Night) -> dict[str, Any] | None:
    """Return everything that a night's report shows, by the names of the report's parts; None without scores.

    `run` is the last run that scored the night, whichever run reports on it.
    """
    runs = sql.frame(con, _RUN, night.key).to_dicts()
    if not runs:
        return None
    frames: dict[str, pl.DataFrame] = {
        name: sql.frame(con, query, night.key) for name, query in _OF_THE_NIGHT.items()
    }
    run_id = runs[0]["run_id"]
    scored = night._replace(run_id=run_id)
    morning = morning_rows.morning_rows(con, scored)
    named = {
        name
        for rows in morning_rows.NAMED
        for name in morning[rows]["enterprise_id"].head(morning_rows.LISTED)
    }
    return {
        "run": runs[0],
        "morning": morning,
        "borrowers": borrower_rows.borrower_rows(con, scored, sorted(named)),
        "gates": sql.frame(con, _GATES, {"run_id": run_id}),
        "feeds": feed_deliveries.frame(con, scored),
        "leaders": [choice.model_dump() for choice in class_leaders.on_night(con, scored)],
        **frames,
    }


def records_of(con: duckdb.DuckDBPyConnection, night: Night) -> tuple[ModelRecord, ...]:
    """Return the models that gave a PD on one night."""
    scored = con.execute(
        "select distinct model_family, model_version from wh.scores.portfolio_scores "
        f"where {_NIGHT} and pd is not null",
        night.key,
    ).fetchall()
    records = registry.records(con, portfolio=night.portfolio)
    return tuple(record for record in records if (record.model_family, record.model_version) in set(scored))
