-- relation: marts.mart_allowance_changes
-- grain: one row per portfolio, night and loan whose allowance is another than on the night before, or that is new or
--   gone: by how much it moved, and why
-- key: portfolio, as_of_date, loan_id, enterprise_id
-- time: the losses and stages of $as_of_date and of the last night before it that was measured; outcomes as known by
--   its end
-- inputs: scores.expected_credit_losses, scores.loan_stages, scores.impairment_parameters,
--   staging.stg_outcomes
-- parameters: portfolio, as_of_date
-- column portfolio: [key] portfolio
-- column as_of_date: [key] date; the later night
-- column against_date: [time] date; the earlier night, null on the first
-- column loan_id: [key] loan
-- column enterprise_id: [key] borrower
-- column stage_before: [stage] stage then, null where it is new
-- column stage: [stage] stage now, null where it is gone
-- column allowance_before: [money] money; allowance then, null where it is new or had none
-- column new: [change] money; allowance of a loan that is new, or was not there on the night before
-- column repaid: [change] money; taken back for a loan that is repaid, or in the ledger no more
-- column written_off: [change] money; taken back for a loan that is written off
-- column measured: [change] money; allowance that appeared or vanished since exposure and pd became known or unknown
-- column restated: [change] money; what another code or replaced rows of then would have told of then
-- column exposure: [change] money; other drawn amount, limit, rate or time to maturity
-- column pd: [change] money; another pd or curve of the same models
-- column model: [change] money; another pd or curve, where another model or version gave it
-- column scenarios: [change] money; other scenarios, weights, or correlation
-- column parameters: [change] money; other loss given default, of the ledger or of the settings, and other settings of
--   amounts
-- column moved_stage: [change] money; another stage, also where a threshold was set otherwise
-- column allowance: [money] money; allowance now, null where it is gone or has none
-- column run_id: [key] run that measured the later night
-- The parts are taken in this order, each with all before it as they are now; they add up to the cent: allowance less
-- allowance_before is the sum of new to moved_stage, a null counting as nothing.

with earlier as (
    select max(p.as_of_date) as as_of_date
    from wh.scores.impairment_parameters as p
    where p.portfolio = $portfolio and p.as_of_date < cast($as_of_date as date)
),

tonight as (
    select
        l.*,
        s.score_status,
        s.model_family,
        s.model_version,
        s.curve_basis,
        s.curve_version
    from wh.scores.expected_credit_losses as l
    inner join wh.scores.loan_stages as s
        on l.enterprise_id = s.enterprise_id and l.loan_id = s.loan_id
    where
        l.portfolio = $portfolio and l.as_of_date = cast($as_of_date as date)
        and s.portfolio = $portfolio and s.as_of_date = cast($as_of_date as date)
),

before as (
    select
        l.*,
        s.score_status,
        s.model_family,
        s.model_version,
        s.curve_basis,
        s.curve_version
    from wh.scores.expected_credit_losses as l
    inner join wh.scores.loan_stages as s
        on l.enterprise_id = s.enterprise_id and l.loan_id = s.loan_id
    where
        l.portfolio = $portfolio and l.as_of_date = (select e.as_of_date from earlier as e)
        and s.portfolio = $portfolio and s.as_of_date = (select e.as_of_date from earlier as e)
),

run as (
    select p.run_id
    from wh.scores.impairment_parameters as p
    where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
),

paired as (
    select
        coalesce(t.loan_id, b.loan_id) as loan_id,
        coalesce(t.enterprise_id, b.enterprise_id) as enterprise_id,
        b.stage as stage_before,
        t.stage,
        b.allowance as allowance_before,
        t.allowance,
        b.loan_id is null as is_new,
        t.loan_id is null as is_gone,
        t.walk_restated,
        t.walk_exposure,
        t.walk_pd,
        t.walk_scenarios,
        t.walk_parameters,
        (
            t.model_family is distinct from b.model_family
            or t.model_version is distinct from b.model_version
            or coalesce(t.curve_version <> b.curve_version, false)
            or (t.score_status = 'fresh' and b.score_status = 'fresh' and t.curve_basis <> b.curve_basis)
        ) as other_model
    from tonight as t
    full join before as b on t.enterprise_id = b.enterprise_id and t.loan_id = b.loan_id
),

