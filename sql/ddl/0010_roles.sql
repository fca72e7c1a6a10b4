-- Who may score since when, and who said so; when a score was really made; what a run had before it.
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

-- models that were there before roles had a history
insert into wh.ops.model_roles
select
    portfolio,
    model_family,
    model_version,
    role,
    knowledge_date as effective_from,
    coalesce(note, 'registered by training') as reason,
    'training run' as approver,
    run_id,
    registered_at as recorded_at
from wh.ops.model_registry;

comment on column wh.ops.model_registry.role is
'role that it was registered with, or retired where it was withdrawn from every night; of a date: ops.model_roles';

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

alter table wh.scores.portfolio_scores add column scored_as_of date;
alter table wh.scores.incoming_scores add column scored_as_of date;
comment on column wh.scores.portfolio_scores.scored_as_of is
'date that the pd was really scored for: as_of_date where fresh, an earlier one where stale, null without a pd';
comment on column wh.scores.incoming_scores.scored_as_of is
'date that the pd was really scored for: as_of_date where fresh, an earlier one where stale, null without a pd';
comment on column wh.scores.portfolio_scores.score_status is
'fresh (scored tonight), stale (the last good score, kept), quarantined or unscoreable';
comment on column wh.scores.incoming_scores.score_status is
'fresh (scored tonight), stale (the last good score, kept), quarantined or unscoreable';
update wh.scores.portfolio_scores set scored_as_of = as_of_date where score_status = 'fresh';

alter table wh.marts.mart_portfolio_latest add column scored_as_of date;
