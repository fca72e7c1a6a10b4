-- Where the rows of older nights lie that the warehouse no longer holds: docs/decisions/0082.
create table wh.ops.older_nights (
    relation varchar,
    portfolio varchar,
    as_of_date date,
    path varchar,
    rows bigint,
    bytes bigint,
    sha256 varchar,
    stamp varchar,
    run_id varchar,
    moved_at timestamp
);
comment on table wh.ops.older_nights is
'one row per relation and older night whose rows lie in a Parquet file of the home, no longer in the warehouse';
comment on column wh.ops.older_nights.relation is 'key; relation that the rows belong to';
comment on column wh.ops.older_nights.portfolio is 'key; portfolio';
comment on column wh.ops.older_nights.as_of_date is 'key; the night';
comment on column wh.ops.older_nights.path is 'the Parquet file, below the home';
comment on column wh.ops.older_nights.rows is 'rows; in the file';
comment on column wh.ops.older_nights.bytes is 'size of the file';
comment on column wh.ops.older_nights.sha256 is 'SHA-256 of the file';
comment on column wh.ops.older_nights.stamp is
'of the rows as a publish compares them; null for a relation that is not published as Parquet';
comment on column wh.ops.older_nights.run_id is 'run that moved them';
comment on column wh.ops.older_nights.moved_at is 'local time';
