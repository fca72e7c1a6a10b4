-- relation: scores.expected_credit_losses
-- grain: one row per portfolio, night and current loan that is neither repaid nor written off: its stage, why, and the
--   credit losses expected of it
-- key: portfolio, as_of_date, loan_id, enterprise_id
-- time: scores, ledger, outcomes and scenarios as known by the end of $as_of_date; probation and the walk look at the
--   row of the last earlier night that was measured, and at the curves and parameters of that night
-- inputs: scores.expected_credit_losses, scores.impairment_parameters, scores.loan_originations,
--   scores.portfolio_scores, scores.pd_curves, marts.mart_watch_list, staging.stg_loan_ledger, staging.stg_outcomes,
--   staging.stg_scenarios
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
-- column increase_basis: [stage] what the increase since origination is judged by: lifetime (curves of then and now for
--   the time that remains), twelve months (pd then and now), unknown (no night stands for the origination: the pd of
--   tonight alone) or null without a pd of the borrower
-- column origination_night: [stage] date; night that stands for the origination, null where the basis is unknown
-- column pd_remaining: [stage] probability; of default in the time that is compared, as seen tonight
-- column pd_expected: [stage] probability; of default in the same time, as expected at origination
-- column opened_on: [ledger] date; opening of the loan
-- column ledger_date: [ledger] date; its latest ledger row, not more than 400 days old
-- column borrowing: [ledger] money; drawn, null where the ledger does not know it
-- column credit_limit: [ledger] money; limit where the ledger has one
-- column exposure: [loss] money; at default tonight: what is drawn and a share of what is not
-- column months_to_maturity: [ledger] months; begun ones until maturity, below 1 where it is past, null where unknown
-- column maturity_basis: [loss] ledger, past (matured and not repaid), unknown, or beyond the curve (after month 60
--   nothing is counted)
-- column remaining_months: [loss] months; over which losses are counted
-- column annual_rate: [ledger] share a year; null where the ledger has none
-- column effective_rate: [loss] share a year; that losses are discounted by
-- column loss_given_default_delivered: [ledger] share; null where the ledger has none
-- column loss_given_default: [loss] share; that is used
-- column loss_12_months: [loss] money; expected loss of defaults within 12 months, discounted; all of it in default
-- column loss_lifetime: [loss] money; of defaults within remaining_months
-- column initial_loss: [loss] money; of poci, loss_lifetime of its first night, else null
-- column initial_exposure: [loss] money; of poci, exposure of its first night, else null
-- column allowance: [loss] money; loss_12_months in stage 1, loss_lifetime in stage 2 and 3; of poci loss_lifetime less
--   the part of initial_loss that belongs to what is still outstanding; null where exposure or every pd is unknown
-- column against_date: [walk] date; the earlier night that the walk begins at, null on the first
-- column allowance_before: [walk] money; its allowance then, null where it is new or had none
-- column walk_restated: [walk] money; that of then, computed from what is stored of then by tonight's code
-- column walk_exposure: [walk] money; with tonight's exposure, rate and time to maturity
-- column walk_pd: [walk] money; and tonight's curve under the scenarios of then
-- column walk_scenarios: [walk] money; and under tonight's scenarios and correlation
-- column walk_parameters: [walk] money; and with tonight's loss given default and other parameters; tonight's stage
--   then gives the allowance
-- column run_id: [key] run that measured it
-- Amounts are rounded to cents once, at the end of each step: the steps add up to the cent.

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

both_parameters as (
    select
        'now' as night,
        p.*
    from parameters as p
    union all
    select
        'before' as night,
        e.*
    from earlier as e
),

before as (
    select b.*
    from wh.scores.expected_credit_losses as b
    where b.portfolio = $portfolio and b.as_of_date = (select e.as_of_date from earlier as e)
),

