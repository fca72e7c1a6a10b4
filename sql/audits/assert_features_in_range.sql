-- audit: assert_features_in_range
-- grain: one row per enterprise with a share or an index outside 0..1, or a spread or a distance in time below 0
-- inputs: features.feat_enterprise
-- parameters: portfolio, as_of_date
select f.enterprise_id
from wh.features.feat_enterprise as f
where
    f.portfolio = $portfolio
    and f.as_of_date = cast($as_of_date as date)
    and (
        least(*columns('_(share|hhi|churn)_(\d+d|all)$')) < -1e-9
        or greatest(*columns('_(share|hhi|churn)_(\d+d|all)$')) > 1 + 1e-9
        or least(*columns('_std_(\d+d|all)$|_days_since_last$')) < 0
    )
