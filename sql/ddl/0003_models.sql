-- Models: who may score since when, what they said of rows that they had not seen, what a number means.
create table wh.ops.model_registry (
    model_family varchar,
    model_version varchar,
    portfolio varchar,
    role varchar,
    purpose varchar,
    knowledge_date date,
    label_definition varchar,
    horizon_days integer,
    settings json,
    feature_groups json,
    feature_names json,
    schema_hash varchar,
    data_fingerprint varchar,
    metrics json,
    artefact_path varchar,
    artefact_sha256 varchar,
    base_rate double,
    run_id varchar,
    registered_at timestamp,
    note varchar,
    master_scale varchar
);
comment on table wh.ops.model_registry is 'one row per portfolio, model family and version';
comment on column wh.ops.model_registry.model_family is 'key; algorithm of the model';
comment on column wh.ops.model_registry.model_version is 'key; version, unique in portfolio and family';
comment on column wh.ops.model_registry.portfolio is 'portfolio';
comment on column wh.ops.model_registry.role is
'role that it was registered with, or retired where it was withdrawn from every night; of a date: ops.model_roles';
comment on column wh.ops.model_registry.purpose is 'forecast, or describe where outcomes carry no date';
comment on column wh.ops.model_registry.knowledge_date is
'last day whose knowledge went into the model; no earlier night uses it';
comment on column wh.ops.model_registry.label_definition is 'definition of default that it was trained on';
comment on column wh.ops.model_registry.horizon_days is 'days; horizon of the label';
comment on column wh.ops.model_registry.settings is 'settings of the algorithm';
comment on column wh.ops.model_registry.feature_groups is 'groups of features that the training data delivered';
comment on column wh.ops.model_registry.feature_names is 'features in the order of training';
comment on column wh.ops.model_registry.schema_hash is 'SHA-256 of feature names and types; checked at scoring';
comment on column wh.ops.model_registry.data_fingerprint is 'fingerprint of the training rows';
comment on column wh.ops.model_registry.metrics is 'what was measured, on rows that no fit saw';
comment on column wh.ops.model_registry.artefact_path is 'file of the model, below the models folder';
comment on column wh.ops.model_registry.artefact_sha256 is 'SHA-256 of that file; checked at load';
comment on column wh.ops.model_registry.base_rate is 'share; defaults among the training rows';
comment on column wh.ops.model_registry.run_id is 'run that trained it';
comment on column wh.ops.model_registry.registered_at is 'local time';
comment on column wh.ops.model_registry.note is 'remark of whoever registered or retired it';
comment on column wh.ops.model_registry.master_scale is
'JSON; settings of the master scale that the model carries; null for models registered before it was told';

create table wh.ops.model_roles (
    portfolio varchar,
    model_family varchar,
    model_version varchar,
    role varchar,
    effective_from date,
    reason varchar,
    approver varchar,
    run_id varchar,
    recorded_at timestamp
);
comment on table wh.ops.model_roles is
'one row per approval: a model has the role of its record with the latest effective_from; rows are only ever added';
comment on column wh.ops.model_roles.portfolio is 'key; portfolio';
comment on column wh.ops.model_roles.model_family is 'key; algorithm of the model';
comment on column wh.ops.model_roles.model_version is 'key; version of the model';
comment on column wh.ops.model_roles.role is 'champion, challenger, shadow or retired';
comment on column wh.ops.model_roles.effective_from is 'key; first night that the role holds for';
comment on column wh.ops.model_roles.reason is 'why it was given';
comment on column wh.ops.model_roles.approver is 'who approved it; training run where nobody was asked';
comment on column wh.ops.model_roles.run_id is 'run that recorded it';
comment on column wh.ops.model_roles.recorded_at is 'key; local time; of two records of one day the later holds';

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

create table wh.ops.replication (
    paper varchar,
    dataset varchar,
    protocol varchar,
    table_number varchar,
    row_name varchar,
    metric varchar,
    mean double,
    low double,
    high double,
    published double,
    repeats integer,
    run_id varchar,
    recorded_at timestamp
);
comment on table wh.ops.replication is 'one row per figure of a paper that was measured again';
comment on column wh.ops.replication.paper is 'paper';
comment on column wh.ops.replication.dataset is 'data set measured on';
comment on column wh.ops.replication.protocol is 'how it was split and repeated';
comment on column wh.ops.replication.table_number is 'table of the paper';
comment on column wh.ops.replication.row_name is 'row of that table';
comment on column wh.ops.replication.metric is 'metric';
comment on column wh.ops.replication.mean is 'mean over repeats';
comment on column wh.ops.replication.low is 'lower end of the interval';
comment on column wh.ops.replication.high is 'upper end of the interval';
comment on column wh.ops.replication.published is 'figure in the paper';
comment on column wh.ops.replication.repeats is 'number of repeats';
comment on column wh.ops.replication.run_id is 'run that measured it';
comment on column wh.ops.replication.recorded_at is 'local time';

