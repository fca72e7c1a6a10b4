-- relation: marts.mart_vintages
-- grain: one row per portfolio and quarter in which the first loan of the borrower was opened
-- key: portfolio, quarter
-- time: the latest as_of_date that the portfolio was scored for; ledger and outcomes as known by its end
-- inputs: marts.mart_portfolio_latest, staging.stg_loan_ledger, staging.stg_outcomes
-- parameters: portfolio
-- column portfolio: [key] portfolio
-- column quarter: [key] date; first day of the quarter, null for borrowers without a known loan
-- column as_of_date: [time] date; latest night
-- column borrowers: [count] rows; borrowers of the latest night
-- column scored: [count] rows; those with a pd
-- column exposure: [exposure] money; total borrowing of those for which it is known, null if for none
-- column exposure_known: [exposure] rows; borrowers whose total borrowing is known
-- column mean_pd: [score] probability; mean pd now of the performing
-- column outcome_known: [outcome] rows; borrowers about whom an outcome was delivered
-- column defaulted: [outcome] rows; of these, borrowers ever more than 90 days past due, charged off or insolvent
-- column observed_default_rate: [outcome] share; defaulted / outcome_known, null where no outcome is known
-- column performing: [count] rows; borrowers with a pd that are not in default already

with latest as (
    select *
    from wh.marts.mart_portfolio_latest
    where portfolio = $portfolio
),

-- the end of the latest night: a timestamp, so that both feeds are cut at the same moment
cut as (select max(l.as_of_date) + interval 1 day as known_before from latest as l),

first_loans as (
    select
        s.enterprise_id,
        cast(date_trunc('quarter', min(s.opened_on)) as date) as quarter
    from wh.staging.stg_loan_ledger as s
    cross join cut as c
    where
        s.portfolio = $portfolio
        and s.known_at < c.known_before
        and (s.known_to is null or s.known_to >= c.known_before)
    group by s.enterprise_id
),

outcomes as (
    select
        o.enterprise_id,
        bool_or(coalesce(o.days_past_due > 90, false) or coalesce(o.charge_off, false) or coalesce(o.insolvency, false))
            as defaulted
    from wh.staging.stg_outcomes as o
    cross join cut as c
    where
        o.portfolio = $portfolio
        and o.known_at < c.known_before
        and (o.known_to is null or o.known_to >= c.known_before)
        and o.outcome_date < c.known_before
    group by o.enterprise_id
)

select
    l.portfolio,
    f.quarter,
    l.as_of_date,
    count(*) as borrowers,
    count(l.pd) as scored,
    cast(sum(l.exposure) as decimal(38, 2)) as exposure,
    count(l.exposure) as exposure_known,
    -- decimals add up to the same sum in any order, so that a rerun on other threads gives the same row
    cast(sum(cast(l.pd as decimal(18, 15))) filter (where l.in_default is not true) as double)
    / nullif(count(l.pd) filter (where l.in_default is not true), 0) as mean_pd,
    count(o.enterprise_id) as outcome_known,
    count(*) filter (where o.defaulted) as defaulted,
    count(*) filter (where o.defaulted) / nullif(count(o.enterprise_id), 0) as observed_default_rate,
    count(l.pd) filter (where l.in_default is not true) as performing
from latest as l
left join first_loans as f on l.enterprise_id = f.enterprise_id
left join outcomes as o on l.enterprise_id = o.enterprise_id
group by l.portfolio, f.quarter, l.as_of_date
