-- audit: assert_features_label_closed
-- grain: one row per label that is given although its outcome window was still open or the outcomes had stopped before
--   its end, or that is neither 0 nor 1
-- inputs: features.feat_label
-- parameters: portfolio, as_of_date, definition, horizon_days
select
    f.enterprise_id,
    f.label,
    f.reason,
    f.known_by
from wh.features.feat_label as f
where
    f.portfolio = $portfolio
    and f.as_of_date = cast($as_of_date as date)
    and f.definition = $definition
    and f.horizon_days = $horizon_days
    and f.label is not null
    and (
        f.label not in (0, 1)
        or (f.definition <> 'cross_section' and f.as_of_date + f.horizon_days > f.known_by)
        or exists (
            select 1
            from wh.features.feat_label as s
            where
                s.portfolio = $portfolio
                and s.as_of_date = cast($as_of_date as date)
                and s.definition = $definition
                and s.horizon_days = $horizon_days
                and s.reason = 'outcomes stopped before the window closed'
        )
    )
