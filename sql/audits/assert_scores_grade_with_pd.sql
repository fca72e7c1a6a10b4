-- audit: assert_scores_grade_with_pd
-- grain: one row per score whose grade or points are there without a pd, or missing beside one
-- inputs: scores.portfolio_scores
-- parameters: portfolio, as_of_date

select
    enterprise_id,
    model_role,
    model_family,
    pd,
    grade,
    score_points
from wh.scores.portfolio_scores
where
    portfolio = $portfolio
    and as_of_date = $as_of_date
    and ((grade is null) <> (pd is null) or (score_points is null) <> (pd is null))
order by enterprise_id