gone as (select p.enterprise_id from paired as p where p.is_gone),

charged_off as (
    select
        o.enterprise_id,
        coalesce(o.loan_id, '') as loan_id,
        coalesce(o.charge_off, false) as charge_off
    from wh.staging.stg_outcomes as o
    semi join gone as g on o.enterprise_id = g.enterprise_id
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

moved as (
    select
        p.*,
        coalesce(l.charge_off, false) or coalesce(e.charge_off, false) as is_written_off,
        not p.is_new and not p.is_gone and p.allowance is not null and p.allowance_before is not null as is_split
    from paired as p
    left join charged_off as l on p.enterprise_id = l.enterprise_id and p.loan_id = l.loan_id
    left join charged_off as e on p.enterprise_id = e.enterprise_id and e.loan_id = ''
),

parts as (
    select
        m.*,
        case when m.is_new then coalesce(m.allowance, 0) else 0 end as new,
        case when m.is_gone and not m.is_written_off then -coalesce(m.allowance_before, 0) else 0 end as repaid,
        case when m.is_gone and m.is_written_off then -coalesce(m.allowance_before, 0) else 0 end as written_off,
        case
            when m.is_new or m.is_gone or m.is_split then 0
            else coalesce(m.allowance, 0) - coalesce(m.allowance_before, 0)
        end as measured,
        case when m.is_split then m.walk_restated - m.allowance_before else 0 end as restated,
        case when m.is_split then m.walk_exposure - m.walk_restated else 0 end as exposure,
        case when m.is_split and not m.other_model then m.walk_pd - m.walk_exposure else 0 end as pd,
        case when m.is_split and m.other_model then m.walk_pd - m.walk_exposure else 0 end as model,
        case when m.is_split then m.walk_scenarios - m.walk_pd else 0 end as scenarios,
        case when m.is_split then m.walk_parameters - m.walk_scenarios else 0 end as parameters,
        case when m.is_split then m.allowance - m.walk_parameters else 0 end as moved_stage
    from moved as m
)

select
    cast($portfolio as varchar) as portfolio,
    cast($as_of_date as date) as as_of_date,
    (select e.as_of_date from earlier as e) as against_date,
    p.loan_id,
    p.enterprise_id,
    p.stage_before,
    p.stage,
    cast(p.allowance_before as decimal(18, 2)) as allowance_before,
    cast(p.new as decimal(18, 2)) as new,
    cast(p.repaid as decimal(18, 2)) as repaid,
    cast(p.written_off as decimal(18, 2)) as written_off,
    cast(p.measured as decimal(18, 2)) as measured,
    cast(p.restated as decimal(18, 2)) as restated,
    cast(p.exposure as decimal(18, 2)) as exposure,
    cast(p.pd as decimal(18, 2)) as pd,
    cast(p.model as decimal(18, 2)) as model,
    cast(p.scenarios as decimal(18, 2)) as scenarios,
    cast(p.parameters as decimal(18, 2)) as parameters,
    cast(p.moved_stage as decimal(18, 2)) as moved_stage,
    cast(p.allowance as decimal(18, 2)) as allowance,
    (select r.run_id from run as r) as run_id
from parts as p
where
    p.is_new or p.is_gone or p.stage is distinct from p.stage_before or p.allowance is distinct from p.allowance_before
    or p.walk_restated <> p.allowance_before or p.walk_exposure <> p.walk_restated or p.walk_pd <> p.walk_exposure
    or p.walk_scenarios <> p.walk_pd or p.walk_parameters <> p.walk_scenarios
