-- audit: assert_mart_summary_adds_up
-- grain: one row when the summary of the night does not add up to its champion scores
-- inputs: marts.mart_portfolio_summary, scores.portfolio_scores
-- parameters: portfolio, as_of_date

with summary as (
    select
        coalesce(sum(enterprises), 0) as enterprises,
        coalesce(sum(scored), 0) as scored,
        coalesce(sum(performing), 0) as performing,
        coalesce(sum(expected_defaults), 0) as expected_defaults
    from wh.marts.mart_portfolio_summary
    where
        portfolio = $portfolio
        and as_of_date = $as_of_date
),

champions as (
    select
        count(*) as enterprises,
        count(pd) as scored,
        count(pd) filter (where in_default is not true) as performing,
        coalesce(sum(pd) filter (where in_default is not true), 0) as expected_defaults
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio
        and as_of_date = $as_of_date
        and model_role = 'champion'
)

select
    s.enterprises as in_summary,
    c.enterprises as champions,
    s.scored as scored_in_summary,
    c.scored as scored_champions,
    s.performing as performing_in_summary,
    c.performing as performing_champions,
    s.expected_defaults as defaults_in_summary,
    c.expected_defaults as defaults_of_champions
from summary as s
cross join champions as c
where
    s.enterprises <> c.enterprises
    or s.scored <> c.scored
    or s.performing <> c.performing
    or abs(s.expected_defaults - c.expected_defaults) > 1e-9 * greatest(1, c.enterprises)
