-- audit: assert_features_key_unique
-- grain: one row per enterprise that a relation holds more than once
-- inputs: features.feat_profile, features.feat_sensitive, features.feat_ledger, features.feat_transactions,
--   features.feat_counterparties, features.feat_operations, features.feat_legal, features.feat_opinions,
--   features.feat_coverage
-- parameters: portfolio, as_of_date
with held as (
    select
        'feat_profile' as relation,
        f.enterprise_id
    from wh.features.feat_profile as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
    union all
    select
        'feat_sensitive' as relation,
        f.enterprise_id
    from wh.features.feat_sensitive as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
    union all
    select
        'feat_ledger' as relation,
        f.enterprise_id
    from wh.features.feat_ledger as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
    union all
    select
        'feat_transactions' as relation,
        f.enterprise_id
    from wh.features.feat_transactions as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
    union all
    select
        'feat_counterparties' as relation,
        f.enterprise_id
    from wh.features.feat_counterparties as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
    union all
    select
        'feat_operations' as relation,
        f.enterprise_id
    from wh.features.feat_operations as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
    union all
    select
        'feat_legal' as relation,
        f.enterprise_id
    from wh.features.feat_legal as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
    union all
    select
        'feat_opinions' as relation,
        f.enterprise_id
    from wh.features.feat_opinions as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
    union all
    select
        'feat_coverage' as relation,
        f.enterprise_id
    from wh.features.feat_coverage as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
)

select
    h.relation,
    h.enterprise_id,
    count(*) as times
from held as h
group by
    h.relation,
    h.enterprise_id
having count(*) > 1
