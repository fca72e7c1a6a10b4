-- The default curve of each borrower with a fresh headline PD over 60 months (decision 0099).
create table wh.scores.pd_curves (
    portfolio varchar,
    as_of_date date,
    bucket smallint,
    enterprise_id varchar,
    model_family varchar,
    model_version varchar,
    shape varchar,
    pd_month smallint,
    cumulative_pd double[],
    run_id varchar,
    scored_at timestamp
);
comment on table wh.scores.pd_curves is
'one row per portfolio, as_of_date and enterprise with a fresh headline PD whose horizon has a length, unless in '
'default: its PD is no forecast';
comment on column wh.scores.pd_curves.portfolio is 'key; portfolio';
comment on column wh.scores.pd_curves.as_of_date is 'key; date that the run stands for';
comment on column wh.scores.pd_curves.bucket is 'number of the enterprise that the parts of a night are cut by';
comment on column wh.scores.pd_curves.enterprise_id is 'key; enterprise';
comment on column wh.scores.pd_curves.model_family is
'pd_curve, the hazard model that gave the shape; null where there was none';
comment on column wh.scores.pd_curves.model_version is 'its version; null where there was none';
comment on column wh.scores.pd_curves.shape is
'learnt (from the hazard model), or constant: no hazard model could be learnt, every month has the same hazard';
comment on column wh.scores.pd_curves.pd_month is
'month whose cumulative_pd is the pd: that at whose end the horizon of the model lies, 12 for 365 days';
comment on column wh.scores.pd_curves.cumulative_pd is
'probability; of default within 1 to 60 months after as_of_date, never falling; month k ends k * 1461 // 48 days after';
comment on column wh.scores.pd_curves.run_id is 'run that scored it';
comment on column wh.scores.pd_curves.scored_at is 'local time of scoring';
