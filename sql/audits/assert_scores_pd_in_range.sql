-- audit: assert_scores_pd_in_range
-- grain: one row per score whose pd is not strictly between 0 and 1, or whose pd_raw is outside 0 to 1
-- inputs: scores.portfolio_scores
-- parameters: portfolio, as_of_date

select
    enterprise_id,
    model_role,
    model_family,
    pd_raw,
    pd
from wh.scores.portfolio_scores
where
    portfolio = $portfolio
    and as_of_date = $as_of_date
    and (not (pd > 0 and pd < 1) or not (pd_raw >= 0 and pd_raw <= 1))
order by enterprise_id
