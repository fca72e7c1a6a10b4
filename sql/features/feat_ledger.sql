-- relation: features.feat_ledger
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, bucket, enterprise_id
-- time: ledger rows known by the end of $as_of_date and dated on or before it; a loan is current while its latest
--   ledger row is less than 390 days old, unless that row tells that it is repaid: nothing outstanding, on or after its
--   maturity
-- lookback: 390 days, a state
-- inputs: staging.stg_loan_ledger, features.feat_profile, features.feat_delivered
-- parameters: portfolio, as_of_date
-- inherit features.feat_profile: portfolio, as_of_date, bucket, enterprise_id
-- column loan_count: [ledger] count; current loans (Yang & Xiao, Table 1; Vanhoeven & Chen type 3)
-- column total_borrowing: [ledger] money; borrowing of the current loans (Yang & Xiao, Table 1)
-- column annual_rate_mean: [ledger] rate a year; mean annual rate of the current loans, 'repayment rate' (Yang & Xiao,
--   Table 1)
-- column mortgage: [ledger] true when a current loan is a mortgage (Yang & Xiao, Table 1)
-- column acceptance_bill: [ledger] true when a current loan is an acceptance bill (Yang & Xiao, Table 1)
-- column invest_category: [ledger] category; industry invested in, of the largest current loan (Yang & Xiao, Table 1)
-- column autonomous_payment: [ledger] true for autonomous, false for entrusted payment, of the largest current loan
--   (Yang & Xiao, Table 1)
-- column business_purpose: [ledger] true for business use, false for fixed assets, of the largest current loan (Yang &
--   Xiao, Table 1)
-- column total_assets: [ledger] money; total assets in the latest current ledger row that states them (Yang & Xiao,
--   Table 1)
-- column operating_income: [ledger] money; operating income in the latest current ledger row that states it (Yang &
--   Xiao, Table 1)
-- column debt_to_income: [ledger] ratio; operating income / total borrowing, as the paper defines its enhanced ratio
--   (Yang & Xiao, Table 1)
-- column business_duration_years: [ledger] years of 365.25 days; foundation to the opening of the latest current loan
--   (Yang & Xiao, Table 1)
-- column loans_ever: [ledger] count; distinct loans in the whole known ledger, 'loan frequency' (Vanhoeven & Chen type
--   3); looks back as far as the record
-- column days_overdue_mean: [ledger] days; mean days past due in the ledger rows of the last 390 days (Vanhoeven &
--   Chen type 3)
-- column days_overdue_max: [ledger] days; most days past due in the ledger rows of the last 390 days (Vanhoeven & Chen
--   type 3)
-- column days_overdue_latest: [ledger] days; most days past due among the current loans (Vanhoeven & Chen type 3)
-- column delinquency_count: [ledger] count; ledger rows of the last 390 days with any days past due (Vanhoeven & Chen
--   type 3)
-- column delinquency_30_count: [ledger] count; ledger rows of the last 390 days with more than 30 days past due
--   (Vanhoeven & Chen type 3)
-- column delinquency_90_count: [ledger] count; ledger rows of the last 390 days with more than 90 days past due
--   (Vanhoeven & Chen type 3)
-- column ledger_days_since_last: [ledger] days; latest ledger row of the last 390 days to as_of_date
-- column delinquency_days_since_last: [ledger] days; latest ledger row of the last 390 days with days past due to
--   as_of_date
-- The ledger is annual: 390 days are one year and the weeks in which the next ledger arrives.
with delivered as (
    select f.loan_ledger as feed
    from wh.features.feat_delivered as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
),

known as (
    select
        l.*,
        cast($as_of_date as date) - l.ledger_date as days_ago
    from wh.staging.stg_loan_ledger as l
    where
        l.portfolio = $portfolio
        and l.known_at < cast($as_of_date as date) + interval 1 day
        and (l.known_to is null or l.known_to >= cast($as_of_date as date) + interval 1 day)
        and l.ledger_date <= cast($as_of_date as date)
),

recent as (
    select k.*
    from known as k
    where k.days_ago < {{ lookback }}
),

