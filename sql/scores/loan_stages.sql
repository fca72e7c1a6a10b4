-- relation: scores.loan_stages
-- grain: one row per portfolio, night and current loan that is neither repaid nor written off: its terms, its stage,
--   and why
-- key: portfolio, as_of_date, loan_id, enterprise_id
-- time: scores, ledger and outcomes as known by the end of $as_of_date; probation looks at the row of the last earlier
--   night that was measured
-- inputs: scores.loan_stages, scores.impairment_parameters, scores.loan_originations, scores.portfolio_scores,
--   scores.pd_curves, marts.mart_watch_list, staging.stg_loan_ledger, staging.stg_outcomes
-- parameters: portfolio, as_of_date
-- column portfolio: [key] portfolio
-- column as_of_date: [key] date; the night
-- column loan_id: [key] loan; a number of a loan may repeat from one borrower to the next
-- column enterprise_id: [key] borrower
-- column stage: [stage] 1, 2 or 3 of IFRS 9, or poci: credit-impaired when it was bought or originated
-- column why: [stage] the reasons that held tonight, joined by a comma, or the probation; null in stage 1
-- column credit_impaired: [stage] true in stage 3, and of poci where it would be stage 3 otherwise
-- column originated_impaired: [stage] the ledger says that it was credit-impaired when it was bought or originated
-- column stage_3_last_on: [stage] date; last night with a reason for stage 3, null where there was none
-- column stage_2_last_on: [stage] date; last night with a reason for stage 2 or in stage 3, null where there was none
-- column days_past_due: [stage] days; the latest that ledger or outcomes tell of the loan, or outcomes of the borrower
-- column past_due_on: [stage] date; the day that days_past_due is of
-- column in_default: [stage] true where the borrower is in default, null where unknown
-- column on_watch_list: [stage] true where the borrower is on the watch list of the night
-- column score_status: [score] fresh, stale, quarantined or unscoreable; null where nobody knows the borrower
-- column pd: [score] probability; headline of the borrower, null without one
-- column model_family: [score] family of the model that gave it
-- column model_version: [score] its version
-- column curve_basis: [score] where default over time comes from: hazard model, flat hazard (of pd as one of twelve
--   months: no curve was learnt for it tonight), collective (flat hazard of the mean pd of the performing: the borrower
--   has none), or null where nobody has a pd
-- column curve_version: [score] version of the hazard model where that is the basis
-- column flat_pd: [score] probability; within twelve months, that a flat hazard is of; null with a hazard model
-- column increase_basis: [stage] what the increase since origination is judged by: lifetime (curves of then and now for
--   the time that remains), twelve months (pd then and now), unknown (no night stands for the origination: the pd of
--   tonight alone) or null without a pd of the borrower
-- column origination_night: [stage] date; night that stands for the origination, null where the basis is unknown
-- column pd_remaining: [stage] probability; of default in the time that is compared, as seen tonight
-- column pd_expected: [stage] probability; of default in the same time, as expected at origination
-- column opened_on: [ledger] date; opening of the loan
-- column ledger_date: [ledger] date; its latest ledger row, at most ledger_days old
-- column borrowing: [ledger] money; drawn, null where the ledger does not know it
-- column credit_limit: [ledger] money; limit where the ledger has one
-- column months_to_maturity: [ledger] months; begun ones until maturity, below 1 where it is past, null where unknown
-- column annual_rate: [ledger] share a year; null where the ledger has none
-- column loss_given_default_delivered: [ledger] share; null where the ledger has none
-- column run_id: [key] run that staged it
-- A loan is current while its latest ledger row is at most ledger_days old: a ledger that comes late repays nobody.

with parameters as (
    select p.*
    from wh.scores.impairment_parameters as p
    where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
),

earlier as (
    select p.*
    from wh.scores.impairment_parameters as p
    where p.portfolio = $portfolio and p.as_of_date < cast($as_of_date as date)
    order by p.as_of_date desc
    limit 1
),

before as (
    select b.*
    from wh.scores.loan_stages as b
    where b.portfolio = $portfolio and b.as_of_date = (select e.as_of_date from earlier as e)
),

loans as (
    select k.*
    from wh.staging.stg_loan_ledger as k
    where
        k.portfolio = $portfolio
        and k.known_at < cast($as_of_date as date) + interval 1 day
        and (k.known_to is null or k.known_to >= cast($as_of_date as date) + interval 1 day)
        and k.ledger_date <= cast($as_of_date as date)
        and cast($as_of_date as date) - k.ledger_date <= (select p.ledger_days from parameters as p)
    qualify row_number() over (partition by k.enterprise_id, k.loan_id order by k.ledger_date desc, k.known_at desc) = 1
),

