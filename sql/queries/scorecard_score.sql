-- question: Which score do the points of the scorecard give each borrower, and is it the PD that was published?
-- columns: portfolio, as_of_date, enterprise_id, score, pd_from_points, pd, difference
with published as (
    select
        portfolio,
        as_of_date,
        enterprise_id,
        model_family,
        model_version,
        pd
    from scores.portfolio_scores
    where score_status = 'fresh' and pd is not null
),

borrowers as (
    select
        portfolio,
        as_of_date,
        enterprise_id,
        to_json(feat_enterprise) as features
    from features.feat_enterprise
),

looked_up as (
    select
        p.portfolio,
        p.as_of_date,
        p.enterprise_id,
        p.pd,
        s.* exclude (portfolio),
        b.features ->> s.feature as found,
        try_cast(found as double) as number
    from published as p
    inner join borrowers as b
        on p.portfolio = b.portfolio and p.as_of_date = b.as_of_date and p.enterprise_id = b.enterprise_id
    inner join ops.scorecard as s
        on p.portfolio = s.portfolio and p.model_family = s.model_family and p.model_version = s.model_version
),

-- the bin that holds the value; any other level where no category does
counted as (
    select
        portfolio,
        as_of_date,
        enterprise_id,
        pd,
        feature,
        base_points,
        anchor_points,
        anchor_odds,
        points_to_double,
        slope_low,
        slope_high,
        intercept,
        first(points order by kind = 'other') as points
    from looked_up
    where
        case kind
            when 'missing' then found is null
            when 'interval' then (lower is null or number >= lower) and (upper is null or number < upper)
            when 'category' then list_contains(levels, found)
            else found is not null
        end
    group by all
),

scored as (
    select
        portfolio,
        as_of_date,
        enterprise_id,
        any_value(pd) as pd,
        any_value(base_points) + sum(points) as score,
        (score - any_value(anchor_points)) / any_value(points_to_double) as doublings,
        1 / (1 + any_value(anchor_odds) * pow(2, doublings)) as raw,
        any_value(slope_low) * ln(raw) - any_value(slope_high) * ln(1 - raw) + any_value(intercept) as log_odds,
        1 / (1 + exp(-log_odds)) as pd_from_points
    from counted
    group by portfolio, as_of_date, enterprise_id
)

select
    portfolio,
    as_of_date,
    enterprise_id,
    cast(score as bigint) as score,
    greatest(1e-6, least(1 - 1e-6, pd_from_points)) as pd_from_points,
    pd,
    abs(greatest(1e-6, least(1 - 1e-6, pd_from_points)) - pd) as difference
from scored
order by portfolio, as_of_date, enterprise_id
