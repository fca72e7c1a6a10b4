-- audit: assert_scores_interval_around_pd
-- grain: one row per score whose interval has one end only, does not hold its pd, or stands where none may stand
-- inputs: scores.portfolio_scores
-- parameters: portfolio, as_of_date

select
    enterprise_id,
    model_role,
    model_family,
    pd,
    pd_lower,
    pd_upper,
    in_default
from wh.scores.portfolio_scores
where
    portfolio = $portfolio
    and as_of_date = $as_of_date
    and (pd_lower is not null or pd_upper is not null)
    and (
        in_default is true
        or not coalesce(pd_lower > 0 and pd_lower <= pd and pd <= pd_upper and pd_upper < 1, false)
    )
order by enterprise_id
