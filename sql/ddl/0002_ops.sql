-- What the platform knows about its own work: runs and what they had, files, rows set aside, checks, lineage.
create table wh.ops.run_ledger (
    run_id varchar,
    flow varchar,
    portfolio varchar,
    as_of_date date,
    parameters json,
    status varchar,
    started_at timestamp,
    finished_at timestamp,
    revision varchar,
    message varchar,
    counts json,
    process varchar
);
comment on table wh.ops.run_ledger is 'one row per run of a flow';
comment on column wh.ops.run_ledger.run_id is 'key; unique, sorts by time';
comment on column wh.ops.run_ledger.flow is 'name of the flow';
comment on column wh.ops.run_ledger.portfolio is 'portfolio';
comment on column wh.ops.run_ledger.as_of_date is 'date that the run stands for; only what was known by its end counts';
comment on column wh.ops.run_ledger.parameters is 'parameters of the run';
comment on column wh.ops.run_ledger.status is
'running, done, refused (bad input), failed (a fault) or aborted (its process died)';
comment on column wh.ops.run_ledger.started_at is 'local time of the start';
comment on column wh.ops.run_ledger.finished_at is 'local time of the end, null while running';
comment on column wh.ops.run_ledger.revision is 'git revision of the code';
comment on column wh.ops.run_ledger.message is 'how it ended, in one line';
comment on column wh.ops.run_ledger.counts is 'what it moved: names and numbers of rows';
comment on column wh.ops.run_ledger.process is 'host, process number and its start: tells a live run from a dead one';

create table wh.ops.run_inputs (
    run_id varchar,
    kind varchar,
    name varchar,
    role varchar,
    rows bigint,
    fingerprint varchar
);
comment on table wh.ops.run_inputs is
'one row per thing that a scoring run had before it: a feature relation of its date or a model; replay compares them';
comment on column wh.ops.run_inputs.run_id is 'key; run that scored';
comment on column wh.ops.run_inputs.kind is 'key; features or model';
comment on column wh.ops.run_inputs.name is 'key; feature relation, or family and version of a model';
comment on column wh.ops.run_inputs.role is 'role of the model on the date, null for features';
comment on column wh.ops.run_inputs.rows is 'rows; of the feature relation on the date, null for a model';
comment on column wh.ops.run_inputs.fingerprint is 'of the rows in any order, or SHA-256 of the file of the model';

create table wh.ops.file_ledger (
    portfolio varchar,
    feed varchar,
    path varchar,
    file_hash varchar,
    bytes bigint,
    status varchar,
    reason varchar,
    delivered bigint,
    loaded bigint,
    quarantined bigint,
    exact_duplicates bigint,
    replaces varchar,
    note varchar,
    run_id varchar,
    recorded_at timestamp
);
comment on table wh.ops.file_ledger is
'one row per portfolio, path and file_hash; delivered = loaded + quarantined + exact_duplicates';
comment on column wh.ops.file_ledger.portfolio is 'portfolio';
comment on column wh.ops.file_ledger.feed is 'feed of the file';
comment on column wh.ops.file_ledger.path is 'key; path below the landing folder';
comment on column wh.ops.file_ledger.file_hash is 'key; SHA-256 of the file';
comment on column wh.ops.file_ledger.bytes is 'size of the file';
comment on column wh.ops.file_ledger.status is 'loaded, refused (whole file) or replaced (by a corrected file)';
comment on column wh.ops.file_ledger.reason is 'why a file was refused, in one line';
comment on column wh.ops.file_ledger.delivered is 'rows; in the file';
comment on column wh.ops.file_ledger.loaded is 'rows; now in raw';
comment on column wh.ops.file_ledger.quarantined is 'rows; set aside in ops.quarantine';
comment on column wh.ops.file_ledger.exact_duplicates is 'rows; equal to a row that is there already';
comment on column wh.ops.file_ledger.replaces is 'file_hash of the predecessor under the same path';
comment on column wh.ops.file_ledger.note is 'what else was noticed, such as columns that the feed does not know';
comment on column wh.ops.file_ledger.run_id is 'run that recorded it';
comment on column wh.ops.file_ledger.recorded_at is 'local time of recording';

create table wh.ops.quarantine (
    portfolio varchar,
    feed varchar,
    path varchar,
    file_hash varchar,
    file_row bigint,
    rule varchar,
    detail varchar,
    raw_text varchar,
    run_id varchar,
    quarantined_at timestamp
);
comment on table wh.ops.quarantine is 'one row per delivered row that was set aside';
comment on column wh.ops.quarantine.portfolio is 'portfolio';
comment on column wh.ops.quarantine.feed is 'feed of the file';
comment on column wh.ops.quarantine.path is 'path below the landing folder';
comment on column wh.ops.quarantine.file_hash is 'SHA-256 of the file';
comment on column wh.ops.quarantine.file_row is 'number of the data row in the file, from 1';
comment on column wh.ops.quarantine.rule is 'rule that the row breaks';
comment on column wh.ops.quarantine.detail is 'what is wrong with it';
comment on column wh.ops.quarantine.raw_text is 'the delivered row; personal columns are masked';
comment on column wh.ops.quarantine.run_id is 'run that set it aside';
comment on column wh.ops.quarantine.quarantined_at is 'local time';

create table wh.ops.validation_results (
    run_id varchar,
    portfolio varchar,
    as_of_date date,
    suite varchar,
    relation varchar,
    expectation varchar,
    column_name varchar,
    severity varchar,
    outcome varchar,
    observed varchar,
    unexpected_count bigint,
    evaluated_count bigint,
    examples json,
    checked_at timestamp
);
comment on table wh.ops.validation_results is 'one row per run, suite, relation and expectation';
comment on column wh.ops.validation_results.run_id is 'run that checked';
comment on column wh.ops.validation_results.portfolio is 'portfolio';
comment on column wh.ops.validation_results.as_of_date is
'date that the run stands for; only what was known by its end counts';
comment on column wh.ops.validation_results.suite is 'suite of expectations';
comment on column wh.ops.validation_results.relation is 'relation checked';
comment on column wh.ops.validation_results.expectation is 'what was expected';
comment on column wh.ops.validation_results.column_name is 'column, null for a whole relation';
comment on column wh.ops.validation_results.severity is 'stop, quarantine or warn: what a failure does';
comment on column wh.ops.validation_results.outcome is 'passed, failed, errored or not_applicable';
comment on column wh.ops.validation_results.observed is 'what was seen';
comment on column wh.ops.validation_results.unexpected_count is 'rows; that fail';
comment on column wh.ops.validation_results.evaluated_count is 'rows; that were checked';
comment on column wh.ops.validation_results.examples is 'up to three failing rows';
comment on column wh.ops.validation_results.checked_at is 'local time';

create table wh.ops.lineage (
    relation varchar,
    input varchar,
    sql_file varchar
);
comment on table wh.ops.lineage is 'one row per relation and input, read from the SQL files';
comment on column wh.ops.lineage.relation is 'key; relation that is built';
comment on column wh.ops.lineage.input is 'key; relation that it reads';
comment on column wh.ops.lineage.sql_file is 'file that says so';
