-- how a file was read, what it said about time, and how many rows it took the standing from
alter table wh.ops.file_ledger add column superseded bigint;
alter table wh.ops.file_ledger add column brings_known_at boolean;
alter table wh.ops.file_ledger add column mapping varchar;
comment on column wh.ops.file_ledger.superseded is
'rows; of raw that stood until this file brought a newer version; null = loaded before this was counted';
comment on column wh.ops.file_ledger.brings_known_at is
'a row of the file has a known_at of its own; null = refused, or loaded before this was kept';
comment on column wh.ops.file_ledger.mapping is
'JSON; what feeds.yaml said of the file; null = nothing';
comment on column wh.ops.file_ledger.file_hash is
'key; SHA-256 of the file; where mapping is not null, SHA-256 of that (as hexadecimal digits) followed by mapping';
comment on column wh.ops.quarantine.file_hash is
'file_hash of the file in ops.file_ledger';
comment on column wh.ops.quarantine.raw_text is
'the delivered row, personal columns and JSON masked; *** for a line that is no row, whose parts nobody can tell';
