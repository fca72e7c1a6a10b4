-- A measure at watch or alarm is an alert from its first night on (decision 0093).
comment on column wh.ops.monitoring.measure is 'key; what was measured; docs/watch.md explains each';
comment on table wh.ops.alerts is
'one row per measure of ops.monitoring at watch or alarm on this night, and per finding or review that is overdue';
comment on column wh.ops.alerts.as_of_date is 'key; the night';
comment on column wh.ops.alerts.severity is
'alarm (red: somebody looks today) or watch (amber: look this week); that of the measure, features are only watched; '
'alarm where overdue for more days than the watch allows';
comment on column wh.ops.alerts.nights is
'nights; scored nights in a row at watch or alarm, or overdue, tonight included; 1 on the first';
