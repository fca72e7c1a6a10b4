-- audit: assert_scores_pd_when_scored
-- grain: one row per score that has a pd although it is unscoreable or quarantined, or has none although it is not
-- inputs: scores.portfolio_scores
-- parameters: portfolio, as_of_date

select
    enterprise_id,
    model_role,
    model_family,
    score_status,
    pd
from wh.scores.portfolio_scores
where
    portfolio = $portfolio
    and as_of_date = $as_of_date
    and (pd is null) is distinct from (score_status in ('unscoreable', 'quarantined'))
order by enterprise_id
