-- Why a PD moved between two nights: the difference of each borrower split into parts that add up to it.
create table wh.scores.score_changes (
    portfolio varchar,
    as_of_date date,
    against_date date,
    enterprise_id varchar,
    coverage varchar,
    coverage_before varchar,
    coverage_changed boolean,
    part varchar,
    feature varchar,
    change double,
    run_id varchar
);
comment on table wh.scores.score_changes is
'one row per pair of nights, borrower, part and feature; they add up to the pd difference where there are two pds';
comment on column wh.scores.score_changes.portfolio is 'key; portfolio';
comment on column wh.scores.score_changes.as_of_date is 'key; the later night';
comment on column wh.scores.score_changes.against_date is 'key; the earlier night that it is compared with';
comment on column wh.scores.score_changes.enterprise_id is 'key; enterprise';
comment on column wh.scores.score_changes.coverage is 'coverage class on as_of_date; null where gone';
comment on column wh.scores.score_changes.coverage_before is 'coverage class on against_date; null where appeared';
comment on column wh.scores.score_changes.coverage_changed is
'true where the borrower has another coverage class than before';
comment on column wh.scores.score_changes.part is
'key; data, model, calibration; coverage_data, coverage_model; stale; or appeared, gone, newly_scored, unscored';
comment on column wh.scores.score_changes.feature is
'key; feature whose value moved the pd, or other: all weaker ones together; null where the part is not by feature';
comment on column wh.scores.score_changes.change is
'probability; what the part adds to the pd; null where the borrower has no pd on one of the nights';
comment on column wh.scores.score_changes.run_id is 'run that compared the nights';

create table wh.marts.mart_score_changes (
    portfolio varchar,
    enterprise_id varchar,
    as_of_date date,
    against_date date,
    coverage varchar,
    coverage_before varchar,
    coverage_changed boolean,
    entry varchar,
    pd_before double,
    pd_now double,
    pd_change double,
    data double,
    model double,
    calibration double,
    coverage_model double,
    coverage_data double,
    stale double,
    top_feature varchar,
    top_feature_change double,
    run_id varchar
);
comment on table wh.marts.mart_score_changes is
'one row per portfolio and borrower with a pd on either night of the latest pair compared: pd then, now, and why';

create table wh.marts.mart_family_calibration (
    portfolio varchar,
    model_family varchar,
    model_version varchar,
    coverage varchar,
    rows bigint,
    defaults bigint,
    observed_rate double,
    observed_low double,
    observed_high double,
    mean_pd double,
    ratio double
);
comment on table wh.marts.mart_family_calibration is
'one row per portfolio, model version and coverage class: mean pd of unseen rows beside their default rate';
