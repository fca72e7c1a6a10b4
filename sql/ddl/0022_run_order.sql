-- what the statuses of a run and the order of run ids mean: docs/decisions/0073
comment on column wh.ops.run_ledger.run_id is
'key; unique; sorts by the order of starting, whatever the clock did';
comment on column wh.ops.run_ledger.status is
'running, scored, published, done; refused (bad input), failed (a fault), aborted (it died, or was replaced)';
comment on column wh.ops.run_ledger.started_at is 'local time of the start, as the clock said';
comment on column wh.ops.run_ledger.finished_at is 'local time of the end; null while running, scored or published';
