-- What people decided against the model's grade: delivered as a feed, shown beside the grade, never over it.
create table wh.raw.overrides (
    enterprise_id varchar not null,
    decided_at timestamp not null,
    old_grade varchar not null,
    new_grade varchar not null,
    decided_by varchar not null,
    reason varchar not null,
    valid_until date,
    known_at timestamp not null,
    known_to timestamp,
    portfolio varchar not null,
    file_hash varchar,
    file_row bigint,
    run_id varchar,
    loaded_at timestamp
);
comment on table wh.raw.overrides is
'one row per portfolio, enterprise, decided_at and version: grades that people set';
comment on column wh.raw.overrides.enterprise_id is 'key; enterprise';
comment on column wh.raw.overrides.decided_at is 'key; when it was decided (business time)';
comment on column wh.raw.overrides.old_grade is 'grade of the model that was set aside';
comment on column wh.raw.overrides.new_grade is 'grade that was set';
comment on column wh.raw.overrides.decided_by is 'code of the account manager, no name';
comment on column wh.raw.overrides.reason is 'why, in the words of who decided';
comment on column wh.raw.overrides.valid_until is 'last day that it holds; null until another is decided';
comment on column wh.raw.overrides.known_at is
'when the lender knew the row; the business time where the file does not say';
comment on column wh.raw.overrides.known_to is
'known_at of the next version of the same key; null for the version that stands';
comment on column wh.raw.overrides.portfolio is 'key; portfolio that the row was delivered for';
comment on column wh.raw.overrides.file_hash is 'SHA-256 of the delivered file';
comment on column wh.raw.overrides.file_row is 'number of the data row in the file, from 1';
comment on column wh.raw.overrides.run_id is 'run that loaded the row';
comment on column wh.raw.overrides.loaded_at is 'local time of loading';

create view wh.ops.overrides as
select
    portfolio,
    enterprise_id,
    decided_at,
    old_grade,
    new_grade,
    decided_by,
    reason,
    valid_until,
    known_at,
    known_to,
    run_id
from wh.raw.overrides;
comment on view wh.ops.overrides is
'one row per override and version, as delivered: who set which grade, why and until when';
comment on column wh.ops.overrides.portfolio is 'key; portfolio';
comment on column wh.ops.overrides.enterprise_id is 'key; enterprise';
comment on column wh.ops.overrides.decided_at is 'key; when it was decided';
comment on column wh.ops.overrides.old_grade is 'grade of the model that was set aside';
comment on column wh.ops.overrides.new_grade is 'grade that was set';
comment on column wh.ops.overrides.decided_by is 'code of the account manager, no name';
comment on column wh.ops.overrides.reason is 'why, in the words of who decided';
comment on column wh.ops.overrides.valid_until is 'last day that it holds; null until another is decided';
comment on column wh.ops.overrides.known_at is 'key; when the lender knew this version';
comment on column wh.ops.overrides.known_to is
'when the next version of it became known; null for the one that stands';
comment on column wh.ops.overrides.run_id is 'run that loaded it';

alter table wh.marts.mart_portfolio_latest add column override_grade varchar;
alter table wh.marts.mart_portfolio_latest add column override_until date;

create table wh.marts.mart_override_hits (
    portfolio varchar,
    as_of_date date,
    direction varchar,
    overrides bigint,
    outcome_known bigint,
    defaults bigint,
    agreed_with_override bigint,
    agreed_with_model bigint,
    override_hit_rate double,
    model_hit_rate double
);
comment on table wh.marts.mart_override_hits is 'one row per portfolio, as_of_date and direction of the overrides';
