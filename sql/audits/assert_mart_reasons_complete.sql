-- audit: assert_mart_reasons_complete
-- grain: one row per reason of the latest night that mart_reasons lacks, doubles, or tells with another strength
-- inputs: marts.mart_reasons, marts.mart_portfolio_latest, scores.portfolio_scores
-- parameters: portfolio

with wanted as (
    select
        s.enterprise_id,
        unnest([s.reason_1, s.reason_2, s.reason_3, s.reason_4]) as feature,
        unnest([s.reason_1_strength, s.reason_2_strength, s.reason_3_strength, s.reason_4_strength]) as strength
    from wh.scores.portfolio_scores as s
    inner join wh.marts.mart_portfolio_latest as m
        on s.portfolio = m.portfolio and s.enterprise_id = m.enterprise_id and s.as_of_date = m.as_of_date
    where s.portfolio = $portfolio and s.model_role = 'champion'
),

shown as (
    select
        r.enterprise_id,
        r.feature,
        max(r.strength) as strength,
        count(*) as times
    from wh.marts.mart_reasons as r
    where r.portfolio = $portfolio
    group by r.enterprise_id, r.feature
)

select
    coalesce(w.enterprise_id, s.enterprise_id) as enterprise_id,
    coalesce(w.feature, s.feature) as feature,
    coalesce(s.times, 0) as times,
    w.strength,
    s.strength as strength_shown
from (select * from wanted where feature is not null) as w
full join shown as s on w.enterprise_id = s.enterprise_id and w.feature = s.feature
where
    coalesce(s.times, 0) <> 1
    or (w.feature is not null and w.strength is distinct from s.strength)
order by enterprise_id
