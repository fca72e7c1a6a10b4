-- audit: assert_features_hash_unique
-- grain: one row per pair of enterprises that share the 64 bits by which their transactions are gathered
-- inputs: staging.stg_enterprises
-- parameters: portfolio
select
    hash(e.enterprise_id) as enterprise,
    min(e.enterprise_id) as one,
    max(e.enterprise_id) as another
from wh.staging.stg_enterprises as e
where e.portfolio = $portfolio
group by hash(e.enterprise_id)
having min(e.enterprise_id) <> max(e.enterprise_id)
