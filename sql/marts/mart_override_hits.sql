-- relation: marts.mart_override_hits
-- grain: one row per portfolio, as_of_date and direction: upgrades and downgrades decided by the date
-- key: portfolio, as_of_date, direction
-- time: overrides and outcomes known by the end of $as_of_date; the outcome of an override is what happened within
--   365 days after the day of the decision
-- inputs: ops.overrides, staging.stg_outcomes, staging.stg_outcome_days
-- parameters: portfolio, as_of_date
-- column portfolio: [key] portfolio
-- column as_of_date: [key] date; what was known by its end counts
-- column direction: [key] category; upgrade (a better grade than the model's) or downgrade
-- column overrides: [count] rows; overrides decided by the date
-- column outcome_known: [count] rows; of these with a closed window that the outcomes tell of
-- column defaults: [count] rows; of those known, with a default
-- column agreed_with_override: [count] rows; upgraded and no default, or downgraded and a default
-- column agreed_with_model: [count] rows; the others whose outcome is known
-- column override_hit_rate: [rate] share; agreed_with_override of outcome_known, null while none is known
-- column model_hit_rate: [rate] share; agreed_with_model of outcome_known, null while none is known
-- Default: more than 90 days past due, a charge-off or an insolvency. Names of grades sort from best to worst.
-- A borrower about whom no outcome was delivered after the decision is not known to be good. An open window is not
-- known either, as for labels: defaults show before its end, the others only then, and early rates would be theirs.
-- Nor is a window that the outcomes stopped before, by the rule of features.feat_label.
with decided as (
    select
        enterprise_id,
        decided_at,
        cast(decided_at as date) as decided_on,
        case when new_grade < old_grade then 'upgrade' else 'downgrade' end as direction
    from wh.ops.overrides
    where
        portfolio = $portfolio
        and known_at < cast($as_of_date as date) + interval 1 day
        and (known_to is null or known_to >= cast($as_of_date as date) + interval 1 day)
        and new_grade <> old_grade
),

last_told as (
    select
        max(told_on) as told_on,
        max(told_until) as told_until,
        coalesce(arg_max(usual_pause, told_on), 0) as usual_pause
    from wh.staging.stg_outcome_days
    where portfolio = $portfolio and told_on <= cast($as_of_date as date)
),

happened as (
    select
        d.enterprise_id,
        d.decided_at,
        d.direction,
        d.decided_on + 365 <= cast($as_of_date as date)
        and d.decided_on + 365 - any_value(t.told_on) <= any_value(t.usual_pause)
        and (d.decided_on + 365 - any_value(t.told_until)) * 3 <= 365 as closed,
        count(o.outcome_date) as outcomes,
        coalesce(bool_or(o.days_past_due > 90 or o.charge_off or o.insolvency), false) as defaulted
    from decided as d
    cross join last_told as t
    left join wh.staging.stg_outcomes as o
        on
            d.enterprise_id = o.enterprise_id
            and o.portfolio = $portfolio
            and d.decided_on < o.outcome_date
            and d.decided_on + 365 >= o.outcome_date
            and o.known_at < cast($as_of_date as date) + interval 1 day
            and (o.known_to is null or o.known_to >= cast($as_of_date as date) + interval 1 day)
    group by
        d.enterprise_id,
        d.decided_at,
        d.direction,
        d.decided_on
),

judged as (
    select
        direction,
        defaulted,
        closed and outcomes > 0 as is_known,
        (direction = 'downgrade') = defaulted as override_was_right
    from happened
)

select
    cast($portfolio as varchar) as portfolio,
    cast($as_of_date as date) as as_of_date,
    direction,
    count(*) as overrides,
    count(*) filter (where is_known) as outcome_known,
    count(*) filter (where is_known and defaulted) as defaults,
    count(*) filter (where is_known and override_was_right) as agreed_with_override,
    count(*) filter (where is_known and not override_was_right) as agreed_with_model,
    count(*) filter (where is_known and override_was_right) / nullif(count(*) filter (where is_known), 0)
        as override_hit_rate,
    count(*) filter (where is_known and not override_was_right) / nullif(count(*) filter (where is_known), 0)
        as model_hit_rate
from judged
group by direction
