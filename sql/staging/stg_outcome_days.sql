-- relation: staging.stg_outcome_days
-- grain: one row per portfolio and day on which an outcome of a later date than all before became known
-- key: portfolio, told_on
-- time: a row rests on what was known by the end of told_on, so the last one up to a day is what was known that day
-- inputs: staging.stg_outcomes
-- parameters: none
-- column portfolio: [key] whose outcomes these are
-- column told_on: [key] date; day on which they became known
-- column told_until: [time] date; the latest outcome_date known by then
-- column usual_pause: [time] days; longest of the last 24 pauses between two such days and of those that ended in the
--   90 days up to this one; null on the first day
-- A correction, and an old file that comes late, tell of no later date: they make no day. The pause is measured as that
-- of any feed is (feed_age in docs/watch.md).
with days as (
    select
        portfolio,
        cast(known_at as date) as told_on,
        max(outcome_date) as told_until
    from wh.staging.stg_outcomes
    group by
        portfolio,
        cast(known_at as date)
),

later as (
    select
        portfolio,
        told_on,
        told_until,
        told_on - lag(told_on) over (partition by portfolio order by told_on) as pause
    from (
        select
            *,
            max(told_until) over (
                partition by portfolio
                order by told_on
                rows between unbounded preceding and 1 preceding
            ) as told_before
        from days
    ) as d
    where told_before is null or told_until > told_before
)

select
    portfolio,
    told_on,
    told_until,
    greatest(
        max(pause) over (partition by portfolio order by told_on rows between 23 preceding and current row),
        max(pause) over (
            partition by portfolio
            order by told_on
            range between interval 89 days preceding and current row
        )
    ) as usual_pause
from later
