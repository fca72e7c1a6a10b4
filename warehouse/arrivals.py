"""Read what became known day by day up to a night: amounts beside what their borrowers usually have, new defaults."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import polars as pl

from warehouse import sql
from warehouse.night import Night

YEAR = 365  # days before the last ones, with which these are compared
LEAST_DAYS = 5  # days with amounts from which on it is known what a borrower usually has
WIDEST = 3  # standard deviations at which a difference is cut, so that one huge amount is no change
GONE_DAYS = 100  # days without an outcome after which a borrower has left; a quarter is shorter

# a borrower's day is the mean logarithm of its amounts that became known then. The last days are compared with the
# mean of the borrower's days of the year before them, each of these with the mean of the others. Decimals add up to the
# same sum in any order, so that a night on other threads or workers says the same
_EXACT = "decimal(38, 12)"
_MEAN = f"cast(sum(cast(difference as {_EXACT})) as double) / count(*)"
_SQUARES = f"cast(sum(cast(difference * difference as {_EXACT})) as double) / count(*)"
_DEVIATION = f"sqrt(greatest(0, {_SQUARES} - power({_MEAN}, 2)))"
_AMOUNTS = f"""
with days as (
    select
        enterprise_id,
        cast(known_at as date) as day,
        cast(sum(cast(ln(abs(amount)) as {_EXACT})) as double) / count(*) as size
    from wh.raw.transactions
    where
        portfolio = $portfolio and amount <> 0
        and known_at >= cast($since as date) - {YEAR} and known_at < cast($as_of_date as date) + interval 1 day
    group by enterprise_id, cast(known_at as date)
),

usual as (
    select enterprise_id, cast(sum(cast(size as {_EXACT})) as double) / count(*) as size, count(*) as days
    from days
    where day < $since
    group by enterprise_id
    having count(*) >= {LEAST_DAYS}
),

differences as (
    select d.day, (d.size - u.size) * if(d.day < $since, u.days / (u.days - 1), 1) as difference
    from days as d
    inner join usual as u on d.enterprise_id = u.enterprise_id
),

spread as (
    select {WIDEST} * {_DEVIATION} as widest from differences where day < $since
),

cut as (
    select day, greatest(-widest, least(widest, difference)) as difference from differences cross join spread
),

year_before as (
    select {_MEAN} as mean, {_DEVIATION} as deviation from cut where day < $since
)

select
    c.day,
    count(*) as rows,
    cast(sum(cast(c.difference as {_EXACT})) as double) - count(*) * y.mean as total,
    y.deviation,
    (select count(*) from usual) as borrowers
from cut as c
cross join year_before as y
where c.day >= $since
group by c.day, y.mean, y.deviation
order by c.day
"""

# a borrower is at risk from the day after its first outcome on until its first default, or until it has left. Of one
# that is told of so late that it had left, nobody knows how long it was at risk: its default does not count
_DEFAULTS = f"""
with told as (
    select
        enterprise_id,
        cast(known_at as date) as day,
        bool_or(days_past_due > 90 or charge_off or insolvency) as is_default
    from wh.raw.outcomes
    where portfolio = $portfolio and known_at < cast($as_of_date as date) + interval 1 day
    group by enterprise_id, cast(known_at as date)
),

firsts as (
    select enterprise_id, min(day) as first_on, min(day) filter (where is_default) as default_on
    from told
    group by enterprise_id
),

borrowers as (
    select
        f.first_on,
        f.default_on,
        max(t.day) filter (where f.default_on is null or t.day < f.default_on) + {GONE_DAYS} as gone_on
    from firsts as f
    inner join told as t on f.enterprise_id = t.enterprise_id
    group by f.enterprise_id, f.first_on, f.default_on
),

at_risk as (
    select first_on + 1 as from_on, greatest(least(gone_on, default_on + 1), first_on + 1) as to_on
    from borrowers
),

steps as (
    select from_on as day, 1 as step, 0 as defaults from at_risk
    union all
    select to_on, -1, 0 from at_risk
    union all
    select default_on, 0, 1 from borrowers where default_on > first_on and default_on <= gone_on
    union all
    select cast(unnest(generate_series(cast($since as date) - {YEAR}, $as_of_date, interval 1 day)) as date), 0, 0
),

counted as (
    select day, sum(sum(step)) over (order by day) as at_risk, sum(defaults) as defaults from steps group by day
)

select c.day, cast(c.at_risk as bigint) as at_risk, cast(c.defaults as bigint) as defaults, t.day is not null as told
from counted as c
left join (select distinct day from told) as t on c.day = t.day
where c.day >= cast($since as date) - {YEAR} and c.day <= $as_of_date
order by c.day
"""


def amounts(con: duckdb.DuckDBPyConnection, night: Night, *, nights: int) -> pl.DataFrame:
    """Return by how much the amounts of the last days differ from what the same borrowers usually have.

    Args:
        con: a writer's cursor.
        night: what was known by its end counts.
        nights: how many last days are compared with the year before them.

    Returns:
        A row for each of the last days that brought amounts: day, rows (borrowers with amounts and a usual one), total
        of their differences (natural logarithms; zero on average in the year before), deviation of one difference,
        borrowers (with a usual amount, on any day).
    """
    return sql.frame(con, _AMOUNTS, _parameters(night, nights))


def new_defaults(con: duckdb.DuckDBPyConnection, night: Night, *, nights: int) -> pl.DataFrame:
    """Return how many borrowers' first default became known on each of the last days and of the year before them.

    A default is that of `marts.mart_vintages`: more than 90 days past due, charged off or insolvent. It counts where
    the borrower was told of in the 100 days before.

    Args:
        con: a writer's cursor.
        night: what was known by its end counts.
        nights: how many last days are compared with the year before them.

    Returns:
        A row a day: day, at_risk (borrowers), defaults, told (whether any outcome became known).
    """
    return sql.frame(con, _DEFAULTS, _parameters(night, nights))


def _parameters(night: Night, nights: int) -> dict[str, object]:
    return {
        "portfolio": night.portfolio,
        "as_of_date": night.as_of_date,
        "since": night.as_of_date - timedelta(days=nights - 1),
    }
