-- A warehouse remembers which program declared it, so that the next opening by the same one creates nothing anew
-- (decision 0108). Older versions, which would renew views and leave this as it is, no longer open it.
create table wh.ops.declared (
    fingerprint varchar,
    declared_at timestamp
);
comment on table wh.ops.declared is
'one row: the program as whose files declare them all tables, views and macros are there; none while they are created';
comment on column wh.ops.declared.fingerprint is
'of the version of DuckDB, the modules of warehouse/ and the files of sql/';
comment on column wh.ops.declared.declared_at is 'local time of creating them';
