-- audit: assert_scores_contributions_add_up
-- grain: one row per score whose base value and contributions are not its pd, or that lacks them beside explained ones
-- inputs: scores.portfolio_scores, scores.contributions
-- parameters: portfolio, as_of_date

with explained as (
    select
        enterprise_id,
        model_role,
        model_family,
        model_version,
        pd,
        base_value,
        -- a score that was kept is explained as it was on its own night
        case
            when score_status = 'stale' then base_value is not null
            else
                coalesce(
                    bool_or(base_value is not null) filter (where score_status <> 'stale') over (
                        partition by model_family, model_version
                    ),
                    false
                )
        end as family_explains
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio
        and as_of_date = $as_of_date
        and pd is not null
),

told as (
    select
        enterprise_id,
        model_role,
        model_family,
        model_version,
        sum(contribution) as contributions,
        count(*) - count(contribution) as gaps
    from wh.scores.contributions
    where
        portfolio = $portfolio
        and as_of_date = $as_of_date
    group by enterprise_id, model_role, model_family, model_version
)

select
    coalesce(e.enterprise_id, t.enterprise_id) as enterprise_id,
    coalesce(e.model_role, t.model_role) as model_role,
    coalesce(e.model_family, t.model_family) as model_family,
    e.pd,
    e.base_value,
    t.contributions
from explained as e
full join told as t
    on
        e.enterprise_id = t.enterprise_id
        and e.model_role = t.model_role
        and e.model_family = t.model_family
        and e.model_version = t.model_version
where
    (e.family_explains or t.enterprise_id is not null)
    -- not (a <= b) is true for a not-a-number, and the coalesce catches every null
    and coalesce(t.gaps > 0 or not (abs(e.base_value + t.contributions - e.pd) <= 1e-6), true)
order by enterprise_id
