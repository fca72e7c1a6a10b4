-- What analysts query. The tables exist from the start, so that a query of a fresh warehouse is empty, not an error.
-- A test holds their columns against the files of sql/marts.
create table wh.marts.mart_portfolio_latest (
    portfolio varchar,
    enterprise_id varchar,
    as_of_date date,
    industry_primary varchar,
    region varchar,
    city varchar,
    legal_form varchar,
    coverage varchar,
    score_status varchar,
    grade varchar,
    score_points double,
    pd double,
    as_of_date_previous date,
    pd_previous_night double,
    pd_change double,
    exposure decimal(18, 2),
    model_family varchar,
    model_version varchar,
    run_id varchar
);
comment on table wh.marts.mart_portfolio_latest is
'one row per portfolio and enterprise: the champion score of the latest night';

create table wh.marts.mart_portfolio_summary (
    portfolio varchar,
    as_of_date date,
    industry varchar,
    region varchar,
    grade varchar,
    enterprises bigint,
    scored bigint,
    exposure decimal(38, 2),
    exposure_known bigint,
    mean_pd double,
    expected_defaults double
);
comment on table wh.marts.mart_portfolio_summary is
'one row per portfolio, as_of_date, industry, region and grade';
