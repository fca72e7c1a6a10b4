-- Challengers and shadows are watched beside the champions; findings on a model and reviews are rows (decision 0091).
alter table wh.ops.monitoring add column model_role varchar;
alter table wh.ops.fairness add column model_role varchar;
alter table wh.ops.alerts add column model_role varchar;
alter table wh.ops.alerts add column model_version varchar;
-- until now a family was watched by its champion alone
update wh.ops.monitoring set model_role = 'champion' where model_family is not null;
update wh.ops.fairness set model_role = 'champion' where model_family is not null;
update wh.ops.alerts set model_role = 'champion' where model_family is not null;
comment on table wh.ops.monitoring is
'one row per portfolio, as_of_date, heading, measure, model family (null: headline of all), role, version and subject';
comment on column wh.ops.monitoring.model_role is
'key; role of the model that night: champion, challenger or shadow; null for the headline of all families';
comment on column wh.ops.monitoring.model_version is
'key of a challenger or shadow; version of the model, of a champion that of the night measured, null where several';
comment on table wh.ops.fairness is
'one row per portfolio, as_of_date, model family (null: headline of all), role, version, attribute, group, basis and '
'measure';
comment on column wh.ops.fairness.model_role is
'key; role of the model that night: champion, challenger or shadow; null for the headline of all families';
comment on column wh.ops.fairness.model_version is
'key of a challenger or shadow; version of the model, of a champion that of the night measured, null where several';
comment on column wh.ops.bin_counts.model_version is
'key; version whose bins were used; the borrowers are those that it scored itself, or, where it scored nobody that '
'night, those of the champion of its family then';
comment on table wh.ops.alerts is
'one row per measure of ops.monitoring that was at watch or alarm on this scored night and on the one before, and per '
'finding or review that is overdue';
comment on column wh.ops.alerts.heading is 'key; performance, stability, calibration or governance';
comment on column wh.ops.alerts.measure is 'key; measure of ops.monitoring, or finding or review where overdue';
comment on column wh.ops.alerts.model_role is
'key; role of the model that night: champion, challenger or shadow (beside the headline) or, of an overdue finding, '
'unused (it scored nobody); null for the headline of all families';
comment on column wh.ops.alerts.model_version is
'key of a challenger, a shadow, a finding and a review; null for measures of a champion, which go on when another '
'version takes its place';
comment on column wh.ops.alerts.subject is
'key; subject of ops.monitoring; features: the features of a family together; number of a finding; next review';
comment on column wh.ops.alerts.severity is
'alarm where both nights were at alarm, else watch; alarm where overdue for more days than the watch allows';
comment on column wh.ops.alerts.nights is
'nights; scored nights in a row at watch or alarm, or overdue, tonight included';

create table wh.ops.model_findings (
    portfolio varchar,
    finding integer,
    model_family varchar,
    model_version varchar,
    what varchar,
    owner varchar,
    opened_on date,
    due_on date,
    opened_run_id varchar,
    closed_on date,
    closed_by varchar,
    closed_how varchar,
    closed_run_id varchar,
    recorded_at timestamp
);
comment on table wh.ops.model_findings is
'one row per finding on a model: what is wrong, who mends it until when, and who closed it how; no row is ever removed';
comment on column wh.ops.model_findings.portfolio is 'key; portfolio';
comment on column wh.ops.model_findings.finding is 'key; number of the finding in its portfolio, from 1';
comment on column wh.ops.model_findings.model_family is 'algorithm of the model';
comment on column wh.ops.model_findings.model_version is 'version of the model';
comment on column wh.ops.model_findings.what is 'what was found';
comment on column wh.ops.model_findings.owner is 'who has to settle it';
comment on column wh.ops.model_findings.opened_on is 'day on which it was found';
comment on column wh.ops.model_findings.due_on is 'last day on which it is not overdue';
comment on column wh.ops.model_findings.opened_run_id is 'run that recorded it';
comment on column wh.ops.model_findings.closed_on is 'day on which it was closed; null while open';
comment on column wh.ops.model_findings.closed_by is 'who closed it; null while open';
comment on column wh.ops.model_findings.closed_how is 'how it was settled; null while open';
comment on column wh.ops.model_findings.closed_run_id is 'run that recorded the closing; null while open';
comment on column wh.ops.model_findings.recorded_at is 'local time of the last change';

create table wh.ops.model_reviews (
    portfolio varchar,
    model_family varchar,
    model_version varchar,
    reviewed_on date,
    reviewer varchar,
    result varchar,
    next_on date,
    run_id varchar,
    recorded_at timestamp
);
comment on table wh.ops.model_reviews is
'one row per review of a model; the next is due on next_on of the latest row; rows are only ever added';
comment on column wh.ops.model_reviews.portfolio is 'key; portfolio';
comment on column wh.ops.model_reviews.model_family is 'key; algorithm of the model';
comment on column wh.ops.model_reviews.model_version is 'key; version of the model';
comment on column wh.ops.model_reviews.reviewed_on is 'day of the review';
comment on column wh.ops.model_reviews.reviewer is 'who reviewed it';
comment on column wh.ops.model_reviews.result is 'what came of it';
comment on column wh.ops.model_reviews.next_on is 'last day on which the next review is not overdue';
comment on column wh.ops.model_reviews.run_id is 'run that recorded it';
comment on column wh.ops.model_reviews.recorded_at is
'key; local time; of two reviews of one day the later holds';
