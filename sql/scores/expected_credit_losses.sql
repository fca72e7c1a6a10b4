-- relation: scores.expected_credit_losses
-- grain: one row per portfolio, night and current loan that is neither repaid nor written off: the credit losses
--   expected of it, its allowance, and the walk from the allowance of the night before
-- key: portfolio, as_of_date, loan_id, enterprise_id
-- time: the stages and curves of $as_of_date; the walk looks at the row of the last earlier night that was measured,
--   and at the stages, curves and parameters of that night
-- inputs: scores.expected_credit_losses, scores.loan_stages, scores.scenario_curves, scores.impairment_parameters,
--   scores.pd_curves
-- parameters: portfolio, as_of_date
-- inherit scores.loan_stages: portfolio, as_of_date, loan_id, enterprise_id, stage
-- column exposure: [loss] money; at default tonight: what is drawn and a share of what is not
-- column maturity_basis: [loss] ledger, past (matured and not repaid), unknown, or beyond the curve (after month 60
--   nothing is counted)
-- column remaining_months: [loss] months; over which losses are counted
-- column effective_rate: [loss] share a year; that losses are discounted by
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

with both_parameters as (
    select
        if(p.as_of_date = cast($as_of_date as date), 'now', 'before') as night,
        p.*
    from wh.scores.impairment_parameters as p
    where p.portfolio = $portfolio and p.as_of_date <= cast($as_of_date as date)
    qualify row_number() over (order by p.as_of_date desc) <= 2
),

earlier as (
    select p.as_of_date
    from both_parameters as p
    where p.night = 'before'
),

before as (
    select b.*
    from wh.scores.expected_credit_losses as b
    where b.portfolio = $portfolio and b.as_of_date = (select e.as_of_date from earlier as e)
),

-- stages and curves of tonight and of the night before, each night read by itself
tonight as (
    select s.*
    from wh.scores.loan_stages as s
    where s.portfolio = $portfolio and s.as_of_date = cast($as_of_date as date)
),

both_stages as (
    select
        'now' as night,
        t.*
    from tonight as t
    union all
    select
        'before' as night,
        s.*
    from wh.scores.loan_stages as s
    semi join tonight as t on s.enterprise_id = t.enterprise_id and s.loan_id = t.loan_id
    where s.portfolio = $portfolio and s.as_of_date = (select e.as_of_date from earlier as e)
),

learnt as (
    select
        'now' as night,
        c.enterprise_id,
        c.cumulative_pd
    from wh.scores.pd_curves as c
    where c.portfolio = $portfolio and c.as_of_date = cast($as_of_date as date)
    union all
    select
        'before' as night,
        c.enterprise_id,
        c.cumulative_pd
    from wh.scores.pd_curves as c
    where c.portfolio = $portfolio and c.as_of_date = (select e.as_of_date from earlier as e)
),

under_scenarios as (
    select
        'now' as night,
        c.*
    from wh.scores.scenario_curves as c
    where c.portfolio = $portfolio and c.as_of_date = cast($as_of_date as date)
    union all
    select
        'before' as night,
        c.*
    from wh.scores.scenario_curves as c
    where c.portfolio = $portfolio and c.as_of_date = (select e.as_of_date from earlier as e)
),

curves as (
    select
        b.night,
        b.enterprise_id,
        coalesce(
            u.cumulative_pd,
            if(b.curve_basis = 'hazard model', l.cumulative_pd, wh.marts.flat_curve(b.flat_pd))
        ) as cumulative_pd,
        u.before_set_pd
    from (
        select distinct
            s.night,
            s.enterprise_id,
            s.curve_basis,
            s.flat_pd
        from both_stages as s
    ) as b
    left join under_scenarios as u on b.night = u.night and b.enterprise_id = u.enterprise_id
    left join learnt as l on b.night = l.night and b.enterprise_id = l.enterprise_id
),

-- what losses are measured of: terms of the loan, curve and parameters, each of tonight or of the night before. `pd` is
-- measured where tonight's scenarios are not those of the night before
measures as (
    select *
    from (
        values
        ('restated', 'before', 'before', 'before'),
        ('exposure', 'now', 'before', 'before'),
        ('pd', 'now', 'now', 'before'),
        ('scenarios', 'now', 'now', 'before'),
        ('now', 'now', 'now', 'now')
    ) as m (name, terms_night, curve_night, parameter_night)
    where m.name <> 'pd' or exists (select 1 from curves as c where c.before_set_pd is not null)
),

