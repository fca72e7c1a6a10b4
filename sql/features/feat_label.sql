-- relation: features.feat_label
-- grain: one row per portfolio, as_of_date, definition, horizon_days and enterprise known on as_of_date
-- key: portfolio, as_of_date, definition, horizon_days, enterprise_id
-- time: outcomes known by the end of $known_by and dated in (as_of_date, as_of_date + horizon_days]; for
--   cross_section known by the end of $as_of_date
-- inputs: staging.stg_outcomes, staging.stg_outcome_days, features.feat_profile
-- parameters: portfolio, as_of_date, known_by, definition, horizon_days
-- column portfolio: [key] source of the rows
-- column as_of_date: [key] date; the night the features describe
-- column definition: [key] category; dpd30, dpd90, charge_off, insolvency, any or cross_section
-- column horizon_days: [key] days; length of the outcome window after as_of_date (cross_section has none and ignores
--   it)
-- column enterprise_id: [key] the lender's key of the enterprise
-- column label: [label] 1 = default, 0 = none in the closed window, null = not known or not at risk
-- column reason: [label] text; why the label is what it is
-- column known_by: [label] date; the outcomes known by its end were used
-- column told_on: [label] date; last day by known_by on which outcomes of a later date than before became known
-- dpd30 and dpd90: more than 30 (Vanhoeven & Chen, section 4.1) and more than 90 days past due (Perez-Salazar et al.,
-- section 3.2).
-- any: more than 30 days past due, a charge-off or an insolvency. cross_section: the same signs as known on
-- as_of_date itself, of enterprises with an outcome row.
-- A borrower about whom no outcome was ever delivered is not known to be good: null, not 0.
-- Nor is anybody once the outcomes have stopped: a window counts only if told_on lies no longer before its end than
-- the outcomes usually pause, and if they tell of two thirds of it at least. Else the label of the whole date is null,
-- also where a default is known: defaults alone would be no sample (decision 0068).
-- Past due counts as cured once a later row of the same loan says so; a charge-off or an insolvency never is.
with asked as (
    select
        cast($as_of_date as date) as as_of_date,
        cast($definition as varchar) as definition,
        cast($horizon_days as integer) as horizon_days,
        -- a cross section sees what the features see, never more
        case
            when $definition = 'cross_section' then least(cast($known_by as date), cast($as_of_date as date))
            else cast($known_by as date)
        end as known_by
),

known as (
    select
        o.enterprise_id,
        coalesce(o.loan_id, '') as loan_id,
        o.outcome_date,
        coalesce(o.days_past_due, 0) as days_past_due,
        coalesce(o.days_past_due > case when a.definition = 'dpd90' then 90 else 30 end, false)
        and a.definition in ('dpd30', 'dpd90', 'any', 'cross_section') as past_due,
        (coalesce(o.charge_off, false) and a.definition in ('charge_off', 'any', 'cross_section'))
        or (coalesce(o.insolvency, false) and a.definition in ('insolvency', 'any', 'cross_section')) as final,
        a.as_of_date,
        a.definition,
        a.horizon_days
    from wh.staging.stg_outcomes as o
    cross join asked as a
    where
        o.portfolio = $portfolio
        and o.known_at < a.known_by + interval 1 day
        and (o.known_to is null or o.known_to >= a.known_by + interval 1 day)
),

delivered as (select count(*) > 0 as feed from known),

last_told as (
    select
        max(d.told_on) as told_on,
        max(d.told_until) as told_until,
        coalesce(arg_max(d.usual_pause, d.told_on), 0) as usual_pause
    from wh.staging.stg_outcome_days as d
    cross join asked as a
    where d.portfolio = $portfolio and d.told_on <= a.known_by
),

loans as (
    select
        k.enterprise_id,
        k.loan_id,
        coalesce(arg_max(k.past_due, k.outcome_date) filter (where k.outcome_date <= k.as_of_date), false)
        or coalesce(bool_or(k.final) filter (where k.outcome_date <= k.as_of_date), false) as in_default,
        coalesce(bool_or(k.past_due or k.final) filter (where k.outcome_date <= k.as_of_date), false) as ever_default,
        coalesce(
            bool_or(k.past_due or k.final) filter (
                where k.outcome_date > k.as_of_date and k.outcome_date <= k.as_of_date + k.horizon_days
            ),
            false
        ) as has_default,
        count(*) filter (where k.outcome_date <= k.as_of_date) as rows_before
    from known as k
    group by
        k.enterprise_id,
        k.loan_id
),

enterprises as (
    select
        l.enterprise_id,
        bool_or(l.in_default) as in_default,
        bool_or(l.ever_default) as ever_default,
        bool_or(l.has_default) as has_default,
        sum(l.rows_before) as rows_before
    from loans as l
    group by l.enterprise_id
),

reasons as (
    select
        p.portfolio,
        p.as_of_date,
        a.definition,
        a.horizon_days,
        a.known_by,
        t.told_on,
        p.enterprise_id,
        case
            when a.definition not in ('dpd30', 'dpd90', 'charge_off', 'insolvency', 'any', 'cross_section')
                then error('label definition is none of dpd30, dpd90, charge_off, insolvency, any, cross_section')
            when not d.feed then 'no outcomes delivered'
            when a.definition = 'cross_section' and coalesce(e.rows_before, 0) = 0 then 'no outcome known on as_of_date'
            when a.definition = 'cross_section' and e.ever_default then 'default known on as_of_date'
            when a.definition = 'cross_section' then 'no default known on as_of_date'
            when coalesce(e.in_default, false) then 'in default on as_of_date'
            when a.as_of_date + a.horizon_days > a.known_by then 'outcome window still open'
            when e.enterprise_id is null then 'no outcome delivered for the borrower'
            when
                a.as_of_date + a.horizon_days - t.told_on > t.usual_pause
                or (a.as_of_date + a.horizon_days - t.told_until) * 3 > a.horizon_days
                then 'outcomes stopped before the window closed'
            when e.has_default then 'default in the window'
            else 'no default in the closed window'
        end as reason
    from wh.features.feat_profile as p
    cross join asked as a
    cross join delivered as d
    cross join last_told as t
    left join enterprises as e on p.enterprise_id = e.enterprise_id
    where p.portfolio = $portfolio and p.as_of_date = a.as_of_date
)

select
    cast(r.portfolio as varchar) as portfolio,
    cast(r.as_of_date as date) as as_of_date,
    cast(r.definition as varchar) as definition,
    cast(r.horizon_days as integer) as horizon_days,
    cast(r.enterprise_id as varchar) as enterprise_id,
    cast(case
        when r.reason in ('default in the window', 'default known on as_of_date') then 1
        when r.reason in ('no default in the closed window', 'no default known on as_of_date') then 0
    end as integer) as label,
    cast(r.reason as varchar) as reason,
    cast(r.known_by as date) as known_by,
    cast(r.told_on as date) as told_on
from reasons as r
