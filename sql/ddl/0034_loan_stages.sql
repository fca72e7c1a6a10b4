-- Stages, curves under scenarios and losses are three relations (decision 0105). What was a column of the losses and is
-- one of the stages moves there; comments come from the files in sql/scores.
create table wh.scores.loan_stages (
    portfolio varchar,
    as_of_date date,
    loan_id varchar,
    enterprise_id varchar,
    stage varchar,
    why varchar,
    credit_impaired boolean,
    originated_impaired boolean,
    stage_3_last_on date,
    stage_2_last_on date,
    days_past_due integer,
    past_due_on date,
    in_default boolean,
    on_watch_list boolean,
    score_status varchar,
    pd double,
    model_family varchar,
    model_version varchar,
    curve_basis varchar,
    curve_version varchar,
    flat_pd double,
    increase_basis varchar,
    origination_night date,
    pd_remaining double,
    pd_expected double,
    opened_on date,
    ledger_date date,
    borrowing decimal(18, 2),
    credit_limit decimal(18, 2),
    months_to_maturity integer,
    annual_rate double,
    loss_given_default_delivered double,
    run_id varchar
);

create table wh.scores.scenario_curves (
    portfolio varchar,
    as_of_date date,
    enterprise_id varchar,
    cumulative_pd double[],
    before_set_pd double[],
    run_id varchar
);

insert into wh.scores.loan_stages by name
with collective as (
    select
        s.portfolio,
        s.as_of_date,
        cast(sum(cast(s.pd as decimal(18, 15))) as double) / count(*) as pd
    from wh.scores.portfolio_scores as s
    where s.model_role = 'champion' and s.score_status = 'fresh' and s.in_default is not true and s.pd is not null
    group by
        s.portfolio,
        s.as_of_date
)

select
    l.portfolio,
    l.as_of_date,
    l.loan_id,
    l.enterprise_id,
    l.stage,
    l.why,
    l.credit_impaired,
    l.originated_impaired,
    l.stage_3_last_on,
    l.stage_2_last_on,
    l.days_past_due,
    l.past_due_on,
    l.in_default,
    l.on_watch_list,
    l.score_status,
    l.pd,
    l.model_family,
    l.model_version,
    l.curve_basis,
    l.curve_version,
    case l.curve_basis when 'flat hazard' then l.pd when 'collective' then c.pd end as flat_pd,
    l.increase_basis,
    l.origination_night,
    l.pd_remaining,
    l.pd_expected,
    l.opened_on,
    l.ledger_date,
    l.borrowing,
    l.credit_limit,
    l.months_to_maturity,
    l.annual_rate,
    l.loss_given_default_delivered,
    l.run_id
from wh.scores.expected_credit_losses as l
left join collective as c on l.portfolio = c.portfolio and l.as_of_date = c.as_of_date
order by
    l.portfolio,
    l.as_of_date,
    l.loan_id,
    l.enterprise_id;

alter table wh.scores.expected_credit_losses drop column why;
alter table wh.scores.expected_credit_losses drop column credit_impaired;
alter table wh.scores.expected_credit_losses drop column originated_impaired;
alter table wh.scores.expected_credit_losses drop column stage_3_last_on;
alter table wh.scores.expected_credit_losses drop column stage_2_last_on;
alter table wh.scores.expected_credit_losses drop column days_past_due;
alter table wh.scores.expected_credit_losses drop column past_due_on;
alter table wh.scores.expected_credit_losses drop column in_default;
alter table wh.scores.expected_credit_losses drop column on_watch_list;
alter table wh.scores.expected_credit_losses drop column score_status;
alter table wh.scores.expected_credit_losses drop column pd;
alter table wh.scores.expected_credit_losses drop column model_family;
alter table wh.scores.expected_credit_losses drop column model_version;
alter table wh.scores.expected_credit_losses drop column curve_basis;
alter table wh.scores.expected_credit_losses drop column curve_version;
alter table wh.scores.expected_credit_losses drop column increase_basis;
alter table wh.scores.expected_credit_losses drop column origination_night;
alter table wh.scores.expected_credit_losses drop column pd_remaining;
alter table wh.scores.expected_credit_losses drop column pd_expected;
alter table wh.scores.expected_credit_losses drop column opened_on;
alter table wh.scores.expected_credit_losses drop column ledger_date;
alter table wh.scores.expected_credit_losses drop column borrowing;
alter table wh.scores.expected_credit_losses drop column credit_limit;
alter table wh.scores.expected_credit_losses drop column months_to_maturity;
alter table wh.scores.expected_credit_losses drop column annual_rate;
alter table wh.scores.expected_credit_losses drop column loss_given_default_delivered;
