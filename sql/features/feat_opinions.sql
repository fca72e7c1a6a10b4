-- relation: features.feat_opinions
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, bucket, enterprise_id
-- time: opinions known by the end of $as_of_date and dated on or before it; the latest stated value
--   of the last 390 days counts
-- lookback: 390 days, a state
-- inputs: staging.stg_credit_opinions, features.feat_profile
-- parameters: portfolio, as_of_date
-- inherit features.feat_profile: portfolio, as_of_date, bucket, enterprise_id
-- column credit_rating: [opinion] category; latest rating AAA, AA, A, BBB, BB, B, C, D (Yang & Xiao, Table 1)
-- column credit_rating_grade: [opinion] ordinal; 8 = AAA, 7 = AA, 6 = A, 5 = BBB, 4 = BB, 3 = B, 2 = C, 1 = D (Yang &
--   Xiao, Table 1)
-- column evaluation: [opinion] category; account manager's latest evaluation (Yang & Xiao, Table 1)
-- column evaluation_grade: [opinion] ordinal; 6 = excellent, 5 = good, 4 = general, 3 = poor, 2 = deterioration, 1 =
--   shutdown (Yang & Xiao, Table 1)
-- column opinion_days_since_last: [opinion] days; latest opinion of the last 390 days to as_of_date
-- Opinions that were written with knowledge of the outcome (leaks_outcome, or not stated) never get in.
with opinions as (
    select
        o.enterprise_id,
        arg_max(o.rating, o.opinion_date) as credit_rating,
        arg_max(o.evaluation, o.opinion_date) as evaluation,
        min(cast($as_of_date as date) - o.opinion_date) as days_since_last
    from wh.staging.stg_credit_opinions as o
    where
        o.portfolio = $portfolio
        and o.known_at < cast($as_of_date as date) + interval 1 day
        and (o.known_to is null or o.known_to >= cast($as_of_date as date) + interval 1 day)
        and o.opinion_date <= cast($as_of_date as date)
        and o.opinion_date > cast($as_of_date as date) - {{ lookback }}
        and o.leaks_outcome = false
    group by o.enterprise_id
)

select
    p.portfolio,
    p.as_of_date,
    p.bucket,
    p.enterprise_id,
    cast(k.credit_rating as varchar) as credit_rating,
    cast(nullif(9 - list_position(['AAA', 'AA', 'A', 'BBB', 'BB', 'B', 'C', 'D'], k.credit_rating), 9) as integer)
        as credit_rating_grade,
    cast(k.evaluation as varchar) as evaluation,
    cast(
        nullif(
            7 - list_position(['excellent', 'good', 'general', 'poor', 'deterioration', 'shutdown'], k.evaluation), 7
        ) as integer
    ) as evaluation_grade,
    cast(k.days_since_last as integer) as opinion_days_since_last
from wh.features.feat_profile as p
left join opinions as k on p.enterprise_id = k.enterprise_id
where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
