-- audit: assert_features_in_range
-- grain: one row per enterprise with a share or an index outside 0..1, or a spread or a distance in time below 0
-- inputs: features.feat_enterprise
-- parameters: portfolio, as_of_date
with extremes as (
    select
        f.enterprise_id,
        least(*columns('_(share|hhi|churn)_(\d+d|all)$')) as lowest_share,
        greatest(*columns('_(share|hhi|churn)_(\d+d|all)$')) as highest_share,
        least(*columns('_std_(\d+d|all)$|_days_since_last$')) as lowest_distance
    from wh.features.feat_enterprise as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
)

select
    e.enterprise_id,
    e.lowest_share,
    e.highest_share,
    e.lowest_distance
from extremes as e
where
    e.lowest_share < -1e-9
    or e.highest_share > 1 + 1e-9
    or e.lowest_distance < 0
