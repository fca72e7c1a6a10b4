-- What loans are staged by, and the credit losses expected of them, of every night (decision 0100). The comments of
-- loan_originations and expected_credit_losses come from their files in sql/scores.
create table wh.scores.impairment_parameters (
    portfolio varchar,
    as_of_date date,
    past_due_days_stage_2 integer,
    past_due_days_stage_3 integer,
    pd_ratio double,
    pd_increase double,
    pd_without_origination double,
    origination_gap_days integer,
    watch_list_counts boolean,
    probation_stage_2_days integer,
    probation_stage_3_days integer,
    loss_given_default double,
    recovery_months integer,
    credit_conversion double,
    amortises boolean,
    months_without_maturity integer,
    months_past_maturity integer,
    rate_without_ledger double,
    correlation double,
    run_id varchar
);
comment on table wh.scores.impairment_parameters is
'one row per portfolio and night: the thresholds and conventions by which its loans were staged and measured';
comment on column wh.scores.impairment_parameters.portfolio is 'key; portfolio';
comment on column wh.scores.impairment_parameters.as_of_date is 'key; the night';
comment on column wh.scores.impairment_parameters.past_due_days_stage_2 is 'days; more of them are stage 2';
comment on column wh.scores.impairment_parameters.past_due_days_stage_3 is 'days; more of them are stage 3';
comment on column wh.scores.impairment_parameters.pd_ratio is
'ratio; pd of the time that remains to what was expected of it at origination, from which on it is stage 2';
comment on column wh.scores.impairment_parameters.pd_increase is
'probability; by which that pd must have increased as well';
comment on column wh.scores.impairment_parameters.pd_without_origination is
'probability; pd within a year from which on a loan without a score of its origination is stage 2';
comment on column wh.scores.impairment_parameters.origination_gap_days is
'days; after the opening, within which a night stands for the origination';
comment on column wh.scores.impairment_parameters.watch_list_counts is
'whether loans of borrowers on the watch list are stage 2';
comment on column wh.scores.impairment_parameters.probation_stage_2_days is
'days; in stage 2 after the last reason for it';
comment on column wh.scores.impairment_parameters.probation_stage_3_days is
'days; in stage 3 after the last reason for it';
comment on column wh.scores.impairment_parameters.loss_given_default is
'share; of the exposure that is lost where the ledger does not say';
comment on column wh.scores.impairment_parameters.recovery_months is
'months; from default to recovery, by which what is recovered is discounted';
comment on column wh.scores.impairment_parameters.credit_conversion is
'share; of the undrawn limit that is drawn until a default';
comment on column wh.scores.impairment_parameters.amortises is
'true if loans with a known maturity are repaid in equal monthly parts, false if all at the end';
comment on column wh.scores.impairment_parameters.months_without_maturity is
'months; that remain where the ledger names no maturity';
comment on column wh.scores.impairment_parameters.months_past_maturity is
'months; that remain of a loan that has matured and is not repaid';
comment on column wh.scores.impairment_parameters.rate_without_ledger is
'share a year; effective rate where the ledger has none';
comment on column wh.scores.impairment_parameters.correlation is
'of defaults with the systematic factor of the scenarios';
comment on column wh.scores.impairment_parameters.run_id is 'run that used them';

create table wh.scores.loan_originations (
    portfolio varchar,
    as_of_date date,
    loan_id varchar,
    enterprise_id varchar,
    opened_on date,
    origination_night date,
    origination_gap_days integer,
    pd double,
    grade varchar,
    model_family varchar,
    model_version varchar,
    cumulative_pd double[]
);

create table wh.scores.expected_credit_losses (
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
    increase_basis varchar,
    origination_night date,
    pd_remaining double,
    pd_expected double,
    opened_on date,
    ledger_date date,
    borrowing decimal(18, 2),
    credit_limit decimal(18, 2),
    exposure decimal(18, 2),
    months_to_maturity integer,
    maturity_basis varchar,
    remaining_months integer,
    annual_rate double,
    effective_rate double,
    loss_given_default_delivered double,
    loss_given_default double,
    loss_12_months decimal(18, 2),
    loss_lifetime decimal(18, 2),
    initial_loss decimal(18, 2),
    initial_exposure decimal(18, 2),
    allowance decimal(18, 2),
    against_date date,
    allowance_before decimal(18, 2),
    walk_restated decimal(18, 2),
    walk_exposure decimal(18, 2),
    walk_pd decimal(18, 2),
    walk_scenarios decimal(18, 2),
    walk_parameters decimal(18, 2),
    run_id varchar
);
