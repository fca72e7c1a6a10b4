-- What each model said of rows that it had not seen: families are compared, and cards drawn, from these rows.
create table wh.ops.evaluation_scores (
    portfolio varchar,
    model_family varchar,
    model_version varchar,
    as_of_date date,
    enterprise_id varchar,
    repeat integer,
    coverage varchar,
    label integer,
    pd_raw double,
    pd double,
    run_id varchar
);
comment on table wh.ops.evaluation_scores is
'one row per model, labelled snapshot row and repeat of the folds; the model that scored it was fitted without it';
comment on column wh.ops.evaluation_scores.portfolio is 'key; portfolio';
comment on column wh.ops.evaluation_scores.model_family is 'key; algorithm';
comment on column wh.ops.evaluation_scores.model_version is 'key; version of the model that was evaluated';
comment on column wh.ops.evaluation_scores.as_of_date is 'key; snapshot that the row describes';
comment on column wh.ops.evaluation_scores.enterprise_id is 'key; enterprise';
comment on column wh.ops.evaluation_scores.repeat is 'key; repeat of the folds, 0 where a later snapshot was scored';
comment on column wh.ops.evaluation_scores.coverage is 'thick, transaction or thin on the snapshot';
comment on column wh.ops.evaluation_scores.label is '1 for default within the horizon, else 0';
comment on column wh.ops.evaluation_scores.pd_raw is 'probability; before calibration';
comment on column wh.ops.evaluation_scores.pd is
'probability; calibrated on other rows: the other folds, or what was held out';
comment on column wh.ops.evaluation_scores.run_id is 'run that trained the model';
