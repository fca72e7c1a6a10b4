-- audit: assert_changes_add_up
-- grain: one row per borrower with a pd on either night whose parts are not its pd difference, are missing, or
--   explain a difference that there is not
-- inputs: scores.portfolio_scores, scores.score_changes
-- parameters: portfolio, as_of_date, against_date

with now as (
    select
        enterprise_id,
        pd
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio
        and as_of_date = $as_of_date
        and model_role = 'champion'
        and pd is not null
),

before as (
    select
        enterprise_id,
        pd
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio
        and as_of_date = $against_date
        and model_role = 'champion'
        and pd is not null
),

moved as (
    select
        coalesce(n.enterprise_id, b.enterprise_id) as enterprise_id,
        b.pd as pd_before,
        n.pd as pd_now
    from now as n
    full join before as b on n.enterprise_id = b.enterprise_id
),

told as (
    select
        enterprise_id,
        sum(change) as change,
        count(*) as parts,
        count(*) - count(change) as gaps,
        count(*) filter (where part in ('appeared', 'gone', 'newly_scored', 'unscored')) as entries
    from wh.scores.score_changes
    where
        portfolio = $portfolio
        and as_of_date = $as_of_date
        and against_date = $against_date
    group by enterprise_id
)

select
    coalesce(m.enterprise_id, t.enterprise_id) as enterprise_id,
    m.pd_before,
    m.pd_now,
    t.change,
    t.parts
from moved as m
full join told as t on m.enterprise_id = t.enterprise_id
where
    m.enterprise_id is null
    or t.enterprise_id is null
    or case
        when m.pd_before is null or m.pd_now is null then t.parts <> 1 or t.entries <> 1 or t.gaps <> 1
        -- not (a <= b) is true for a not-a-number, and the coalesce catches a null
        else
            t.entries > 0
            or t.gaps > 0
            or coalesce(not (abs(t.change - (m.pd_now - m.pd_before)) <= 1e-6), true)
    end
order by enterprise_id
