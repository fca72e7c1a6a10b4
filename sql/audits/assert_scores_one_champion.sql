-- audit: assert_scores_one_champion
-- grain: one row per enterprise of the night without exactly one champion row, or per champion row of no enterprise
-- inputs: features.feat_profile, scores.portfolio_scores
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
)

select
    coalesce(e.enterprise_id, c.enterprise_id) as enterprise_id,
    e.enterprise_id is not null as in_portfolio,
    coalesce(c.champion_rows, 0) as champion_rows
from enterprises as e
full join champions as c on e.enterprise_id = c.enterprise_id
where e.enterprise_id is null or coalesce(c.champion_rows, 0) <> 1
order by enterprise_id
