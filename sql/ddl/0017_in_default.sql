-- A borrower already in default has no default left to forecast: it is marked, and counts in no mean PD. Nights scored
-- before this one are not marked; whoever needs them marked scores them again: python -m flows backfill.
alter table wh.scores.portfolio_scores add column in_default boolean;
comment on column wh.scores.portfolio_scores.in_default is
'whether the borrower is in default on as_of_date by the definition of its model: its pd is no forecast; null where no '
'model scored it, or no outcome of it was ever delivered';
alter table wh.scores.incoming_scores add column in_default boolean;
comment on column wh.scores.incoming_scores.in_default is 'whether the borrower is in default on as_of_date';

alter table wh.marts.mart_portfolio_latest add column in_default boolean;
alter table wh.marts.mart_portfolio_summary add column performing bigint;
update wh.marts.mart_portfolio_summary set performing = scored;
alter table wh.marts.mart_concentration add column performing bigint;
alter table wh.marts.mart_vintages add column performing bigint;
alter table wh.marts.mart_ifrs9 add column in_default boolean;
alter table wh.marts.mart_early_warning add column in_default boolean;
alter table wh.marts.mart_top_movers add column in_default boolean;
