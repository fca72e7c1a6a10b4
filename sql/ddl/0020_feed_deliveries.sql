-- What each feed brought in the run of a night: a feed that was refused or is missing is told from here.
create table wh.ops.feed_deliveries (
    portfolio varchar,
    as_of_date date,
    run_id varchar,
    feed varchar,
    status varchar,
    files bigint,
    files_loaded bigint,
    files_refused bigint,
    refused_path varchar,
    refused_reason varchar,
    loaded bigint,
    quarantined bigint,
    last_delivery date,
    recorded_at timestamp
);
comment on table wh.ops.feed_deliveries is
'one row per run of a night and feed: what it brought, what of it was refused, and when it came last';
comment on column wh.ops.feed_deliveries.portfolio is 'portfolio';
comment on column wh.ops.feed_deliveries.as_of_date is
'date that the run stands for; only what was known by its end counts';
comment on column wh.ops.feed_deliveries.run_id is 'key; run of the night';
comment on column wh.ops.feed_deliveries.feed is 'key; name of the feed';
comment on column wh.ops.feed_deliveries.status is
'refused (a file of it), missing (the watch has its feed_age at alarm), never delivered, delivered or nothing new';
comment on column wh.ops.feed_deliveries.files is 'files; in the landing folder, with those loaded before';
comment on column wh.ops.feed_deliveries.files_loaded is 'files; loaded by the run';
comment on column wh.ops.feed_deliveries.files_refused is 'files; refused whole by the run, again where not mended';
comment on column wh.ops.feed_deliveries.refused_path is 'first refused file, below the landing folder; null if none';
comment on column wh.ops.feed_deliveries.refused_reason is 'why the first refused file was refused, in one line';
comment on column wh.ops.feed_deliveries.loaded is 'rows; loaded by the run, before its gates judged them';
comment on column wh.ops.feed_deliveries.quarantined is 'rows; set aside by the run, before its gates judged them';
comment on column wh.ops.feed_deliveries.last_delivery is
'day on which the latest of its rows became known, by the end of as_of_date; null = never delivered';
comment on column wh.ops.feed_deliveries.recorded_at is 'local time';
