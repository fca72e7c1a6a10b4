-- relation: features.feat_sensitive
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, bucket, enterprise_id
-- time: enterprise versions known by the end of $as_of_date and valid on it; the latest valid_from counts
-- inputs: staging.stg_enterprises, features.feat_profile
-- parameters: portfolio, as_of_date
-- inherit features.feat_profile: portfolio, as_of_date, bucket, enterprise_id
-- column representative_gender: [sensitive] category; gender of the legal representative (Vanhoeven & Chen types 1 and
--   2)
-- For fairness checks; a model reads it only where its settings say sensitive="use", so feat_enterprise leaves it
-- out.
with gender as (
    select
        e.enterprise_id,
        e.representative_gender
    from wh.staging.stg_enterprises as e
    where
        e.portfolio = $portfolio
        and e.known_at < cast($as_of_date as date) + interval 1 day
        and (e.known_to is null or e.known_to >= cast($as_of_date as date) + interval 1 day)
        and e.valid_from <= cast($as_of_date as date)
    qualify row_number() over (partition by e.enterprise_id order by e.valid_from desc, e.known_at desc) = 1
)

select
    p.portfolio,
    p.as_of_date,
    p.bucket,
    p.enterprise_id,
    cast(g.representative_gender as varchar) as representative_gender
from wh.features.feat_profile as p
left join gender as g on p.enterprise_id = g.enterprise_id
where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
