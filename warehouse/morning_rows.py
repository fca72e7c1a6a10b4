"""Read what the morning page says first: the last nights as lines, whom to call, what moved, what is to be decided.

All of it is as of the night asked for, also where later nights have been scored since.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb
import polars as pl

from warehouse import changes, impairment, sql
from warehouse.night import Night
from warehouse.safe_text import printable

NIGHTS = 60  # days that lines and histories go back
LISTED = 10  # borrowers of the watch list that are named
MOVERS = 5  # borrowers that are named of those that got worse, and of those that got better
NAMED = ("listed", "movers", "ending")  # parts whose first borrowers the page tells more of
FILES = 10  # refused files that are named
ENDING = 14  # days ahead in which the end of an override is a thing to decide

_LINES = """
select
    as_of_date,
    sum(enterprises) as enterprises,
    sum(scored) as scored,
    sum(performing) as performing,
    sum(expected_defaults) as expected_defaults,
    sum(expected_defaults) / nullif(sum(performing), 0) as mean_pd,
    cast(sum(exposure) as double) as exposure,
    sum(exposure_known) as exposure_known,
    sum(exposure_expected_in_default) * $lgd as expected_loss
from wh.marts.mart_portfolio_summary
where portfolio = $portfolio and as_of_date <= $as_of_date and as_of_date > $since
group by as_of_date
order by as_of_date
"""

_HEADLINES = """
from wh.scores.portfolio_scores
where portfolio = $portfolio and as_of_date = {night} and model_role = 'champion'
"""
_TONIGHT, _BEFORE = _HEADLINES.format(night="$as_of_date"), _HEADLINES.format(night="$before")

_LISTS = """
select as_of_date, enterprise_id, on_watch_list, why
from wh.marts.mart_watch_list
where portfolio = $portfolio and as_of_date in ($as_of_date, $before)
"""

# whom to call first: who is new on the list, then the higher PD; without a PD last
_LISTED = f"""
with lists as ({_LISTS}),
tonight as (select * {_TONIGHT}),
known as (select enterprise_id from tonight),
exposures as (
    select enterprise_id, cast(total_borrowing as double) as exposure
    from wh.features.feat_ledger
    where portfolio = $portfolio and as_of_date = $as_of_date
)
select
    l.enterprise_id, l.why, s.score_status, s.grade, s.pd, e.exposure, b.enterprise_id is null as is_new
from lists as l
inner join tonight as s on l.enterprise_id = s.enterprise_id
left join lists as b on l.enterprise_id = b.enterprise_id and b.as_of_date = $before and b.on_watch_list
left join exposures as e on l.enterprise_id = e.enterprise_id
where l.as_of_date = $as_of_date and l.on_watch_list
order by is_new desc, s.pd desc nulls last, l.enterprise_id
limit {LISTED}
"""

_LIST_COUNTS = f"""
select
    count(*) filter (where as_of_date = $as_of_date and on_watch_list) as listed,
    count(*) filter (where as_of_date = $as_of_date and on_watch_list and not was_listed) as new,
    count(*) filter (where as_of_date = $before) > 0 as before_is_known
from (
    select
        *,
        bool_or(coalesce(as_of_date = $before, false) and on_watch_list) over (partition by enterprise_id) as was_listed
    from ({_LISTS}) as lists
) as marked
"""

# a PD in default is no forecast: who defaulted is counted among the moves, not named among the movers
_MOVERS = f"""
with pairs as (
    select
        s.enterprise_id, s.pd, b.pd as pd_before, s.grade, b.grade as grade_before,
        s.score_points - b.score_points as points_change,
        s.model_family = b.model_family and s.model_version = b.model_version as same_model
    from (select * {_TONIGHT}) as s
    inner join (select * {_BEFORE}) as b on s.enterprise_id = b.enterprise_id
    where s.in_default is not true and b.in_default is not true and s.score_points <> b.score_points
)
select *, if(points_change < 0, 'worse', 'better') as direction
from pairs
qualify row_number() over (partition by direction order by abs(points_change) desc, enterprise_id) <= {MOVERS}
order by direction desc, abs(points_change) desc, enterprise_id
"""

# by stage, tonight beside the night before
_ALLOWANCE = """
with amounts as (
    select
        as_of_date = $as_of_date as is_tonight, stage, sum(loans) as loans, sum(unmeasured) as unmeasured,
        sum(exposure) as exposure, sum(allowance) as allowance
    from wh.marts.mart_allowance
    where portfolio = $portfolio and as_of_date in ($as_of_date, $before)
    group by all
)
select
    coalesce(t.stage, b.stage) as stage, coalesce(t.loans, 0) as loans, coalesce(t.unmeasured, 0) as unmeasured,
    cast(t.exposure as double) as exposure, cast(t.allowance as double) as allowance,
    b.loans as loans_before, cast(b.allowance as double) as allowance_before
