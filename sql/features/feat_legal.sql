-- relation: features.feat_legal
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, bucket, enterprise_id
-- time: cases known by the end of $as_of_date and filed on or before it; a window of w days ends with as_of_date
-- lookback: 390 days
-- inputs: staging.stg_legal_cases, features.feat_profile, features.feat_delivered
-- parameters: portfolio, as_of_date
-- inherit features.feat_profile: portfolio, as_of_date, bucket, enterprise_id
-- column plaintiff_cases_{days}d: [legal] count; cases in which the enterprise is the plaintiff, {days} days (Yang &
--   Xiao, Table 1)
-- column plaintiff_cases_all: [legal] count; cases in which the enterprise is the plaintiff; looks back as far as the
--   record (Yang & Xiao, Table 1)
-- column defendant_cases_{days}d: [legal] count; cases in which the enterprise is the defendant, {days} days (Yang &
--   Xiao, Table 1)
-- column defendant_cases_all: [legal] count; cases in which the enterprise is the defendant; looks back as far as the
--   record (Yang & Xiao, Table 1)
-- column legal_days_since_last: [legal] days; latest case of the last 390 days to as_of_date
-- Table 1 of the paper swaps the explanations of the two counts: here a plaintiff sues and a defendant is sued.
with delivered as (
    select f.legal_cases as feed
    from wh.features.feat_delivered as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
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
        {% for role in ["plaintiff", "defendant"] %}
        {% for days in day_windows %}
        count(*) filter (where k.role = '{{ role }}' and k.days_ago < {{ days }}) as {{ role }}_cases_{{ days }}d,
        {% endfor %}
        count(*) filter (where k.role = '{{ role }}') as {{ role }}_cases_all,
        {% endfor %}
        min(k.days_ago) filter (where k.days_ago < {{ lookback }}) as days_since_last
    from known as k
    group by k.enterprise_id
)

select
    p.portfolio,
    p.as_of_date,
    p.bucket,
    p.enterprise_id,
    {% for role in ["plaintiff", "defendant"] %}
    {% for window in windows %}
    cast(case when d.feed then coalesce(k.{{ role }}_cases_{{ window }}, 0) end as integer)
        as {{ role }}_cases_{{ window }},
    {% endfor %}
    {% endfor %}
    cast(k.days_since_last as integer) as legal_days_since_last
from wh.features.feat_profile as p
cross join delivered as d
left join cases as k on p.enterprise_id = k.enterprise_id
where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
