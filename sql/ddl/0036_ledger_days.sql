-- For how long a ledger row tells of a loan is a parameter (decision 0105); until now it was 400 days, then 390.
alter table wh.scores.impairment_parameters add column ledger_days integer;
comment on column wh.scores.impairment_parameters.ledger_days is
'days; for which a ledger row tells of a loan, null on nights before migration 0036: 400 until 0034, then 390';