create table wh.ops.replication_folds (
    paper varchar,
    dataset varchar,
    protocol varchar,
    fingerprint varchar,
    repeat integer,
    fold integer,
    table_number varchar,
    row_name varchar,
    metric varchar,
    value double,
    run_id varchar,
    recorded_at timestamp
);
comment on table wh.ops.replication_folds is
'one row per figure of one test fold; ops.replication holds their means and intervals';
comment on column wh.ops.replication_folds.paper is 'key; paper';
comment on column wh.ops.replication_folds.dataset is 'key; data set measured on';
comment on column wh.ops.replication_folds.protocol is 'key; honest, tuned or leaky';
comment on column wh.ops.replication_folds.fingerprint is
'key; SHA-256 over rows, settings, code and libraries; folds of another one are measured again';
comment on column wh.ops.replication_folds.repeat is 'key; repeat of the folds';
comment on column wh.ops.replication_folds.fold is 'key; test fold';
comment on column wh.ops.replication_folds.table_number is 'key; table of the paper';
comment on column wh.ops.replication_folds.row_name is 'key; row of that table';
comment on column wh.ops.replication_folds.metric is 'key; metric';
comment on column wh.ops.replication_folds.value is 'figure on the test fold';
comment on column wh.ops.replication_folds.run_id is 'run that measured it';
comment on column wh.ops.replication_folds.recorded_at is 'local time';

create table wh.ops.master_scale (
    notch integer,
    grade varchar,
    pd_below double,
    points_to_double double,
    base_points double,
    base_odds double
);
comment on table wh.ops.master_scale is
'one row per grade, fixed: a model with another scale is refused; marts.grade_of and marts.points_of say it in SQL';
comment on column wh.ops.master_scale.notch is 'key; 1 is the best grade';
comment on column wh.ops.master_scale.grade is 'name of the grade';
comment on column wh.ops.master_scale.pd_below is
'probability; the grade holds every pd below this one and not below that of the grade before; null for the last grade';
comment on column wh.ops.master_scale.points_to_double is
'points that double the odds of no default; the same in every row';
comment on column wh.ops.master_scale.base_points is 'points at the base odds; the same in every row';
comment on column wh.ops.master_scale.base_odds is
'odds of no default to default that earn the base points; the same in every row';
-- a scale that differs from this one is another migration, and every model is trained again
insert into wh.ops.master_scale
select
    unnest(range(1, 11)) as notch,
    unnest(['A1', 'A2', 'B1', 'B2', 'C1', 'C2', 'D1', 'D2', 'E1', 'E2']) as grade,
    unnest([0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, null]) as pd_below,
    20 as points_to_double,
    600 as base_points,
    50 as base_odds;

create table wh.ops.feature_catalogue (
    feature varchar,
    feature_group varchar,
    unit varchar,
    business_name varchar,
    sentence_raises varchar,
    sentence_lowers varchar,
    tellable boolean,
    why_not varchar
);
comment on table wh.ops.feature_catalogue is
'one row per column of features.feat_enterprise and features.feat_sensitive: what it is called and may be told';
comment on column wh.ops.feature_catalogue.feature is 'key; column, and name of the feature in reasons';
comment on column wh.ops.feature_catalogue.feature_group is 'group that its SQL file declares';
comment on column wh.ops.feature_catalogue.unit is 'unit that its SQL file declares, null where it has none';
comment on column wh.ops.feature_catalogue.business_name is 'what a risk team calls it';
comment on column wh.ops.feature_catalogue.sentence_raises is
'what a borrower is told where the feature raises the PD; null where it may not be told';
comment on column wh.ops.feature_catalogue.sentence_lowers is
'what a borrower is told where the feature lowers the PD; null where it may not be told';
comment on column wh.ops.feature_catalogue.tellable is 'whether it may be told to the borrower';
comment on column wh.ops.feature_catalogue.why_not is 'why it may not be told; null where it may';
