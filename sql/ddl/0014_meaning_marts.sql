-- The marts of what the number means: reasons, movers, vintages, concentration, IFRS 9, early warning. The tables
-- exist from the start, so that a query of a fresh warehouse is empty, not an error.
create table wh.marts.mart_reasons (
    portfolio varchar,
    enterprise_id varchar,
    rank integer,
    as_of_date date,
    feature varchar,
    business_name varchar,
    sentence varchar,
    strength double,
    tellable boolean,
    why_not varchar,
    told_rank integer,
    model_family varchar,
    model_version varchar
);
comment on table wh.marts.mart_reasons is
'one row per portfolio, enterprise and reason of the latest night, in the order of strength';

create table wh.marts.mart_top_movers (
    portfolio varchar,
    compared_with varchar,
    direction varchar,
    rank bigint,
    enterprise_id varchar,
    as_of_date date,
    as_of_date_before date,
    pd double,
    pd_before double,
    pd_change double,
    points_change double,
    grade varchar,
    grade_before varchar,
    notches integer,
    same_model boolean,
    industry_primary varchar,
    region varchar,
    exposure decimal(18, 2)
);
comment on table wh.marts.mart_top_movers is
'one row per portfolio, comparison, direction and rank: the 50 borrowers that moved most each way';

create table wh.marts.mart_vintages (
    portfolio varchar,
    quarter date,
    as_of_date date,
    borrowers bigint,
    scored bigint,
    exposure decimal(38, 2),
    exposure_known bigint,
    mean_pd double,
    outcome_known bigint,
    defaulted bigint,
    observed_default_rate double
);
comment on table wh.marts.mart_vintages is
'one row per portfolio and quarter in which the first loan of the borrower was opened';

create table wh.marts.mart_concentration (
    portfolio varchar,
    dimension varchar,
    name varchar,
    as_of_date date,
    borrowers bigint,
    scored bigint,
    exposure decimal(38, 2),
    share_of_borrowers double,
    share_of_exposure double,
    hhi_borrowers double,
    hhi_exposure double,
    mean_pd double,
    expected_defaults double
);
comment on table wh.marts.mart_concentration is
'one row per portfolio, dimension (sector or region) and its value';

create table wh.marts.mart_ifrs9 (
    portfolio varchar,
    loan_id varchar,
    enterprise_id varchar,
    as_of_date date,
    opened_on date,
    ledger_date date,
    borrowing decimal(18, 2),
    days_past_due integer,
    past_due_30 boolean,
    score_status varchar,
    pd double,
    grade varchar,
    origination_night date,
    origination_gap_days bigint,
    pd_origination double,
    grade_origination varchar,
    pd_ratio double,
    notches integer,
    same_model boolean
);
comment on table wh.marts.mart_ifrs9 is
'one row per portfolio and current loan: what a lender stages by; no stage is decided here';

create table wh.marts.mart_early_warning (
    portfolio varchar,
    enterprise_id varchar,
    as_of_date date,
    industry_primary varchar,
    score_status varchar,
    grade varchar,
    pd double,
    notches_1m integer,
    notches_3m integer,
    notches_6m integer,
    notches_12m integer,
    excess_1m double,
    excess_3m double,
    excess_6m double,
    excess_12m double,
    quiet_days integer,
    longest_gap_days double,
    hhi_change double,
    latency_days double,
    latency_days_before double,
    new_defendant_cases integer,
    worse_than_sector boolean,
    activity_gap boolean,
    hhi_jump boolean,
    supplier_latency boolean,
    new_defendant boolean,
    data_trouble boolean,
    on_watch_list boolean,
    why varchar
);
comment on table wh.marts.mart_early_warning is
'one row per portfolio and enterprise of the latest night';
