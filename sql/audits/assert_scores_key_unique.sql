-- audit: assert_scores_key_unique
-- grain: one row per key of the night that occurs more than once
-- inputs: scores.portfolio_scores
-- parameters: portfolio, as_of_date

select
    enterprise_id,
    model_role,
    model_family,
    model_version,
    count(*) as times
from wh.scores.portfolio_scores
where
    portfolio = $portfolio
    and as_of_date = $as_of_date
group by enterprise_id, model_role, model_family, model_version
having count(*) > 1
order by enterprise_id
