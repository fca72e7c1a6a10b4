-- A lender says which family leads a coverage class from a day on (decision 0103).
create table wh.ops.class_leaders (
    portfolio varchar,
    coverage varchar,
    model_family varchar,
    effective_from date,
    reason varchar,
    approver varchar,
    run_id varchar,
    recorded_at timestamp
);
comment on table wh.ops.class_leaders is
'one row per approval: a coverage class is led by the family of its record with the latest effective_from, and by the '
'family meant for it where it has none; rows are only ever added';
comment on column wh.ops.class_leaders.portfolio is 'key; portfolio';
comment on column wh.ops.class_leaders.coverage is 'key; thick, transaction or thin';
comment on column wh.ops.class_leaders.model_family is
'family whose champion gives the headline pd of the class, unless it is shown to be worse than the stand-in there';
comment on column wh.ops.class_leaders.effective_from is 'key; first night that it holds for';
comment on column wh.ops.class_leaders.reason is 'why it was chosen';
comment on column wh.ops.class_leaders.approver is 'who approved it';
comment on column wh.ops.class_leaders.run_id is 'run that recorded it';
comment on column wh.ops.class_leaders.recorded_at is 'key; local time; of two records of one day the later holds';
-- a night that was scored under another choice is scored again, and a replay names the choice as a cause
comment on table wh.ops.run_inputs is
'one row per thing that a scoring run had before it: a feature relation of its date, a model or the family that the '
'lender chose for a class; replay compares them';
comment on column wh.ops.run_inputs.kind is 'key; features, model or leader';
comment on column wh.ops.run_inputs.name is
'key; feature relation, family and version of a model, or coverage class of a leader';
comment on column wh.ops.run_inputs.role is 'role of the model on the date, null for features and leaders';
comment on column wh.ops.run_inputs.rows is 'rows; of the feature relation on the date, null for models and leaders';
comment on column wh.ops.run_inputs.fingerprint is
'of the rows in any order, SHA-256 of the file of the model, or the family that leads the class';
