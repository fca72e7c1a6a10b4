-- a night is done only once it is published and reported
comment on column wh.ops.run_ledger.status is
'running, scored, published, done; refused (bad input), failed (a fault), aborted (its process died before scores)';
