-- The schemas of the warehouse, and the table that remembers which of these files were applied.
create schema if not exists wh.raw;
create schema if not exists wh.staging;
create schema if not exists wh.features;
create schema if not exists wh.marts;
create schema if not exists wh.scores;
create schema if not exists wh.ops;

create table wh.ops.migrations (
    number integer,
    name varchar,
    sha256 varchar,
    applied_at timestamp
);
comment on table wh.ops.migrations is 'one row per applied file of sql/ddl';
comment on column wh.ops.migrations.number is
'number at the start of the file name; migrations only go forward';
comment on column wh.ops.migrations.name is 'rest of the file name';
comment on column wh.ops.migrations.sha256 is 'SHA-256 of the file as applied; a changed file is refused';
comment on column wh.ops.migrations.applied_at is 'local time of applying';
