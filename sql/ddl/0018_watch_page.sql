-- the page that explains the measures is called like the watch
comment on column wh.ops.monitoring.measure is 'key; what was measured; docs/watch.md explains each';