-- the current loans of features.feat_ledger, one by one
loans as (
    select k.*
    from wh.staging.stg_loan_ledger as k
    where
        k.portfolio = $portfolio
        and k.known_at < cast($as_of_date as date) + interval 1 day
        and (k.known_to is null or k.known_to >= cast($as_of_date as date) + interval 1 day)
        and k.ledger_date <= cast($as_of_date as date)
        and k.ledger_date >= cast($as_of_date as date) - 400
    qualify row_number() over (partition by k.enterprise_id, k.loan_id order by k.ledger_date desc, k.known_at desc) = 1
),

observed as (
    select
        o.enterprise_id,
        coalesce(o.loan_id, '') as loan_id,
        o.outcome_date,
        o.days_past_due,
        coalesce(o.charge_off, false) as charge_off,
        coalesce(o.insolvency, false) as insolvency
    from wh.staging.stg_outcomes as o
    where
        o.portfolio = $portfolio
        and o.known_at < cast($as_of_date as date) + interval 1 day
        and (o.known_to is null or o.known_to >= cast($as_of_date as date) + interval 1 day)
        and o.outcome_date <= cast($as_of_date as date)
    qualify row_number() over (
        partition by o.enterprise_id, coalesce(o.loan_id, '')
        order by o.outcome_date desc, o.known_at desc
    ) = 1
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

-- headlines, curves and scenarios of tonight and of the night before, each night read by itself
headlines as (
    select
        'now' as night,
        s.*
    from wh.scores.portfolio_scores as s
    where s.portfolio = $portfolio and s.as_of_date = cast($as_of_date as date) and s.model_role = 'champion'
    union all
    select
        'before' as night,
        s.*
    from wh.scores.portfolio_scores as s
    where
        s.portfolio = $portfolio
        and s.as_of_date = (select e.as_of_date from earlier as e)
        and s.model_role = 'champion'
),

modelled as (
    select
        'now' as night,
        c.*
    from wh.scores.pd_curves as c
    where c.portfolio = $portfolio and c.as_of_date = cast($as_of_date as date)
    union all
    select
        'before' as night,
        c.*
    from wh.scores.pd_curves as c
    where c.portfolio = $portfolio and c.as_of_date = (select e.as_of_date from earlier as e)
),

-- decimals add up to the same sum in any order
collective as (
    select
        h.night,
        cast(sum(cast(h.pd as decimal(18, 15))) as double) / count(*) as pd
    from headlines as h
    where h.score_status = 'fresh' and h.in_default is not true and h.pd is not null
    group by h.night
),

borrowers as (
    select
        'now' as night,
        l.enterprise_id
    from open_loans as l
    union
    select
        'before' as night,
        b.enterprise_id
    from before as b
),

based as (
    select
        p.night,
        p.enterprise_id,
        case
            when h.score_status = 'fresh' and m.shape = 'learnt' then 'hazard model'
            when h.pd is not null then 'flat hazard'
            when c.pd is not null then 'collective'
        end as basis,
        m.cumulative_pd as modelled_pd,
        m.model_version as curve_version,
        coalesce(h.pd, c.pd) as flat_pd
    from borrowers as p
    left join headlines as h on p.night = h.night and p.enterprise_id = h.enterprise_id
    left join modelled as m on p.night = m.night and p.enterprise_id = m.enterprise_id
    left join collective as c on p.night = c.night
),

curves as (
    select
        b.night,
        b.enterprise_id,
        b.basis,
        case when b.basis = 'hazard model' then b.curve_version end as curve_version,
        case
            when b.basis = 'hazard model' then b.modelled_pd
            when b.basis is not null
                then list_transform(range(1, 61), lambda month: 1.0 - power(1.0 - b.flat_pd, month / 12.0))
        end as cumulative_pd
    from based as b
),

-- the set of scenarios that held on either night
offered as (
    select
        p.night,
        s.scenario,
        s.month,
        s.systematic_factor,
        s.weight
    from both_parameters as p
    inner join wh.staging.stg_scenarios as s
        on p.portfolio = s.portfolio and p.as_of_date >= s.decided_on and s.known_at < p.as_of_date + interval 1 day
    qualify rank() over (partition by p.night order by s.decided_on desc, s.known_at desc) = 1
),

scenarios as (
    select
        o.night,
        o.scenario,
        -- written with a few decimals, weights may miss one by a little
        any_value(o.weight)
        / cast(sum(any_value(cast(o.weight as decimal(18, 9)))) over (partition by o.night) as double) as weight
    from offered as o
    group by
        o.night,
        o.scenario
),

-- most nights have the scenarios of the night before
kept as (
    select count(distinct s.everything) = 1 and count(distinct s.correlation) = 1 as is_same
    from (
        select
            p.correlation,
            coalesce(
                (
                    select list(row(o.scenario, o.month, o.systematic_factor, o.weight) order by o.scenario, o.month)
                    from offered as o
                    where o.night = p.night
                ),
                []
            ) as everything
        from both_parameters as p
    ) as s
),

-- which curves under which scenarios: `pd` are tonight's curves under the scenarios of the night before
cases as (
    select
        c.name,
        p.as_of_date,
        c.curve_night,
        c.scenario_night,
        q.correlation
    from (
        values ('now', 'now', 'now'), ('pd', 'now', 'before'), ('before', 'before', 'before')
    ) as c (name, curve_night, scenario_night)
    cross join kept as k
    inner join both_parameters as p on c.curve_night = p.night
    inner join both_parameters as q on c.scenario_night = q.night
    where c.name <> 'pd' or not k.is_same
),

hazards as (
    select
        k.name,
        k.as_of_date,
        k.scenario_night,
        k.correlation,
        c.enterprise_id,
        unnest(range(1, 61)) as month,
        unnest(c.cumulative_pd) as cumulative_pd,
        unnest(list_prepend(0.0, c.cumulative_pd[:59])) as before_pd
    from cases as k
    inner join curves as c on k.curve_night = c.night
    where c.cumulative_pd is not null and exists (select 1 from scenarios as s where s.night = k.scenario_night)
),

-- months that a scenario does not tell of have the hazard of the curve
shifted as (
    select
        h.name,
        h.enterprise_id,
        s.scenario,
        s.weight,
        h.month,
        case
            when h.cumulative_pd <= h.before_pd then 0.0
            when o.systematic_factor is null then (h.cumulative_pd - h.before_pd) / (1.0 - h.before_pd)
            else
                wh.marts.vasicek_month(
                    (h.cumulative_pd - h.before_pd) / (1.0 - h.before_pd), o.systematic_factor, h.correlation
                )
        end as hazard
    from hazards as h
    inner join scenarios as s on h.scenario_night = s.night
    left join offered as o
        on
            s.night = o.night
            and s.scenario = o.scenario
            and o.month = date_trunc('month', h.as_of_date + to_months(cast(h.month as integer)))
),

-- decimals again: the same sums on any number of threads
survived as (
    select
        s.name,
        s.enterprise_id,
        s.weight,
        s.month,
        exp(
            cast(
                sum(cast(ln(greatest(1.0 - s.hazard, 1e-15)) as decimal(38, 18)))
                    over (
                        partition by s.name, s.enterprise_id, s.scenario
                        order by s.month
                        rows between unbounded preceding and current row
                    )
                as double
            )
        ) as survival
    from shifted as s
),

-- losses given default do not depend on the scenario, so the loss of the mean curve is the mean of the losses
mean_months as (
    select
        s.name,
        s.enterprise_id,
        s.month,
        1.0 - cast(sum(cast(s.weight * s.survival as decimal(38, 18))) as double) as cumulative_pd
    from survived as s
    group by
        s.name,
        s.enterprise_id,
        s.month
),

weighted as (
    select
        m.name,
        m.enterprise_id,
        list(m.cumulative_pd order by m.month) as cumulative_pd
    from mean_months as m
    group by
        m.name,
        m.enterprise_id
),

used_curves as (
    select
        k.name,
        c.enterprise_id,
        coalesce(w.cumulative_pd, c.cumulative_pd) as cumulative_pd
    from cases as k
    inner join curves as c on k.curve_night = c.night
    left join weighted as w on k.name = w.name and c.enterprise_id = w.enterprise_id
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
        c.basis as curve_basis,
        c.curve_version,
        c.cumulative_pd,
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
    left join headlines as h on l.enterprise_id = h.enterprise_id and h.night = 'now'
    left join curves as c on l.enterprise_id = c.enterprise_id and c.night = 'now'
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
            when 'lifetime' then b.cumulative_pd[b.compared_months]
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
        b.stage_2_last_on as stage_2_before,
        b.initial_loss as initial_loss_before,
        b.initial_exposure as initial_exposure_before
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
),

-- what an amount is made of: terms of the loan, curve, parameters and stage, each of tonight or of the night before
steps as (
    select
        s.name,
        s.terms_night,
        case when s.curve_case = 'pd' and k.is_same then 'now' else s.curve_case end as curve_case,
        s.parameter_night,
        s.stage_night
    from (
        values
        ('restated', 'before', 'before', 'before', 'before'),
        ('exposure', 'now', 'before', 'before', 'before'),
        ('pd', 'now', 'pd', 'before', 'before'),
        ('scenarios', 'now', 'now', 'before', 'before'),
        ('parameters', 'now', 'now', 'now', 'before'),
        ('now', 'now', 'now', 'now', 'now')
    ) as s (name, terms_night, curve_case, parameter_night, stage_night)
    cross join kept as k
),

both_terms as (
    select
        'now' as night,
        s.loan_id,
        s.enterprise_id,
        s.borrowing,
        s.credit_limit,
        s.months_to_maturity,
        s.annual_rate,
        s.loss_given_default,
        s.stage,
        s.credit_impaired
    from staged as s
    union all
    select
        'before' as night,
        b.loan_id,
        b.enterprise_id,
        b.borrowing,
        b.credit_limit,
        b.months_to_maturity,
        b.annual_rate,
        b.loss_given_default_delivered as loss_given_default,
        b.stage,
        b.credit_impaired
    from before as b
    inner join staged as s on b.enterprise_id = s.enterprise_id and b.loan_id = s.loan_id
),

given as (
    select
        s.name as step,
        t.loan_id,
        t.enterprise_id,
        cast(
            t.borrowing + p.credit_conversion * greatest(coalesce(t.credit_limit, 0) - t.borrowing, 0) as decimal(18, 2)
        ) as exposure,
        case
            when t.months_to_maturity is null then p.months_without_maturity
            when t.months_to_maturity < 1 then p.months_past_maturity
            else least(t.months_to_maturity, 60)
        end as months,
        case
            when p.amortises and t.months_to_maturity >= 1 then t.months_to_maturity
        end as repaid_over,
        coalesce(t.annual_rate, p.rate_without_ledger) as rate,
        coalesce(l.loss_given_default, p.loss_given_default) as loss_given_default,
        p.recovery_months,
        c.cumulative_pd,
        g.stage,
        g.credit_impaired
    from steps as s
    inner join both_terms as t on s.terms_night = t.night
    inner join both_parameters as p on s.parameter_night = p.night
    inner join both_terms as l
        on s.parameter_night = l.night and t.enterprise_id = l.enterprise_id and t.loan_id = l.loan_id
    inner join both_terms as g
        on s.stage_night = g.night and t.enterprise_id = g.enterprise_id and t.loan_id = g.loan_id
    left join used_curves as c on s.curve_case = c.name and t.enterprise_id = c.enterprise_id
),

-- what is recovered comes recovery_months after the default
severed as (
    select
        g.*,
        1.0 - (1.0 - g.loss_given_default) * power(1.0 + g.rate, -g.recovery_months / 12.0) as lost_share,
        list_transform(
            range(1, g.months + 1),
            lambda month: (g.cumulative_pd[month] - coalesce(g.cumulative_pd[month - 1], 0.0))
            * coalesce((g.repaid_over - month + 1) / cast(g.repaid_over as double), 1.0)
            * power(1.0 + g.rate, -month / 12.0)
        ) as discounted_defaults
    from given as g
),

measured as (
    select
        s.*,
        cast(s.exposure as double) * s.lost_share
        * case when s.credit_impaired then 1.0 else list_sum(s.discounted_defaults[:12]) end as loss_12_months,
        cast(s.exposure as double) * s.lost_share
        * case when s.credit_impaired then 1.0 else list_sum(s.discounted_defaults) end as loss_lifetime
    from severed as s
),

-- what a poci loan was expected to lose when it began
initial as (
    select
        s.loan_id,
        s.enterprise_id,
        coalesce(s.initial_loss_before, cast(m.loss_lifetime as decimal(18, 2))) as initial_loss,
        coalesce(s.initial_exposure_before, m.exposure) as initial_exposure,
        coalesce(cast(s.initial_loss_before as double), m.loss_lifetime)
        / nullif(coalesce(s.initial_exposure_before, m.exposure), 0) as initial_share
    from staged as s
    inner join measured as m on s.enterprise_id = m.enterprise_id and s.loan_id = m.loan_id and m.step = 'now'
    where s.originated_impaired
),

amounts as (
    select
        m.step,
        m.loan_id,
        m.enterprise_id,
        cast(
            case m.stage
                when '1' then m.loss_12_months
                when 'poci' then m.loss_lifetime - coalesce(i.initial_share * m.exposure, 0)
                else m.loss_lifetime
            end as decimal(18, 2)
        ) as allowance
    from measured as m
    left join initial as i on m.enterprise_id = i.enterprise_id and m.loan_id = i.loan_id
),

walk as (
    select
        a.loan_id,
        a.enterprise_id,
        max(a.allowance) filter (where a.step = 'restated') as restated,
        max(a.allowance) filter (where a.step = 'exposure') as exposure,
        max(a.allowance) filter (where a.step = 'pd') as pd,
        max(a.allowance) filter (where a.step = 'scenarios') as scenarios,
        max(a.allowance) filter (where a.step = 'parameters') as parameters,
        max(a.allowance) filter (where a.step = 'now') as allowance
    from amounts as a
    group by
        a.loan_id,
        a.enterprise_id
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
    s.curve_version,
    s.increase_basis,
    s.origination_night,
    s.pd_remaining,
    s.pd_expected,
    s.opened_on,
    s.ledger_date,
    s.borrowing,
    s.credit_limit,
    m.exposure,
    s.months_to_maturity,
    case
        when s.months_to_maturity is null then 'unknown'
        when s.months_to_maturity < 1 then 'past'
        when s.months_to_maturity > 60 then 'beyond the curve'
        else 'ledger'
    end as maturity_basis,
    cast(m.months as integer) as remaining_months,
    s.annual_rate,
    m.rate as effective_rate,
    s.loss_given_default as loss_given_default_delivered,
    m.loss_given_default,
    cast(m.loss_12_months as decimal(18, 2)) as loss_12_months,
    cast(m.loss_lifetime as decimal(18, 2)) as loss_lifetime,
    i.initial_loss,
    i.initial_exposure,
    w.allowance,
    (select e.as_of_date from earlier as e) as against_date,
    b.allowance as allowance_before,
    -- a step that cannot be measured changes nothing; the next one tells all
    coalesce(w.restated, b.allowance) as walk_restated,
    coalesce(w.exposure, w.restated, b.allowance) as walk_exposure,
    coalesce(w.pd, w.exposure, w.restated, b.allowance) as walk_pd,
    coalesce(w.scenarios, w.pd, w.exposure, w.restated, b.allowance) as walk_scenarios,
    coalesce(w.parameters, w.scenarios, w.pd, w.exposure, w.restated, b.allowance) as walk_parameters,
    p.run_id
from staged as s
cross join parameters as p
inner join measured as m on s.enterprise_id = m.enterprise_id and s.loan_id = m.loan_id and m.step = 'now'
inner join walk as w on s.enterprise_id = w.enterprise_id and s.loan_id = w.loan_id
left join initial as i on s.enterprise_id = i.enterprise_id and s.loan_id = i.loan_id
left join before as b on s.enterprise_id = b.enterprise_id and s.loan_id = b.loan_id