-- a window over all outcomes would take three times as long
last_told as (
    select
        o.enterprise_id,
        coalesce(o.loan_id, '') as loan_id,
        arg_max(
            struct_pack(
                outcome_date := o.outcome_date,
                days_past_due := o.days_past_due,
                charge_off := coalesce(o.charge_off, false),
                insolvency := coalesce(o.insolvency, false)
            ),
            row(o.outcome_date, o.known_at)
        ) as told
    from wh.staging.stg_outcomes as o
    where
        o.portfolio = $portfolio
        and o.known_at < cast($as_of_date as date) + interval 1 day
        and (o.known_to is null or o.known_to >= cast($as_of_date as date) + interval 1 day)
        and o.outcome_date <= cast($as_of_date as date)
    group by
        o.enterprise_id,
        coalesce(o.loan_id, '')
),

observed as (
    select
        t.enterprise_id,
        t.loan_id,
        t.told.outcome_date,
        t.told.days_past_due,
        t.told.charge_off,
        t.told.insolvency
    from last_told as t
),

insolvent as (select distinct o.enterprise_id from observed as o where o.insolvency),

-- the latest arrears that anyone told of, and those of a borrower as a whole hold for each loan
open_loans as (
    select
        l.*,
        list_max(
            [
                case
                    when l.days_past_due is not null
                        then struct_pack(told_on := l.ledger_date, days := l.days_past_due)
                end,
                case
                    when o.days_past_due is not null
                        then struct_pack(told_on := o.outcome_date, days := o.days_past_due)
                end,
                case
                    when b.days_past_due is not null
                        then struct_pack(told_on := b.outcome_date, days := b.days_past_due)
                end
            ]
        ) as arrears,
        i.enterprise_id is not null as insolvent
    from loans as l
    left join observed as o on l.enterprise_id = o.enterprise_id and l.loan_id = o.loan_id
    left join observed as b on l.enterprise_id = b.enterprise_id and b.loan_id = ''
    left join insolvent as i on l.enterprise_id = i.enterprise_id
    where
        not coalesce(o.charge_off, false)
        and not coalesce(b.charge_off, false)
        and not coalesce(l.borrowing = 0 and l.matures_on <= l.ledger_date, false)
),

headlines as (
    select s.*
    from wh.scores.portfolio_scores as s
    where s.portfolio = $portfolio and s.as_of_date = cast($as_of_date as date) and s.model_role = 'champion'
),

learnt as (
    select
        c.enterprise_id,
        c.model_version,
        c.cumulative_pd
    from wh.scores.pd_curves as c
    where c.portfolio = $portfolio and c.as_of_date = cast($as_of_date as date) and c.shape = 'learnt'
),

-- decimals add up to the same sum in any order
collective as (
    select cast(sum(cast(h.pd as decimal(18, 15))) as double) / count(*) as pd
    from headlines as h
    where h.score_status = 'fresh' and h.in_default is not true and h.pd is not null
),

first_written as (
    select o.*
    from wh.scores.loan_originations as o
    where o.portfolio = $portfolio and o.as_of_date <= cast($as_of_date as date)
    qualify row_number() over (partition by o.enterprise_id, o.loan_id order by o.as_of_date) = 1
),

originations as (
    select o.*
    from first_written as o
    inner join parameters as p on o.origination_gap_days <= p.origination_gap_days
),

watched as (
    select w.enterprise_id
    from wh.marts.mart_watch_list as w
    where w.portfolio = $portfolio and w.as_of_date = cast($as_of_date as date) and w.on_watch_list
),

terms as (
    select
        l.*,
        l.arrears.days as arrears_days,
        h.in_default,
        h.score_status,
        h.pd,
        h.model_family,
        h.model_version,
        case
            when h.score_status = 'fresh' and c.enterprise_id is not null then 'hazard model'
            when h.pd is not null then 'flat hazard'
            when m.pd is not null then 'collective'
        end as curve_basis,
        c.model_version as learnt_version,
        c.cumulative_pd as learnt_pd,
        coalesce(h.pd, m.pd) as known_pd,
        w.enterprise_id is not null as on_watch_list,
        cast(
            datesub('month', cast($as_of_date as date), l.matures_on)
            + cast(
                cast($as_of_date as date)
                + to_months(cast(datesub('month', cast($as_of_date as date), l.matures_on) as integer))
                < l.matures_on as integer
            ) as integer
        ) as months_to_maturity
    from open_loans as l
    cross join collective as m
    left join headlines as h on l.enterprise_id = h.enterprise_id
    left join learnt as c on l.enterprise_id = c.enterprise_id
    left join watched as w on l.enterprise_id = w.enterprise_id
),

