-- relation: marts.mart_migration
-- grain: one row per portfolio, as_of_date, months back and pair of grades that a borrower moved between
-- key: portfolio, as_of_date, months, grade_from, grade_to
-- time: the champion scores of $as_of_date, compared with those of the scored night before it (months 0) and of the
--   last scored night of the 31 days up to 1, 3, 6 and 12 months before it
-- inputs: scores.portfolio_scores, marts.mart_portfolio_summary
-- parameters: portfolio, as_of_date
-- column portfolio: [key] portfolio
-- column as_of_date: [key] date; date that was scored
-- column months: [key] months; how far back; 0 is the scored night before, however long ago
-- column as_of_date_from: [time] date; the night that it is compared with
-- column grade_from: [key] grade on that night, default for borrowers in default; null for those that had none or were
--   not there
-- column grade_to: [key] grade on as_of_date, default for borrowers in default; null for those that have none or are
--   gone
-- column enterprises: [count] rows; borrowers that moved so
-- column share: [score] share; of the borrowers of grade_from; the shares of one grade_from add up to 1
-- A month back from the last day of a long month is the last day of a short one, also in a leap year.

-- the summary holds few rows a night: the list of nights stays cheap however long the history is
with nights as (
    select distinct as_of_date
    from wh.marts.mart_portfolio_summary
    where portfolio = $portfolio and as_of_date < cast($as_of_date as date)
),

spans as (
    select
        0 as months,
        max(n.as_of_date) as as_of_date_from
    from nights as n
    union all
    select
        w.months,
        max(n.as_of_date) as as_of_date_from
    from (values (1), (3), (6), (12)) as w (months)
    inner join nights as n
        on
            n.as_of_date <= cast($as_of_date as date) - to_months(cast(w.months as integer))
            and n.as_of_date > cast($as_of_date as date) - to_months(cast(w.months as integer)) - interval 31 day
    group by w.months
),

earlier as (
    select
        b.months,
        b.as_of_date_from,
        s.enterprise_id,
        case when s.in_default then 'default' else s.grade end as grade
    from spans as b
    inner join wh.scores.portfolio_scores as s on b.as_of_date_from = s.as_of_date
    where s.portfolio = $portfolio and s.model_role = 'champion'
),

tonight as (
    select
        b.months,
        b.as_of_date_from,
        s.enterprise_id,
        case when s.in_default then 'default' else s.grade end as grade
    from spans as b
    cross join wh.scores.portfolio_scores as s
    where
        b.as_of_date_from is not null
        and s.portfolio = $portfolio
        and s.model_role = 'champion'
        and s.as_of_date = cast($as_of_date as date)
),

moves as (
    select
        coalesce(e.months, t.months) as months,
        coalesce(e.as_of_date_from, t.as_of_date_from) as as_of_date_from,
        e.grade as grade_from,
        t.grade as grade_to,
        count(*) as enterprises
    from earlier as e
    full outer join tonight as t on e.months = t.months and e.enterprise_id = t.enterprise_id
    group by all
)

select
    cast($portfolio as varchar) as portfolio,
    cast($as_of_date as date) as as_of_date,
    cast(m.months as integer) as months,
    cast(m.as_of_date_from as date) as as_of_date_from,
    cast(m.grade_from as varchar) as grade_from,
    cast(m.grade_to as varchar) as grade_to,
    cast(m.enterprises as bigint) as enterprises,
    cast(m.enterprises / sum(m.enterprises) over (partition by m.months, m.grade_from) as double) as share
from moves as m
