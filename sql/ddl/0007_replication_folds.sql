-- What one fold of a replication measured, kept as soon as it is done, so that a killed run goes on where it stopped.
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
