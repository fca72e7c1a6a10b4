"""Read what a borrower's page shows: PD night by night, reasons, what moved, data, overrides, its curve."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import duckdb

from warehouse import changes, sql
from warehouse.morning_rows import NIGHTS, shown
from warehouse.night import Night

_WHO = "enterprise_id in (select unnest($ids))"
_OF_NIGHT = f"portfolio = $portfolio and as_of_date = $as_of_date and {_WHO}"

_HISTORY = f"""
select
    enterprise_id, as_of_date, score_status, coverage, grade, pd, pd_lower, pd_upper, in_default, model_family,
    model_version, scored_as_of
from wh.scores.portfolio_scores
where
    portfolio = $portfolio and as_of_date <= $as_of_date and as_of_date > $since and model_role = 'champion'
    and {_WHO}
order by enterprise_id, as_of_date
"""

_REASONS = f"""
with stored as (
    select
        enterprise_id,
        unnest(range(1, 5)) as rank,
        unnest([reason_1, reason_2, reason_3, reason_4]) as feature,
        unnest([reason_1_strength, reason_2_strength, reason_3_strength, reason_4_strength]) as strength
    from wh.scores.portfolio_scores
    where {_OF_NIGHT} and model_role = 'champion'
)
select s.enterprise_id, s.rank, coalesce(c.business_name, s.feature) as name, s.strength
from stored as s
left join wh.ops.feature_catalogue as c on s.feature = c.feature
where s.feature is not null
order by s.enterprise_id, s.rank
"""

_MOVED = f"""
with moved as (
    select enterprise_id, part, feature, change
    from wh.scores.score_changes
    where {_OF_NIGHT} and against_date = $before and change is not null and change <> 0
    qualify row_number() over (partition by enterprise_id, change > 0 order by abs(change) desc, part, feature) <= 3
)
select m.enterprise_id, m.part, coalesce(c.business_name, m.feature) as name, m.change
from moved as m
left join wh.ops.feature_catalogue as c on m.feature = c.feature
order by m.enterprise_id, abs(m.change) desc, m.part, m.feature
"""

# the newest row of each feed that tells of the borrower, in days before the night
_FRESHNESS = f"""
select
    p.enterprise_id,
    p.industry_primary as industry,
    p.region,
    cast(b.total_borrowing as double) as exposure,
    b.ledger_days_since_last as loan_ledger,
    t.tx_days_since_last as transactions,
    o.event_days_since_last as operational_events,
    l.legal_days_since_last as legal_cases,
    c.opinion_days_since_last as credit_opinions
from (select * from wh.features.feat_profile where {_OF_NIGHT}) as p
left join (select * from wh.features.feat_ledger where {_OF_NIGHT}) as b on p.enterprise_id = b.enterprise_id
left join (select * from wh.features.feat_transactions where {_OF_NIGHT}) as t on p.enterprise_id = t.enterprise_id
left join (select * from wh.features.feat_operations where {_OF_NIGHT}) as o on p.enterprise_id = o.enterprise_id
left join (select * from wh.features.feat_legal where {_OF_NIGHT}) as l on p.enterprise_id = l.enterprise_id
left join (select * from wh.features.feat_opinions where {_OF_NIGHT}) as c on p.enterprise_id = c.enterprise_id
order by p.enterprise_id
"""

# why it was decided is free text, which may name anyone and stays where it is
_OVERRIDES = f"""
select enterprise_id, cast(decided_at as date) as decided_on, old_grade, new_grade, valid_until
from wh.ops.overrides
where
    portfolio = $portfolio and {_WHO}
    and known_at < cast($as_of_date as date) + interval 1 day
    and (known_to is null or known_to >= cast($as_of_date as date) + interval 1 day)
order by enterprise_id, decided_at desc
"""


_CURVE = f"""
select
    c.enterprise_id,
    m.month,
    c.cumulative_pd[m.month] - coalesce(c.cumulative_pd[m.month - 1], 0) as marginal_pd,
    c.cumulative_pd[m.month] as cumulative_pd,
    1 - pow(1 - s.pd_lower, ln(1 - c.cumulative_pd[m.month]) / ln(1 - s.pd)) as cumulative_lower,
    1 - pow(1 - s.pd_upper, ln(1 - c.cumulative_pd[m.month]) / ln(1 - s.pd)) as cumulative_upper,
    c.shape
from (select * from wh.scores.pd_curves where {_OF_NIGHT}) as c
inner join (select * from wh.scores.portfolio_scores where {_OF_NIGHT} and model_role = 'champion') as s
    on c.enterprise_id = s.enterprise_id
cross join (select unnest(range(1, 61)) as month) as m
order by c.enterprise_id, m.month
"""


def borrower_rows(con: duckdb.DuckDBPyConnection, night: Night, ids: Sequence[str]) -> dict[str, Any]:
    """Return what the pages of some borrowers show as of a night, by the names of its parts; each frame has them all.

    Args:
        con: a writer's cursor.
        night: a scored night.
        ids: the borrowers; one that has no score of the night has no rows.
    """
    since = night.as_of_date - timedelta(days=NIGHTS)
    before: date | None = changes.previous_date(con, night)
    asked = {**night.key, "ids": list(ids)}
    return {
        "as_of_date": night.as_of_date,
        "before": before,
        "history": sql.frame(con, _HISTORY, {**asked, "since": since}),
        "reasons": sql.frame(con, _REASONS, asked),
        "moved": sql.frame(con, _MOVED, {**asked, "before": before}),
        "data": shown(sql.frame(con, _FRESHNESS, asked), "industry", "region"),
        "overrides": sql.frame(con, _OVERRIDES, asked),
        "curve": sql.frame(con, _CURVE, asked),
    }


def is_scored(con: duckdb.DuckDBPyConnection, night: Night, enterprise_id: str) -> bool:
    """Return whether a night has a row for a borrower."""
    found = con.execute(
        "select 1 from wh.scores.portfolio_scores "
        "where portfolio = $portfolio and as_of_date = $as_of_date and enterprise_id = $who limit 1",
        {**night.key, "who": enterprise_id},
    ).fetchone()
    return found is not None
