-- What watches the models: reference bins stored with each model, tonight's counts in them, the measures, the alerts,
-- how groups of borrowers are treated (groups of sensitive fields are counted here, never trained on).
create table wh.ops.reference_bins (
    portfolio varchar,
    model_family varchar,
    model_version varchar,
    subject varchar,
    bin integer,
    kind varchar,
    lower double,
    upper double,
    category varchar,
    count bigint,
    share double,
    run_id varchar,
    recorded_at timestamp
);
comment on table wh.ops.reference_bins is
'one row per portfolio, model family, version, subject and bin: how the rows of training lay, stored with the model';
comment on column wh.ops.reference_bins.portfolio is 'key; portfolio';
comment on column wh.ops.reference_bins.model_family is 'key; algorithm of the model';
comment on column wh.ops.reference_bins.model_version is 'key; version of the model';
comment on column wh.ops.reference_bins.subject is
'key; score (the PD of rows that the model had not seen) or a feature of the model (its training rows)';
comment on column wh.ops.reference_bins.bin is 'key; number of the bin, from 0';
comment on column wh.ops.reference_bins.kind is
'range (lower <= value < upper), value (exactly lower), category, other (none of the bins before) or missing';
comment on column wh.ops.reference_bins.lower is 'lower bound, inclusive; null in a range: no bound';
comment on column wh.ops.reference_bins.upper is 'upper bound, exclusive; null in a range: no bound';
comment on column wh.ops.reference_bins.category is 'category, or true and false of a flag';
comment on column wh.ops.reference_bins.count is 'rows; of training in the bin';
comment on column wh.ops.reference_bins.share is 'share; of the training rows in the bin';
comment on column wh.ops.reference_bins.run_id is 'run that registered the model';
comment on column wh.ops.reference_bins.recorded_at is 'local time';

create table wh.ops.bin_counts (
    portfolio varchar,
    as_of_date date,
    model_family varchar,
    model_version varchar,
    subject varchar,
    bin integer,
    count bigint
);
comment on table wh.ops.bin_counts is
'one row per portfolio, as_of_date, model family, version, subject and bin: borrowers of a night in the reference bins';
comment on column wh.ops.bin_counts.portfolio is 'key; portfolio';
comment on column wh.ops.bin_counts.as_of_date is 'key; the night that was counted';
comment on column wh.ops.bin_counts.model_family is 'key; family whose borrowers were counted';
comment on column wh.ops.bin_counts.model_version is
'key; version whose bins were used; the night itself may have been scored by another version of the family';
comment on column wh.ops.bin_counts.subject is 'key; score or a feature';
comment on column wh.ops.bin_counts.bin is 'key; bin of ops.reference_bins';
comment on column wh.ops.bin_counts.count is 'borrowers; in the bin';

create table wh.ops.monitoring (
    portfolio varchar,
    as_of_date date,
    heading varchar,
    measure varchar,
    model_family varchar,
    model_version varchar,
    subject varchar,
    value double,
    low double,
    high double,
    threshold double,
    critical double,
    sample bigint,
    reference bigint,
    severity varchar,
    note varchar,
    run_id varchar,
    recorded_at timestamp
);
comment on table wh.ops.monitoring is
'one row per portfolio, as_of_date, heading, measure, model family (null: headline of all) and subject';
comment on column wh.ops.monitoring.portfolio is 'key; portfolio';
comment on column wh.ops.monitoring.as_of_date is
'key; the night that was watched; only what was known by its end counts';
comment on column wh.ops.monitoring.heading is 'key; performance, stability or calibration';
comment on column wh.ops.monitoring.measure is 'key; what was measured; docs/monitoring.md explains each';
comment on column wh.ops.monitoring.model_family is
'key; family that was measured, null for the headline of all families';
comment on column wh.ops.monitoring.model_version is 'version of the model, null where several';
comment on column wh.ops.monitoring.subject is
'key; score, feature, grade, vintage, family, member or window; never null';
comment on column wh.ops.monitoring.value is 'the measure; null where it cannot be known, and note says why';
comment on column wh.ops.monitoring.low is 'lower end of its 95% interval, null where it has none';
comment on column wh.ops.monitoring.high is 'upper end of its 95% interval, null where it has none';
comment on column wh.ops.monitoring.threshold is
'what the value is judged by: a rule of thumb, or the value at training; null: told, not judged';
comment on column wh.ops.monitoring.critical is
'critical value at the size of the two samples (95%), null where it has none';
comment on column wh.ops.monitoring.sample is 'rows; of the night or vintage that was measured';
comment on column wh.ops.monitoring.reference is 'rows; of what it is compared with, null where with nothing';
comment on column wh.ops.monitoring.severity is 'ok (also: told, not judged), watch, alarm or unknown';
comment on column wh.ops.monitoring.note is 'how to read the row, and why a value is unknown';
comment on column wh.ops.monitoring.run_id is 'run that watched';
comment on column wh.ops.monitoring.recorded_at is 'local time';

