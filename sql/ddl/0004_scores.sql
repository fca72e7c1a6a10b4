-- What the models said. One night waits in incoming_scores to be validated, then moves in one transaction.
create table wh.scores.portfolio_scores (
    portfolio varchar,
    as_of_date date,
    enterprise_id varchar,
    model_family varchar,
    model_version varchar,
    model_role varchar,
    coverage varchar,
    score_status varchar,
    pd_raw double,
    pd double,
    base_value double,
    score_points double,
    grade varchar,
    reason_1 varchar,
    reason_2 varchar,
    reason_3 varchar,
    reason_4 varchar,
    run_id varchar,
    scored_at timestamp
);
comment on table wh.scores.portfolio_scores is
'one row per portfolio, as_of_date, model_role, model_family and enterprise; one champion row an enterprise and night';
comment on column wh.scores.portfolio_scores.portfolio is 'portfolio';
comment on column wh.scores.portfolio_scores.as_of_date is
'date that the run stands for; only what was known by its end counts';
comment on column wh.scores.portfolio_scores.enterprise_id is 'key; enterprise';
comment on column wh.scores.portfolio_scores.model_family is
'key; algorithm that scored it, null where none could';
comment on column wh.scores.portfolio_scores.model_version is 'version of the model';
comment on column wh.scores.portfolio_scores.model_role is
'key; champion (the headline), challenger or shadow';
comment on column wh.scores.portfolio_scores.coverage is
'thick, transaction, thin or unscoreable: which data the enterprise has';
comment on column wh.scores.portfolio_scores.score_status is 'fresh, stale, quarantined or unscoreable';
comment on column wh.scores.portfolio_scores.pd_raw is 'probability; of the model before calibration';
comment on column wh.scores.portfolio_scores.pd is
'probability of default, calibrated; null where unscoreable or quarantined';
comment on column wh.scores.portfolio_scores.base_value is
'probability; the PD of the average borrower, to which contributions add up; null until a family explains itself';
comment on column wh.scores.portfolio_scores.score_points is 'points, not rounded; higher is safer';
comment on column wh.scores.portfolio_scores.grade is 'grade on the master scale';
comment on column wh.scores.portfolio_scores.reason_1 is
'strongest reason; null until a family explains itself';
comment on column wh.scores.portfolio_scores.reason_2 is 'second reason';
comment on column wh.scores.portfolio_scores.reason_3 is 'third reason';
comment on column wh.scores.portfolio_scores.reason_4 is 'fourth reason';
comment on column wh.scores.portfolio_scores.run_id is 'run that scored it';
comment on column wh.scores.portfolio_scores.scored_at is 'local time of scoring';

create table wh.scores.incoming_scores (
    portfolio varchar,
    as_of_date date,
    enterprise_id varchar,
    model_family varchar,
    model_version varchar,
    model_role varchar,
    coverage varchar,
    score_status varchar,
    pd_raw double,
    pd double,
    base_value double,
    score_points double,
    grade varchar,
    reason_1 varchar,
    reason_2 varchar,
    reason_3 varchar,
    reason_4 varchar,
    run_id varchar,
    scored_at timestamp
);
comment on table wh.scores.incoming_scores is
'the scores of one night while they wait to be validated; same columns as portfolio_scores';
comment on column wh.scores.incoming_scores.portfolio is 'portfolio';
comment on column wh.scores.incoming_scores.as_of_date is
'date that the run stands for; only what was known by its end counts';
comment on column wh.scores.incoming_scores.enterprise_id is 'key; enterprise';
comment on column wh.scores.incoming_scores.model_family is
'key; algorithm that scored it, null where none could';
comment on column wh.scores.incoming_scores.model_version is 'version of the model';
comment on column wh.scores.incoming_scores.model_role is
'key; champion (the headline), challenger or shadow';
comment on column wh.scores.incoming_scores.coverage is
'thick, transaction, thin or unscoreable: which data the enterprise has';
comment on column wh.scores.incoming_scores.score_status is 'fresh, stale, quarantined or unscoreable';
comment on column wh.scores.incoming_scores.pd_raw is 'probability; of the model before calibration';
comment on column wh.scores.incoming_scores.pd is
'probability of default, calibrated; null where unscoreable or quarantined';
comment on column wh.scores.incoming_scores.base_value is
'probability; the PD of the average borrower, to which contributions add up; null until a family explains itself';
comment on column wh.scores.incoming_scores.score_points is 'points, not rounded; higher is safer';
comment on column wh.scores.incoming_scores.grade is 'grade on the master scale';
comment on column wh.scores.incoming_scores.reason_1 is
'strongest reason; null until a family explains itself';
comment on column wh.scores.incoming_scores.reason_2 is 'second reason';
comment on column wh.scores.incoming_scores.reason_3 is 'third reason';
comment on column wh.scores.incoming_scores.reason_4 is 'fourth reason';
comment on column wh.scores.incoming_scores.run_id is 'run that scored it';
comment on column wh.scores.incoming_scores.scored_at is 'local time of scoring';
