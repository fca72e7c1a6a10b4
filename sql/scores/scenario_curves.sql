-- relation: scores.scenario_curves
-- grain: one row per portfolio, night and borrower with a loan in scores.loan_stages, where a set of scenarios holds on
--   the night or held on the night before: its default over time under that set
-- key: portfolio, as_of_date, enterprise_id
-- time: the borrowers, curves and pds of $as_of_date; scenarios as known by its end, and those that were known by the
--   end of the last earlier night that was measured
-- inputs: scores.loan_stages, scores.impairment_parameters, scores.pd_curves, staging.stg_scenarios
-- parameters: portfolio, as_of_date
-- column portfolio: [key] portfolio
-- column as_of_date: [key] date; the night
-- column enterprise_id: [key] borrower
-- column cumulative_pd: [score] probability; of default by month 1 to 60 after the night: the mean over tonight's
--   scenarios, by their weights; as it is where no set holds
-- column before_set_pd: [score] probability; the same under the scenarios and the correlation of the night before, null
--   where they are those of tonight
-- column run_id: [key] run that shifted it
-- Months that a scenario does not tell of stay as they are. What is the same of a borrower and month in each scenario,
-- the quantile of its pd, is computed once; all sums are taken in the order of months and of names.

with both_parameters as (
    select
        if(p.as_of_date = cast($as_of_date as date), 'now', 'before') as night,
        p.*
    from wh.scores.impairment_parameters as p
    where p.portfolio = $portfolio and p.as_of_date <= cast($as_of_date as date)
    qualify row_number() over (order by p.as_of_date desc) <= 2
),

-- the set that held on either night: the one decided last, as known then
held as (
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

weights as (
    select
        h.night,
        h.scenario,
        -- written with a few decimals, weights may miss one by a little
        any_value(h.weight)
        / cast(sum(any_value(cast(h.weight as decimal(18, 9)))) over (partition by h.night) as double) as weight
    from held as h
    group by
        h.night,
        h.scenario
),

-- most nights have the scenarios of the night before
kept as (
    select count(distinct s.everything) = 1 and count(distinct s.correlation) = 1 as is_same
    from (
        select
            p.correlation,
            coalesce(
                (
                    select list(row(h.scenario, h.month, h.systematic_factor, h.weight) order by h.scenario, h.month)
                    from held as h
                    where h.night = p.night
                ),
                []
            ) as everything
        from both_parameters as p
    ) as s
),

-- the factor of each of the 60 months, null where the scenario does not tell of it
paths as (
    select
        w.night,
        w.scenario,
        w.weight,
        p.correlation,
        list(h.systematic_factor order by m.month) as factors
    from weights as w
    inner join both_parameters as p on w.night = p.night
    cross join (select unnest(range(1, 61)) as month) as m
    left join held as h
        on
            w.night = h.night
            and w.scenario = h.scenario
            and h.month = date_trunc('month', cast($as_of_date as date) + to_months(cast(m.month as integer)))
    where w.night = 'now' or not (select k.is_same from kept as k)
    group by
        w.night,
        w.scenario,
        w.weight,
        p.correlation
),

borrowers as (
    select distinct
        l.enterprise_id,
        l.curve_basis,
        l.flat_pd
    from wh.scores.loan_stages as l
    where l.portfolio = $portfolio and l.as_of_date = cast($as_of_date as date) and l.curve_basis is not null
),

learnt as (
    select
        c.enterprise_id,
        c.cumulative_pd
    from wh.scores.pd_curves as c
    where c.portfolio = $portfolio and c.as_of_date = cast($as_of_date as date)
),

curves as (
    select
        b.enterprise_id,
        if(b.curve_basis = 'hazard model', c.cumulative_pd, wh.marts.flat_curve(b.flat_pd)) as cumulative_pd
    from borrowers as b
    left join learnt as c on b.enterprise_id = c.enterprise_id
    where exists (select 1 from weights)
),

hazards as (
    select
        c.enterprise_id,
        c.cumulative_pd,
        list_transform(
            list_zip(c.cumulative_pd, list_prepend(0.0, c.cumulative_pd[:59])),
            lambda two: if(two[1] <= two[2], 0.0, (two[1] - two[2]) / (1.0 - two[2]))
        ) as monthly_pd
    from curves as c
),

thresholds as (
    select
        h.*,
        wh.marts.vasicek_thresholds(h.monthly_pd) as thresholds
    from hazards as h
),

shifted as (
    select
        t.enterprise_id,
        p.night,
        p.scenario,
        p.weight,
        list_transform(
            list_zip(wh.marts.vasicek_months(t.thresholds, p.factors, p.correlation), t.monthly_pd),
            lambda two: coalesce(two[1], two[2])
        ) as monthly_pd
    from thresholds as t
    cross join paths as p
),

survived as (
    select
        s.enterprise_id,
        s.night,
        s.scenario,
        list_transform(wh.marts.survival_curve(s.monthly_pd), lambda survival: s.weight * survival) as survival
    from shifted as s
),

-- losses given default do not depend on the scenario, so the loss of the mean curve is the mean of the losses
weighted as (
    select
        s.enterprise_id,
        s.night,
        list_transform(
            wh.marts.added_curves(list(s.survival order by s.scenario)), lambda survival: 1.0 - survival
        ) as cumulative_pd
    from survived as s
    group by
        s.enterprise_id,
        s.night
)

select
    p.portfolio,
    p.as_of_date,
    c.enterprise_id,
    coalesce(n.cumulative_pd, c.cumulative_pd) as cumulative_pd,
    case when not k.is_same then coalesce(b.cumulative_pd, c.cumulative_pd) end as before_set_pd,
    p.run_id
from curves as c
inner join both_parameters as p on p.night = 'now'
cross join kept as k
left join weighted as n on c.enterprise_id = n.enterprise_id and n.night = 'now'
left join weighted as b on c.enterprise_id = b.enterprise_id and b.night = 'before'
