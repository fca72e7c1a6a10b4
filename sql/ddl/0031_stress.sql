-- What a portfolio would lose if the times turned (decision 0101): a run of `stress`, and its losses cell by cell.
create table wh.ops.stress_runs (
    run_id varchar,
    portfolio varchar,
    as_of_date date,
    correlation double,
    basel varchar,
    lgd double,
    ead_factor double,
    factor double,
    level double,
    scenarios_decided_on date,
    scenarios_known_at timestamp,
    horizon_months integer,
    without_curve bigint,
    effective_number double,
    recorded_at timestamp
);
comment on table wh.ops.stress_runs is
'one row per run of stress: the night, and the parameters that it was asked with';
comment on column wh.ops.stress_runs.run_id is 'key; run of stress, as in ops.run_ledger';
comment on column wh.ops.stress_runs.portfolio is 'portfolio';
comment on column wh.ops.stress_runs.as_of_date is 'date; the scored night';
comment on column wh.ops.stress_runs.correlation is
'asset correlation of all borrowers; null where basel gives it by PD';
comment on column wh.ops.stress_runs.basel is
'corporate, sme or retail: the formula that gives the correlation by PD; null where all have one';
comment on column wh.ops.stress_runs.lgd is 'share; loss given default';
comment on column wh.ops.stress_runs.ead_factor is 'exposure at default by what is drawn on the night';
comment on column wh.ops.stress_runs.factor is
'standard normal; systematic factor of the year of the scenario severe year';
comment on column wh.ops.stress_runs.level is
'probability that the loss of a year is not above that of the severe year, of a portfolio of many small loans';
comment on column wh.ops.stress_runs.scenarios_decided_on is
'date; of the delivered scenarios that held on the night; null where none did';
comment on column wh.ops.stress_runs.scenarios_known_at is 'when the lender knew them';
comment on column wh.ops.stress_runs.horizon_months is
'months of the delivered scenarios from the first one after the night on; null where there are none';
comment on column wh.ops.stress_runs.without_curve is
'rows; borrowers with a pd, not in default, of whom no curve is known: each month has the same rate of default';
comment on column wh.ops.stress_runs.effective_number is
'loans of equal size that would be as concentrated as the exposures that are known; the fewer, the more a year''s loss '
'strays from that of the model';
comment on column wh.ops.stress_runs.recorded_at is 'local time';

create table wh.ops.stress_losses (
    run_id varchar,
    kind varchar,
    scenario varchar,
    grade varchar,
    industry_primary varchar,
    weight double,
    factor_year double,
    borrowers bigint,
    without_pd bigint,
    without_exposure bigint,
    exposure decimal(38, 2),
    exposure_without_pd decimal(38, 2),
    mean_pd double,
    mean_pd_horizon double,
    loss_year double,
    loss_horizon double
);
comment on table wh.ops.stress_losses is
'one row per run of stress, scenario, grade and industry: what is lost there if the scenario comes true';
comment on column wh.ops.stress_losses.run_id is 'key; run of stress';
comment on column wh.ops.stress_losses.kind is
'key; as scored (no shift), severe year (the factor of ops.stress_runs) or delivered (a path of the feed scenarios)';
comment on column wh.ops.stress_losses.scenario is
'key; name of the scenario; that of its kind where it is not delivered';
comment on column wh.ops.stress_losses.grade is
'key; grade on the master scale, in default (whatever the grade) or no grade (no pd)';
comment on column wh.ops.stress_losses.industry_primary is
'key; industry, first level; null where the profile does not say';
comment on column wh.ops.stress_losses.weight is 'share; weight of a delivered scenario; null of the others';
comment on column wh.ops.stress_losses.factor_year is
'standard normal; factor of the year, of a delivered scenario the mean of its first 12 months; null as scored';
comment on column wh.ops.stress_losses.borrowers is 'rows; borrowers';
comment on column wh.ops.stress_losses.without_pd is
'rows; those without a pd that are not in default: no loss is known of them';
comment on column wh.ops.stress_losses.without_exposure is
'rows; those with a pd or in default whose exposure the ledger does not know: no loss is known of them';
comment on column wh.ops.stress_losses.exposure is
'money; what those borrow whose loss is known; 0 where there are none';
comment on column wh.ops.stress_losses.exposure_without_pd is 'money; what those borrow that have no pd; in no loss';
comment on column wh.ops.stress_losses.mean_pd is
'probability; mean pd of the first 12 months under the scenario, of those with a pd that are not in default; '
'null where '
'there are none';
comment on column wh.ops.stress_losses.mean_pd_horizon is
'probability; the same over all months of the delivered scenarios; null where there are none and in the severe year';
comment on column wh.ops.stress_losses.loss_year is
'money; expected loss of the first 12 months under the scenario, not discounted: pd x lgd x exposure x '
'ead_factor, of a '
'borrower in default lgd x exposure x ead_factor';
comment on column wh.ops.stress_losses.loss_horizon is
'money; the same over all months of the delivered scenarios; null where there are none and in the severe year';