create table wh.ops.alerts (
    portfolio varchar,
    as_of_date date,
    heading varchar,
    measure varchar,
    model_family varchar,
    subject varchar,
    severity varchar,
    nights integer,
    message varchar,
    event varchar,
    run_id varchar,
    recorded_at timestamp
);
comment on table wh.ops.alerts is
'one row per measure of ops.monitoring that was at watch or alarm on this scored night and on the one before';
comment on column wh.ops.alerts.portfolio is 'key; portfolio';
comment on column wh.ops.alerts.as_of_date is 'key; the second or a later night';
comment on column wh.ops.alerts.heading is 'key; performance, stability or calibration';
comment on column wh.ops.alerts.measure is 'key; measure of ops.monitoring';
comment on column wh.ops.alerts.model_family is 'key; family, null for the headline of all families';
comment on column wh.ops.alerts.subject is
'key; subject of ops.monitoring; features: the features of a family together';
comment on column wh.ops.alerts.severity is 'alarm where both nights were at alarm, else watch';
comment on column wh.ops.alerts.nights is 'nights; scored nights in a row at watch or alarm, tonight included';
comment on column wh.ops.alerts.message is 'the alert in one line';
comment on column wh.ops.alerts.event is
'emitted (handed to Prefect, which sends it in the background), or not emitted and why';
comment on column wh.ops.alerts.run_id is 'run that raised it';
comment on column wh.ops.alerts.recorded_at is 'local time';

create table wh.ops.fairness (
    portfolio varchar,
    as_of_date date,
    model_family varchar,
    model_version varchar,
    attribute varchar,
    group_name varchar,
    basis varchar,
    measure varchar,
    value double,
    low double,
    high double,
    sample bigint,
    note varchar,
    run_id varchar,
    recorded_at timestamp
);
comment on table wh.ops.fairness is
'one row per portfolio, as_of_date, model family (null: headline of all), attribute, group, basis and measure';
comment on column wh.ops.fairness.portfolio is 'key; portfolio';
comment on column wh.ops.fairness.as_of_date is 'key; the night that was watched';
comment on column wh.ops.fairness.model_family is 'key; family, null for the headline of all families';
comment on column wh.ops.fairness.model_version is 'version of the model, null where several';
comment on column wh.ops.fairness.attribute is 'key; natural_person, region, legal_form or representative_gender';
comment on column wh.ops.fairness.group_name is 'key; group of borrowers; not stated: the feed does not say';
comment on column wh.ops.fairness.basis is
'key; tonight (all who were scored), matured (the latest vintage with known labels) or unseen (rows of training that '
'the model had not seen)';
comment on column wh.ops.fairness.measure is
'key; borrowers, selection_rate, adverse_impact_ratio, auc, observed_rate, mean_pd or observed_to_expected';
comment on column wh.ops.fairness.value is 'the measure; null where the group is too small, and note gives its counts';
comment on column wh.ops.fairness.low is 'lower end of its 95% interval, null where it has none';
comment on column wh.ops.fairness.high is 'upper end of its 95% interval, null where it has none';
comment on column wh.ops.fairness.sample is 'borrowers; of the group';
comment on column wh.ops.fairness.note is 'how to read the row, and why a value is missing';
comment on column wh.ops.fairness.run_id is 'run that measured it';
comment on column wh.ops.fairness.recorded_at is 'local time';