from (from amounts where is_tonight) as t
full join (from amounts where not is_tonight) as b on t.stage = b.stage
order by 1
"""

_ALLOWANCE_MOVED = f"""
unpivot (
    select {", ".join(f"cast(sum({part}) as double) as {part}" for part in impairment.PARTS)}
    from wh.marts.mart_allowance_changes
    where portfolio = $portfolio and as_of_date = $as_of_date and against_date = $before
) on {", ".join(impairment.PARTS)} into name part value change
"""

_MODELS = """
select distinct model_family, model_version from (select * {headlines}) as scores where pd is not null
"""

_GIVERS = """
select distinct coverage, model_family from (select * {headlines}) as scores where score_status = 'fresh'
"""

# file_ledger names the last run that refused a file: of a past night, which later runs tried again, none is left
_REFUSED = f"""
select feed, path, reason
from wh.ops.file_ledger
where
    portfolio = $portfolio and status = 'refused'
    and run_id = (
        select max(run_id) from wh.ops.feed_deliveries
        where portfolio = $portfolio and as_of_date = $as_of_date and run_id <= $run_id
    )
order by feed, path
limit {FILES}
"""

_ENDING = f"""
select enterprise_id, new_grade, valid_until
from wh.ops.overrides
where
    portfolio = $portfolio
    and known_at < cast($as_of_date as date) + interval 1 day
    and (known_to is null or known_to >= cast($as_of_date as date) + interval 1 day)
qualify
    row_number() over (partition by enterprise_id order by decided_at desc) = 1
    and valid_until between $as_of_date and cast($as_of_date as date) + {ENDING}
order by valid_until, enterprise_id
"""


def morning_rows(con: duckdb.DuckDBPyConnection, night: Night) -> dict[str, Any]:
    """Return the rows of the morning, by the names of its parts.

    Args:
        con: a writer's cursor.
        night: a scored night, with the run that scored it.
    """
    before = changes.previous_date(con, night)
    compared = {**night.key, "before": before}
    lgd = impairment.loss_given_default(con, night)
    since = night.as_of_date - timedelta(days=NIGHTS)
    return {
        "before": before,
        "loss_given_default": lgd,
        "lines": sql.frame(con, _LINES, {**night.key, "since": since, "lgd": lgd}),
        "listed": sql.frame(con, _LISTED, compared),
        "list_counts": sql.frame(con, _LIST_COUNTS, compared).row(0, named=True),
        "movers": sql.frame(con, _MOVERS, compared),
        "allowance": sql.frame(con, _ALLOWANCE, compared),
        "allowance_moved": sql.frame(con, _ALLOWANCE_MOVED, compared),
        "new_models": _new_models(con, night, before),
        "new_givers": _new_givers(con, night, before),
        "refused": shown(sql.frame(con, _REFUSED, night._asdict()), "path", "reason"),
        "ending": sql.frame(con, _ENDING, night.key),
    }


def shown(rows: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Return the rows with texts that others wrote as single lines, without signs that hide or turn what follows."""
    return rows.with_columns(
        pl.col(column).map_elements(printable, return_dtype=pl.String) for column in columns
    )


def _new_models(con: duckdb.DuckDBPyConnection, night: Night, before: date | None) -> list[str]:
    """Return the families of which another version gives headlines than on the night before."""
    now, then = _both_nights(con, _MODELS, night, before)
    return sorted({family for family, _ in now - then} & {family for family, _ in then})


def _new_givers(con: duckdb.DuckDBPyConnection, night: Night, before: date | None) -> list[tuple[str, str]]:
    """Return the classes whose headline another family gives than on the night before, each with that family."""
    now, then = _both_nights(con, _GIVERS, night, before)
    return sorted(
        (coverage, family) for coverage, family in now - then if coverage in {kind for kind, _ in then}
    )


def _both_nights(
    con: duckdb.DuckDBPyConnection, query: str, night: Night, before: date | None
) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return the pairs that a query finds in the headlines of the night, and in those before; none without one."""
    if before is None:
        return set(), set()
    now, then = (
        set(con.execute(query.format(headlines=headlines), parameters).fetchall())
        for headlines, parameters in (
            (_TONIGHT, night.key), (_BEFORE, {"portfolio": night.portfolio, "before": before})
        )
    )  # fmt: skip
    return now, then
