-- audit: assert_scores_of_this_run
-- grain: one row per score of the roles written now that another run left behind
-- inputs: scores.portfolio_scores
-- parameters: portfolio, as_of_date, model_roles, run_id

select
    enterprise_id,
    model_role,
    model_family,
    run_id
from wh.scores.portfolio_scores
where
    portfolio = $portfolio
    and as_of_date = $as_of_date
    and list_contains($model_roles, model_role)
    and run_id is distinct from $run_id
order by enterprise_id
