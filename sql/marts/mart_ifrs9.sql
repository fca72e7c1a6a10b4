-- relation: marts.mart_ifrs9
-- grain: one row per portfolio and current loan: what a lender stages by; no stage is decided here
-- key: portfolio, loan_id, enterprise_id
-- time: the latest as_of_date that the portfolio was scored for; the ledger as known by its end
-- inputs: marts.mart_portfolio_latest, scores.portfolio_scores, staging.stg_loan_ledger, ops.master_scale
-- parameters: portfolio
-- column portfolio: [key] portfolio
-- column loan_id: [key] loan
-- column enterprise_id: [key] borrower; a number of a loan may repeat from one to the next
-- column as_of_date: [time] date; latest night
-- column opened_on: [ledger] date; opening of the loan
-- column ledger_date: [ledger] date; latest ledger row of the loan, not more than 400 days before as_of_date
-- column borrowing: [exposure] money; outstanding borrowing of the loan
-- column days_past_due: [ledger] days; on ledger_date
-- column past_due_30: [ledger] true where it is more than 30 days past due, null where the ledger does not say
-- column score_status: [score] fresh, stale, quarantined or unscoreable
-- column pd: [score] probability; of the borrower now, over the horizon of its model (12 months by default)
-- column grade: [score] grade now
-- column origination_night: [score] date; first night on or after opened_on with a fresh pd of the borrower, else null
-- column origination_gap_days: [score] days; origination_night less opened_on: whether it stands for the origination
--   is for whoever stages to say
-- column pd_origination: [score] probability; of the borrower on origination_night
-- column grade_origination: [score] grade on origination_night
-- column pd_ratio: [score] ratio; pd / pd_origination
-- column notches: [score] notches since then, positive where it got worse
-- column same_model: [score] whether the same model version gave both numbers
-- column in_default: [outcome] true where the borrower is in default on as_of_date: credit-impaired; null where unknown

with latest as (
    select *
    from wh.marts.mart_portfolio_latest
    where portfolio = $portfolio
),

cut as (select max(l.as_of_date) as as_of_date from latest as l),

-- the current loans of features.feat_ledger, one by one
loans as (
    select
        k.loan_id,
        k.enterprise_id,
        k.opened_on,
        k.ledger_date,
        k.borrowing,
        k.days_past_due
    from wh.staging.stg_loan_ledger as k
    cross join cut as c
    where
        k.portfolio = $portfolio
        and k.known_at < c.as_of_date + interval 1 day
        and (k.known_to is null or k.known_to >= c.as_of_date + interval 1 day)
        and k.ledger_date <= c.as_of_date
        and k.ledger_date >= c.as_of_date - 400
    qualify row_number() over (partition by k.enterprise_id, k.loan_id order by k.ledger_date desc, k.known_at desc) = 1
),

firsts as (
    select
        l.enterprise_id,
        l.loan_id,
        min(s.as_of_date) as as_of_date
    from loans as l
    inner join wh.scores.portfolio_scores as s
        on l.enterprise_id = s.enterprise_id and l.opened_on <= s.as_of_date
    where
        s.portfolio = $portfolio
        and s.model_role = 'champion'
        and s.score_status = 'fresh'
    group by
        l.enterprise_id,
        l.loan_id
)

select
    m.portfolio,
    l.loan_id,
    l.enterprise_id,
    m.as_of_date,
    l.opened_on,
    l.ledger_date,
    cast(l.borrowing as decimal(18, 2)) as borrowing,
    l.days_past_due,
    l.days_past_due > 30 as past_due_30,
    m.score_status,
    m.pd,
    m.grade,
    f.as_of_date as origination_night,
    f.as_of_date - l.opened_on as origination_gap_days,
    o.pd as pd_origination,
    o.grade as grade_origination,
    m.pd / o.pd as pd_ratio,
    g.notch - h.notch as notches,
    m.model_family = o.model_family and m.model_version = o.model_version as same_model,
    m.in_default
from loans as l
inner join latest as m on l.enterprise_id = m.enterprise_id
left join firsts as f on l.enterprise_id = f.enterprise_id and l.loan_id = f.loan_id
left join wh.scores.portfolio_scores as o
    on
        l.enterprise_id = o.enterprise_id
        and f.as_of_date = o.as_of_date
        and o.portfolio = $portfolio
        and o.model_role = 'champion'
left join wh.ops.master_scale as g on m.grade = g.grade
left join wh.ops.master_scale as h on o.grade = h.grade