-- a loan comes back in every annual ledger: its latest row is the one that counts
latest as (
    select r.*
    from recent as r
    qualify row_number() over (partition by r.enterprise_id, r.loan_id order by r.ledger_date desc, r.known_at desc) = 1
),

current_loans as (
    select
        l.enterprise_id,
        count(*) as loan_count,
        sum(l.borrowing) as total_borrowing,
        avg(l.annual_rate order by l.loan_id) as annual_rate_mean,
        bool_or(l.mortgage) as mortgage,
        bool_or(l.acceptance_bill) as acceptance_bill,
        arg_max(l.invest_category, (coalesce(l.borrowing, 0), l.loan_id)) as invest_category,
        arg_max(l.autonomous_payment, (coalesce(l.borrowing, 0), l.loan_id)) as autonomous_payment,
        arg_max(l.business_purpose, (coalesce(l.borrowing, 0), l.loan_id)) as business_purpose,
        arg_max(l.total_assets, (l.ledger_date, l.loan_id)) as total_assets,
        arg_max(l.operating_income, (l.ledger_date, l.loan_id)) as operating_income,
        max(l.opened_on) as opened_on,
        max(l.days_past_due) as days_overdue_latest
    from latest as l
    where not coalesce(l.borrowing = 0 and l.matures_on <= l.ledger_date, false)
    group by l.enterprise_id
),

ever as (
    select
        k.enterprise_id,
        count(distinct k.loan_id) as loans_ever
    from known as k
    group by k.enterprise_id
),

history as (
    select
        r.enterprise_id,
        avg(r.days_past_due) as days_overdue_mean,
        max(r.days_past_due) as days_overdue_max,
        count(*) filter (where r.days_past_due > 0) as delinquency_count,
        count(*) filter (where r.days_past_due > 30) as delinquency_30_count,
        count(*) filter (where r.days_past_due > 90) as delinquency_90_count,
        min(r.days_ago) as days_since_last,
        min(r.days_ago) filter (where r.days_past_due > 0) as days_since_delinquency
    from recent as r
    group by r.enterprise_id
)

select
    p.portfolio,
    p.as_of_date,
    p.bucket,
    p.enterprise_id,
    cast(case when d.feed then coalesce(c.loan_count, 0) end as integer) as loan_count,
    cast(case when d.feed then coalesce(c.total_borrowing, 0) end as double) as total_borrowing,
    cast(c.annual_rate_mean as double) as annual_rate_mean,
    cast(c.mortgage as boolean) as mortgage,
    cast(c.acceptance_bill as boolean) as acceptance_bill,
    cast(c.invest_category as varchar) as invest_category,
    cast(c.autonomous_payment as boolean) as autonomous_payment,
    cast(c.business_purpose as boolean) as business_purpose,
    cast(c.total_assets as double) as total_assets,
    cast(c.operating_income as double) as operating_income,
    cast(c.operating_income as double) / nullif(cast(c.total_borrowing as double), 0) as debt_to_income,
    cast((c.opened_on - p.founded_on) / 365.25 as double) as business_duration_years,
    cast(case when d.feed then coalesce(e.loans_ever, 0) end as integer) as loans_ever,
    cast(h.days_overdue_mean as double) as days_overdue_mean,
    cast(h.days_overdue_max as integer) as days_overdue_max,
    cast(c.days_overdue_latest as integer) as days_overdue_latest,
    cast(case when d.feed then coalesce(h.delinquency_count, 0) end as integer) as delinquency_count,
    cast(case when d.feed then coalesce(h.delinquency_30_count, 0) end as integer) as delinquency_30_count,
    cast(case when d.feed then coalesce(h.delinquency_90_count, 0) end as integer) as delinquency_90_count,
    cast(h.days_since_last as integer) as ledger_days_since_last,
    cast(h.days_since_delinquency as integer) as delinquency_days_since_last
from wh.features.feat_profile as p
cross join delivered as d
left join current_loans as c on p.enterprise_id = c.enterprise_id
left join history as h on p.enterprise_id = h.enterprise_id
left join ever as e on p.enterprise_id = e.enterprise_id
where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
