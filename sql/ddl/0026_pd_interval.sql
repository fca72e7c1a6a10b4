-- The interval of a PD stands beside it (decision 0095). Scores of earlier nights and models have none.
alter table wh.scores.portfolio_scores add column pd_lower double;
alter table wh.scores.portfolio_scores add column pd_upper double;
comment on column wh.scores.portfolio_scores.pd_lower is
'probability; lower end of the 95% interval of the default rate of borrowers with this score; null without a pd, in '
'default, and where the model has no interval';
comment on column wh.scores.portfolio_scores.pd_upper is 'probability; its upper end';
