-- audit: assert_scores_curve_around_pd
-- grain: one row per curve that falls, leaves (0, 1), has not 60 months, or is not the headline pd at its month, and,
--   on a night that has curves, per enterprise that should have one and has none
-- inputs: scores.pd_curves, scores.portfolio_scores, ops.model_registry
-- parameters: portfolio, as_of_date

with headlines as (
    select
        s.enterprise_id,
        s.pd
    from wh.scores.portfolio_scores as s
    inner join wh.ops.model_registry as m
        on s.portfolio = m.portfolio and s.model_family = m.model_family and s.model_version = m.model_version
    where
        s.portfolio = $portfolio
        and s.as_of_date = $as_of_date
        and s.model_role = 'champion'
        and s.score_status = 'fresh'
        and s.in_default is not true
        and m.horizon_days is not null
),

curves as (
    select
        enterprise_id,
        pd_month,
        cumulative_pd
    from wh.scores.pd_curves
    where portfolio = $portfolio and as_of_date = $as_of_date
)

select
    coalesce(h.enterprise_id, c.enterprise_id) as enterprise_id,
    h.pd,
    c.pd_month,
    c.cumulative_pd
from headlines as h
full outer join curves as c on h.enterprise_id = c.enterprise_id
where
    (c.enterprise_id is not null or exists (select 1 from curves))
    and not coalesce(
        len(c.cumulative_pd) = 60
        and c.cumulative_pd[c.pd_month] = h.pd
        and c.cumulative_pd = list_sort(c.cumulative_pd)
        and c.cumulative_pd[1] > 0
        and c.cumulative_pd[60] < 1,
        false
    )
order by 1
