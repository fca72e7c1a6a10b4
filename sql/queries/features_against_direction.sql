-- question: Which features do tonight's models have against the direction of the catalogue, and how far?
-- columns: portfolio, model_family, model_version, feature, business_name, direction, share_of_rows, furthest, whole
with used as (
    select distinct
        portfolio,
        model_family,
        model_version
    from marts.mart_portfolio_latest
    where pd is not null
),

checked as (
    select
        r.portfolio,
        r.model_family,
        r.model_version,
        unnest(from_json(
            r.metrics -> '$.direction_check.furthest',
            '[{"feature": "VARCHAR", "rows": "BIGINT", "against": "BIGINT", "largest": "DOUBLE", "whole": "DOUBLE"}]'
        )) as f
    from ops.model_registry as r
    inner join used as u
        on r.portfolio = u.portfolio and r.model_family = u.model_family and r.model_version = u.model_version
)

select
    k.portfolio,
    k.model_family,
    k.model_version,
    k.f.feature,
    c.business_name,
    c.direction,
    k.f.against / k.f.rows as share_of_rows,
    k.f.largest as furthest,
    k.f.whole
from checked as k
inner join ops.feature_catalogue as c on k.f.feature = c.feature
order by k.portfolio asc, k.model_family asc, furthest desc
