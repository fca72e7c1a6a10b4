-- relation: features.feat_legal
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, enterprise_id
-- time: cases known by the end of $as_of_date and filed on or before it; a window of w days ends with as_of_date
-- inputs: staging.stg_legal_cases, features.feat_profile
-- parameters: portfolio, as_of_date
-- column portfolio: [key] source of the rows
-- column as_of_date: [key] date; the night the row describes
-- column enterprise_id: [key] the lender's key of the enterprise
-- column plaintiff_cases_30d: [legal] count; cases in which the enterprise is the plaintiff, 30 days (Yang & Xiao,
--   Table 1)
-- column plaintiff_cases_90d: [legal] count; cases in which the enterprise is the plaintiff, 90 days (Yang & Xiao,
--   Table 1)
-- column plaintiff_cases_180d: [legal] count; cases in which the enterprise is the plaintiff, 180 days (Yang & Xiao,
--   Table 1)
-- column plaintiff_cases_365d: [legal] count; cases in which the enterprise is the plaintiff, 365 days (Yang & Xiao,
--   Table 1)
-- column plaintiff_cases_all: [legal] count; cases in which the enterprise is the plaintiff, whole known history
--   (Yang & Xiao, Table 1)
-- column defendant_cases_30d: [legal] count; cases in which the enterprise is the defendant, 30 days (Yang & Xiao,
--   Table 1)
-- column defendant_cases_90d: [legal] count; cases in which the enterprise is the defendant, 90 days (Yang & Xiao,
--   Table 1)
-- column defendant_cases_180d: [legal] count; cases in which the enterprise is the defendant, 180 days (Yang & Xiao,
--   Table 1)
-- column defendant_cases_365d: [legal] count; cases in which the enterprise is the defendant, 365 days (Yang & Xiao,
--   Table 1)
-- column defendant_cases_all: [legal] count; cases in which the enterprise is the defendant, whole known history
--   (Yang & Xiao, Table 1)
-- column legal_days_since_last: [legal] days; latest case to as_of_date
-- Table 1 of the paper swaps the explanations of the two counts: here a plaintiff sues and a defendant is sued.
with delivered as (
    select exists(
        select 1
        from wh.staging.stg_legal_cases as f
        where
            f.portfolio = $portfolio
            and f.known_at < cast($as_of_date as date) + interval 1 day
    ) as feed
),

known as (
    select
        l.enterprise_id,
        l.role,
        cast($as_of_date as date) - l.filed_on as days_ago
    from wh.staging.stg_legal_cases as l
    where
        l.portfolio = $portfolio
        and l.known_at < cast($as_of_date as date) + interval 1 day
        and (l.known_to is null or l.known_to >= cast($as_of_date as date) + interval 1 day)
        and l.filed_on <= cast($as_of_date as date)
),

cases as (
    select
        k.enterprise_id,
        count(*) filter (where k.role = 'plaintiff' and k.days_ago < 30) as plaintiff_cases_30d,
        count(*) filter (where k.role = 'plaintiff' and k.days_ago < 90) as plaintiff_cases_90d,
        count(*) filter (where k.role = 'plaintiff' and k.days_ago < 180) as plaintiff_cases_180d,
        count(*) filter (where k.role = 'plaintiff' and k.days_ago < 365) as plaintiff_cases_365d,
        count(*) filter (where k.role = 'plaintiff') as plaintiff_cases_all,
        count(*) filter (where k.role = 'defendant' and k.days_ago < 30) as defendant_cases_30d,
        count(*) filter (where k.role = 'defendant' and k.days_ago < 90) as defendant_cases_90d,
        count(*) filter (where k.role = 'defendant' and k.days_ago < 180) as defendant_cases_180d,
        count(*) filter (where k.role = 'defendant' and k.days_ago < 365) as defendant_cases_365d,
        count(*) filter (where k.role = 'defendant') as defendant_cases_all,
        min(k.days_ago) as days_since_last
    from known as k
    group by k.enterprise_id
)

select
    p.portfolio,
    p.as_of_date,
    p.enterprise_id,
    cast(case when d.feed then coalesce(k.plaintiff_cases_30d, 0) end as integer) as plaintiff_cases_30d,
    cast(case when d.feed then coalesce(k.plaintiff_cases_90d, 0) end as integer) as plaintiff_cases_90d,
    cast(case when d.feed then coalesce(k.plaintiff_cases_180d, 0) end as integer) as plaintiff_cases_180d,
    cast(case when d.feed then coalesce(k.plaintiff_cases_365d, 0) end as integer) as plaintiff_cases_365d,
    cast(case when d.feed then coalesce(k.plaintiff_cases_all, 0) end as integer) as plaintiff_cases_all,
    cast(case when d.feed then coalesce(k.defendant_cases_30d, 0) end as integer) as defendant_cases_30d,
    cast(case when d.feed then coalesce(k.defendant_cases_90d, 0) end as integer) as defendant_cases_90d,
    cast(case when d.feed then coalesce(k.defendant_cases_180d, 0) end as integer) as defendant_cases_180d,
    cast(case when d.feed then coalesce(k.defendant_cases_365d, 0) end as integer) as defendant_cases_365d,
    cast(case when d.feed then coalesce(k.defendant_cases_all, 0) end as integer) as defendant_cases_all,
    cast(k.days_since_last as integer) as legal_days_since_last
from wh.features.feat_profile as p
cross join delivered as d
left join cases as k on p.enterprise_id = k.enterprise_id
where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
