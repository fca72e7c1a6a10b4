-- audit: assert_features_complete
-- grain: one row per enterprise of feat_profile that another relation lacks
-- inputs: features.feat_profile, features.feat_sensitive, features.feat_ledger, features.feat_transactions,
--   features.feat_counterparties, features.feat_operations, features.feat_legal, features.feat_opinions,
--   features.feat_coverage
-- parameters: portfolio, as_of_date
with held as (
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
),

relations as (
    select 'feat_sensitive' as relation
    union all
    select 'feat_ledger' as relation
    union all
    select 'feat_transactions' as relation
    union all
    select 'feat_counterparties' as relation
    union all
    select 'feat_operations' as relation
    union all
    select 'feat_legal' as relation
    union all
    select 'feat_opinions' as relation
    union all
    select 'feat_coverage' as relation
)

select
    r.relation,
    p.enterprise_id
from wh.features.feat_profile as p
cross join relations as r
where
    p.portfolio = $portfolio
    and p.as_of_date = cast($as_of_date as date)
    and not exists (
        select 1
        from held as h
        where h.relation = r.relation and h.enterprise_id = p.enterprise_id
    )
