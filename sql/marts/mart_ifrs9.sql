-- relation: marts.mart_ifrs9
-- grain: one row per portfolio and current loan that is not written off: its stage, what it is staged by, its allowance
-- key: portfolio, loan_id, enterprise_id
-- time: the latest as_of_date that the portfolio was scored for; the ledger as known by its end
-- inputs: marts.mart_portfolio_latest, scores.loan_stages, scores.expected_credit_losses, scores.loan_originations,
--   ops.master_scale
-- parameters: portfolio
-- inherit scores.loan_stages: portfolio, loan_id, enterprise_id, as_of_date, opened_on, ledger_date, borrowing
-- inherit scores.loan_stages: days_past_due, stage, why, credit_impaired, originated_impaired, increase_basis
-- inherit scores.loan_stages: pd_remaining, pd_expected
-- inherit scores.expected_credit_losses: exposure, maturity_basis, remaining_months, loss_given_default
-- inherit scores.expected_credit_losses: loss_12_months, loss_lifetime, allowance
-- column past_due_30: [ledger] true where it is more than 30 days past due, null where nobody says
-- column score_status: [score] fresh, stale, quarantined or unscoreable
-- column pd: [score] probability; of the borrower now, over the horizon of its model (12 months by default)
-- column grade: [score] grade now
-- column origination_night: [score] date; first night on or after opened_on with a fresh pd of the borrower, else null
-- column origination_gap_days: [score] days; origination_night less opened_on
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

stages as (
    select s.*
    from wh.scores.loan_stages as s
    where s.portfolio = $portfolio and s.as_of_date = (select max(l.as_of_date) from latest as l)
),

losses as (
    select e.*
    from wh.scores.expected_credit_losses as e
    where e.portfolio = $portfolio and e.as_of_date = (select max(l.as_of_date) from latest as l)
),

originations as (
    select o.*
    from wh.scores.loan_originations as o
    where o.portfolio = $portfolio and o.as_of_date <= (select max(l.as_of_date) from latest as l)
    qualify row_number() over (partition by o.enterprise_id, o.loan_id order by o.as_of_date) = 1
)

select
    s.portfolio,
    s.loan_id,
    s.enterprise_id,
    s.as_of_date,
    s.opened_on,
    s.ledger_date,
    s.borrowing,
    s.days_past_due,
    s.days_past_due > 30 as past_due_30,
    m.score_status,
    m.pd,
    m.grade,
    o.origination_night,
    cast(o.origination_gap_days as bigint) as origination_gap_days,
    o.pd as pd_origination,
    o.grade as grade_origination,
    m.pd / o.pd as pd_ratio,
    g.notch - h.notch as notches,
    m.model_family = o.model_family and m.model_version = o.model_version as same_model,
    m.in_default,
    s.stage,
    s.why,
    s.credit_impaired,
    s.originated_impaired,
    s.increase_basis,
    s.pd_remaining,
    s.pd_expected,
    e.exposure,
    e.maturity_basis,
    e.remaining_months,
    e.loss_given_default,
    e.loss_12_months,
    e.loss_lifetime,
    e.allowance
from stages as s
inner join losses as e on s.enterprise_id = e.enterprise_id and s.loan_id = e.loan_id
left join latest as m on s.enterprise_id = m.enterprise_id
left join originations as o on s.enterprise_id = o.enterprise_id and s.loan_id = o.loan_id
left join wh.ops.master_scale as g on m.grade = g.grade
left join wh.ops.master_scale as h on o.grade = h.grade
