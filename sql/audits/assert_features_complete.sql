-- audit: assert_features_complete
-- grain: one row per enterprise of feat_profile that another relation lacks
-- inputs: features.feat_profile, features.feat_sensitive, features.feat_ledger, features.feat_transactions,
--   features.feat_counterparties, features.feat_operations, features.feat_legal, features.feat_opinions,
--   features.feat_coverage
-- parameters: portfolio, as_of_date
with enterprises as (
    select p.enterprise_id
    from wh.features.feat_profile as p
    where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
)

{% for relation in inputs if relation != "features.feat_profile" %}
select
    '{{ relation }}' as relation,
    e.enterprise_id
from enterprises as e
where
    e.enterprise_id not in (
        select f.enterprise_id
        from wh.{{ relation }} as f
        where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
    )
{{ "union all" if not loop.last }}
{% endfor %}
