-- audit: assert_mart_latest_complete
-- grain: one row per champion score of the latest night that mart_portfolio_latest lacks, doubles or tells otherwise
-- inputs: marts.mart_portfolio_latest, scores.portfolio_scores
-- parameters: portfolio

-- a later night than the mart's would show here too; earlier ones are not read
with latest as (
    select
        enterprise_id,
        as_of_date,
        pd
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio
        and model_role = 'champion'
        and as_of_date >= (
            select coalesce(max(m.as_of_date), date '0001-01-01')
            from wh.marts.mart_portfolio_latest as m
            where m.portfolio = $portfolio
        )
),

shown as (
    select
        enterprise_id,
        count(*) as times,
        max(as_of_date) as as_of_date,
        max(pd) as pd
    from wh.marts.mart_portfolio_latest
    where portfolio = $portfolio
    group by enterprise_id
)

select
    coalesce(l.enterprise_id, m.enterprise_id) as enterprise_id,
    coalesce(m.times, 0) as times,
    l.pd as pd_scored,
    m.pd as pd_shown
from latest as l
full join shown as m on l.enterprise_id = m.enterprise_id
where
    coalesce(m.times, 0) <> 1
    or l.enterprise_id is null
    or l.as_of_date is distinct from m.as_of_date
    or l.pd is distinct from m.pd
order by enterprise_id
