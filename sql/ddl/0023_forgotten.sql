-- Who asked that a borrower's personal fields go, and when; intake keeps them away from then on.
create table wh.ops.forgotten (
    portfolio varchar,
    enterprise_id varchar,
    requested_by varchar,
    reason varchar,
    forgotten_at timestamp,
    run_id varchar,
    rows_changed bigint,
    rows_set_aside bigint
);
comment on table wh.ops.forgotten is
'one row per request to forget a borrower; its personal fields are empty in raw and never come back';
comment on column wh.ops.forgotten.portfolio is 'key; portfolio';
comment on column wh.ops.forgotten.enterprise_id is 'key; borrower whose personal fields were removed';
comment on column wh.ops.forgotten.requested_by is 'who asked, as a code or an office';
comment on column wh.ops.forgotten.reason is 'why, such as the number of the request';
comment on column wh.ops.forgotten.forgotten_at is 'local time';
comment on column wh.ops.forgotten.run_id is 'key; run that removed them';
comment on column wh.ops.forgotten.rows_changed is 'rows; of raw that lost a personal field by this request';
comment on column wh.ops.forgotten.rows_set_aside is 'rows; of ops.quarantine whose text was cut by this request';

comment on column wh.ops.quarantine.detail is 'what is wrong with it; of a delivered value only its form is quoted';
comment on column wh.ops.quarantine.raw_text is
'the delivered row, personal columns, free text and JSON masked; *** for a line that is no row; never published';