given as (
    select
        m.name as measure,
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
        coalesce(l.loss_given_default_delivered, p.loss_given_default) as loss_given_default,
        p.recovery_months,
        case when m.name = 'pd' then c.before_set_pd else c.cumulative_pd end as cumulative_pd
    from measures as m
    inner join both_stages as t on m.terms_night = t.night
    inner join both_parameters as p on m.parameter_night = p.night
    inner join both_stages as l
        on m.parameter_night = l.night and t.enterprise_id = l.enterprise_id and t.loan_id = l.loan_id
    left join curves as c on m.curve_night = c.night and t.enterprise_id = c.enterprise_id
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
        s.* exclude (discounted_defaults, cumulative_pd),
        cast(s.exposure as double) * s.lost_share as loss_in_default,
        cast(s.exposure as double) * s.lost_share * list_sum(s.discounted_defaults[:12]) as loss_of_a_year,
        cast(s.exposure as double) * s.lost_share * list_sum(s.discounted_defaults) as loss_of_all_months
    from severed as s
),

-- the walk: what was measured, with the stage of then or of tonight
steps as (
    select
        s.name,
        s.measure,
        s.stage_night
    from (
        values
        ('restated', 'restated', 'before'),
        ('exposure', 'exposure', 'before'),
        ('pd', if(exists (select 1 from measures as m where m.name = 'pd'), 'pd', 'scenarios'), 'before'),
        ('scenarios', 'scenarios', 'before'),
        ('parameters', 'now', 'before'),
        ('now', 'now', 'now')
    ) as s (name, measure, stage_night)
),

staged as (
    select
        s.name as step,
        m.* exclude (measure),
        g.stage,
        if(g.credit_impaired, m.loss_in_default, m.loss_of_a_year) as loss_12_months,
        if(g.credit_impaired, m.loss_in_default, m.loss_of_all_months) as loss_lifetime
    from steps as s
    inner join measured as m on s.measure = m.measure
    inner join both_stages as g
        on s.stage_night = g.night and m.enterprise_id = g.enterprise_id and m.loan_id = g.loan_id
),

-- what a poci loan was expected to lose when it began
initial as (
    select
        t.loan_id,
        t.enterprise_id,
        coalesce(b.initial_loss, cast(s.loss_lifetime as decimal(18, 2))) as initial_loss,
        coalesce(b.initial_exposure, s.exposure) as initial_exposure,
        coalesce(cast(b.initial_loss as double), s.loss_lifetime)
        / nullif(coalesce(b.initial_exposure, s.exposure), 0) as initial_share
    from tonight as t
    inner join staged as s on t.enterprise_id = s.enterprise_id and t.loan_id = s.loan_id and s.step = 'now'
    left join before as b on t.enterprise_id = b.enterprise_id and t.loan_id = b.loan_id
    where t.originated_impaired
),

walk as (
    select
        s.loan_id,
        s.enterprise_id,
        {% for step in ["restated", "exposure", "pd", "scenarios", "parameters"] %}
        max(s.allowance) filter (where s.step = '{{ step }}') as {{ step }},
        {% endfor %}
        max(s.allowance) filter (where s.step = 'now') as allowance
    from (
        select
            d.step,
            d.loan_id,
            d.enterprise_id,
            cast(
                case d.stage
                    when '1' then d.loss_12_months
                    when 'poci' then d.loss_lifetime - coalesce(i.initial_share * d.exposure, 0)
                    else d.loss_lifetime
                end as decimal(18, 2)
            ) as allowance
        from staged as d
        left join initial as i on d.enterprise_id = i.enterprise_id and d.loan_id = i.loan_id
    ) as s
    group by
        s.loan_id,
        s.enterprise_id
)

select
    t.portfolio,
    t.as_of_date,
    t.loan_id,
    t.enterprise_id,
    t.stage,
    s.exposure,
    case
        when t.months_to_maturity is null then 'unknown'
        when t.months_to_maturity < 1 then 'past'
        when t.months_to_maturity > 60 then 'beyond the curve'
        else 'ledger'
    end as maturity_basis,
    cast(s.months as integer) as remaining_months,
    s.rate as effective_rate,
    s.loss_given_default,
    cast(s.loss_12_months as decimal(18, 2)) as loss_12_months,
    cast(s.loss_lifetime as decimal(18, 2)) as loss_lifetime,
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
from tonight as t
inner join both_parameters as p on p.night = 'now'
inner join staged as s on t.enterprise_id = s.enterprise_id and t.loan_id = s.loan_id and s.step = 'now'
inner join walk as w on t.enterprise_id = w.enterprise_id and t.loan_id = w.loan_id
left join initial as i on t.enterprise_id = i.enterprise_id and t.loan_id = i.loan_id
left join before as b on t.enterprise_id = b.enterprise_id and t.loan_id = b.loan_id
