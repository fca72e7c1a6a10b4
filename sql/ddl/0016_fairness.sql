-- How groups of borrowers are treated by the scores; groups of sensitive fields are counted here, never trained on.
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
comment on column wh.ops.fairness.attribute is
'key; natural_person, region, legal_form or representative_gender';
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