-- the time that is compared with the origination: what remains, as far as the curve of then reaches
compared as (
    select
        t.*,
        case
            when t.months_to_maturity is null then p.months_without_maturity
            when t.months_to_maturity < 1 then p.months_past_maturity
            else least(t.months_to_maturity, 60)
        end as remaining_months,
        o.origination_night,
        o.pd as origination_pd,
        o.cumulative_pd as origination_curve,
        datesub('month', o.origination_night, cast($as_of_date as date)) as elapsed
    from terms as t
    cross join parameters as p
    left join originations as o on t.enterprise_id = o.enterprise_id and t.loan_id = o.loan_id
),

based_increases as (
    select
        c.*,
        case
            when c.pd is null then null
            when c.curve_basis = 'hazard model' and c.origination_curve is not null and c.elapsed < 60 then 'lifetime'
            when c.origination_pd is not null then 'twelve months'
            else 'unknown'
        end as increase_basis,
        least(c.remaining_months, 60 - c.elapsed) as compared_months,
        coalesce(c.origination_curve[c.elapsed], 0.0) as defaulted_by_now
    from compared as c
),

increases as (
    select
        b.*,
        case b.increase_basis
            when 'lifetime' then b.learnt_pd[b.compared_months]
            else b.pd
        end as pd_remaining,
        case b.increase_basis
            when 'lifetime'
                then
                    (b.origination_curve[b.elapsed + b.compared_months] - b.defaulted_by_now)
                    / nullif(1.0 - b.defaulted_by_now, 0.0)
            when 'twelve months' then b.origination_pd
        end as pd_expected
    from based_increases as b
),

reasons as (
    select
        i.*,
        nullif(
            concat_ws(
                ', ',
                case when i.in_default then 'in default' end,
                case when i.arrears_days > p.past_due_days_stage_3 then 'past due' end,
                case when i.insolvent then 'insolvent' end
            ),
            ''
        ) as why_3,
        nullif(
            concat_ws(
                ', ',
                case when i.arrears_days > p.past_due_days_stage_2 then 'past due' end,
                case
                    when
                        i.pd_remaining >= p.pd_ratio * i.pd_expected and i.pd_remaining - i.pd_expected >= p.pd_increase
                        then 'pd has increased'
                end,
                case when i.increase_basis = 'unknown' and i.pd >= p.pd_without_origination then 'high pd' end,
                case when p.watch_list_counts and i.on_watch_list then 'watch list' end
            ),
            ''
        ) as why_2
    from increases as i
    cross join parameters as p
),

third as (
    select
        r.*,
        case when r.why_3 is not null then cast($as_of_date as date) else b.stage_3_last_on end as stage_3_last_on,
        b.stage_2_last_on as stage_2_before
    from reasons as r
    left join before as b on r.enterprise_id = b.enterprise_id and r.loan_id = b.loan_id
),

impaired as (
    select
        t.*,
        coalesce(cast($as_of_date as date) - t.stage_3_last_on <= p.probation_stage_3_days, false) as credit_impaired
    from third as t
    cross join parameters as p
),

second as (
    select
        i.*,
        case
            when i.credit_impaired or i.why_2 is not null then cast($as_of_date as date)
            else i.stage_2_before
        end as stage_2_last_on
    from impaired as i
),

staged as (
    select
        s.*,
        case
            when coalesce(s.originated_impaired, false) then 'poci'
            when s.credit_impaired then '3'
            when s.why_2 is not null then '2'
            when cast($as_of_date as date) - s.stage_2_last_on <= p.probation_stage_2_days then '2'
            else '1'
        end as stage,
        case
            when s.why_3 is not null then s.why_3
            when s.credit_impaired then 'probation after stage 3'
            when s.why_2 is not null then s.why_2
            when cast($as_of_date as date) - s.stage_2_last_on <= p.probation_stage_2_days
                then 'probation after stage 2'
        end as why
    from second as s
    cross join parameters as p
)

select
    s.portfolio,
    cast($as_of_date as date) as as_of_date,
    s.loan_id,
    s.enterprise_id,
    s.stage,
    s.why,
    s.credit_impaired,
    coalesce(s.originated_impaired, false) as originated_impaired,
    s.stage_3_last_on,
    s.stage_2_last_on,
    s.arrears_days as days_past_due,
    s.arrears.told_on as past_due_on,
    s.in_default,
    s.on_watch_list,
    s.score_status,
    s.pd,
    s.model_family,
    s.model_version,
    s.curve_basis,
    case when s.curve_basis = 'hazard model' then s.learnt_version end as curve_version,
    case when s.curve_basis <> 'hazard model' then s.known_pd end as flat_pd,
    s.increase_basis,
    s.origination_night,
    s.pd_remaining,
    s.pd_expected,
    s.opened_on,
    s.ledger_date,
    s.borrowing,
    s.credit_limit,
    s.months_to_maturity,
    s.annual_rate,
    s.loss_given_default as loss_given_default_delivered,
    p.run_id
from staged as s
cross join parameters as p
