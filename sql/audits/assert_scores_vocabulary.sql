-- audit: assert_scores_vocabulary
-- grain: one row per score with a role, status or coverage that does not exist
-- inputs: scores.portfolio_scores
-- parameters: portfolio, as_of_date

select
    enterprise_id,
    model_role,
    score_status,
    coverage
from wh.scores.portfolio_scores
where
    portfolio = $portfolio
    and as_of_date = $as_of_date
    and (
        model_role not in ('champion', 'challenger', 'shadow')
        or score_status not in ('fresh', 'stale', 'quarantined', 'unscoreable')
        or coverage not in ('thick', 'transaction', 'thin', 'unscoreable')
        or enterprise_id is null
        or model_role is null
        or score_status is null
        or coverage is null
    )
order by enterprise_id
