-- audit: assert_scores_one_champion
-- grain: one row per enterprise of the night without exactly one champion row, or per champion row of no enterprise
-- inputs: features.feat_profile, staging.stg_enterprises_quarantined, scores.portfolio_scores
-- parameters: portfolio, as_of_date

with champions as (
    select
        enterprise_id,
        count(*) as champion_rows
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio
        and as_of_date = $as_of_date
        and model_role = 'champion'
    group by enterprise_id
),

enterprises as (
    select distinct enterprise_id
    from wh.features.feat_profile
    where
        portfolio = $portfolio
        and as_of_date = $as_of_date
    union
    -- those whom only quarantined rows describe have a row as well
    select q.enterprise_id
    from wh.staging.stg_enterprises_quarantined as q
    where
        q.portfolio = $portfolio
        and coalesce(q.valid_from <= $as_of_date, true)
        and coalesce(q.known_at < cast($as_of_date as date) + interval 1 day, true)
)

select
    coalesce(e.enterprise_id, c.enterprise_id) as enterprise_id,
    e.enterprise_id is not null as in_portfolio,
    coalesce(c.champion_rows, 0) as champion_rows
from enterprises as e
full join champions as c on e.enterprise_id = c.enterprise_id
where e.enterprise_id is null or coalesce(c.champion_rows, 0) <> 1
order by enterprise_id
