-- audit: assert_features_key_unique
-- grain: one row per enterprise that a relation holds more than once
-- inputs: features.feat_profile, features.feat_sensitive, features.feat_ledger, features.feat_transactions,
--   features.feat_counterparties, features.feat_operations, features.feat_legal, features.feat_opinions,
--   features.feat_coverage
-- parameters: portfolio, as_of_date
{% for relation in inputs %}
select
    '{{ relation }}' as relation,
    f.enterprise_id,
    count(*) as times
from wh.{{ relation }} as f
where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
group by f.enterprise_id
having count(*) > 1
{{ "union all" if not loop.last }}
{% endfor %}
