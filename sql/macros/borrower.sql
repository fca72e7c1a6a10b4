-- relation: macros.borrower
-- grain: one row per portfolio and night of one enterprise: its headline, newest first
-- key: portfolio, as_of_date, enterprise_id
-- time: every scored night; the age of the data is that of the latest night only, whose features are published
-- inputs: scores.portfolio_scores, features.feat_ledger, features.feat_transactions, features.feat_operations,
--   features.feat_legal, features.feat_opinions
-- parameters: enterprise
-- column portfolio: [key] portfolio
-- column enterprise_id: [key] enterprise
-- column as_of_date: [key] date; night
-- column score_status: [score] fresh, stale, quarantined or unscoreable
-- column coverage: [score] thick, transaction, thin or unscoreable
-- column grade: [score] grade on the master scale
-- column score_points: [score] points, not rounded; higher is safer
-- column pd: [score] probability; calibrated probability of default
-- column pd_lower: [score] probability; lower end of the 95% interval of the default rate of borrowers with this score,
--   null without a pd, in default, and where the model has no interval
-- column pd_upper: [score] probability; its upper end
-- column in_default: [outcome] true where the borrower was in default that night: its pd is no forecast
-- column pd_change: [score] probability; pd less that of the night before in this list
-- column reason_1: [score] feature that raises the PD most
-- column reason_1_strength: [score] probability; what it adds
-- column reason_2: [score] second reason
-- column reason_2_strength: [score] probability; what it adds
-- column reason_3: [score] third reason
-- column reason_3_strength: [score] probability; what it adds
-- column reason_4: [score] fourth reason
-- column reason_4_strength: [score] probability; what it adds
-- column model_family: [score] family of the headline
-- column model_version: [score] its version
-- column run_id: [score] run that scored it
-- column loan_ledger_days_old: [freshness] days; latest row of the loan ledger to as_of_date
-- column transactions_days_old: [freshness] days; latest transaction to as_of_date
-- column operational_events_days_old: [freshness] days; latest operational event to as_of_date
-- column legal_cases_days_old: [freshness] days; latest court case to as_of_date
-- column credit_opinions_days_old: [freshness] days; latest opinion to as_of_date
select
    s.portfolio,
    s.enterprise_id,
    s.as_of_date,
    s.score_status,
    s.coverage,
    s.grade,
    s.score_points,
    s.pd,
    s.pd_lower,
    s.pd_upper,
    s.in_default,
    s.pd - lag(s.pd) over (partition by s.portfolio order by s.as_of_date) as pd_change,
    s.reason_1,
    s.reason_1_strength,
    s.reason_2,
    s.reason_2_strength,
    s.reason_3,
    s.reason_3_strength,
    s.reason_4,
    s.reason_4_strength,
    s.model_family,
    s.model_version,
    s.run_id,
    b.ledger_days_since_last as loan_ledger_days_old,
    t.tx_days_since_last as transactions_days_old,
    o.event_days_since_last as operational_events_days_old,
    l.legal_days_since_last as legal_cases_days_old,
    c.opinion_days_since_last as credit_opinions_days_old
from wh.scores.portfolio_scores as s
left join wh.features.feat_ledger as b
    on s.portfolio = b.portfolio and s.as_of_date = b.as_of_date and s.enterprise_id = b.enterprise_id
left join wh.features.feat_transactions as t
    on s.portfolio = t.portfolio and s.as_of_date = t.as_of_date and s.enterprise_id = t.enterprise_id
left join wh.features.feat_operations as o
    on s.portfolio = o.portfolio and s.as_of_date = o.as_of_date and s.enterprise_id = o.enterprise_id
left join wh.features.feat_legal as l
    on s.portfolio = l.portfolio and s.as_of_date = l.as_of_date and s.enterprise_id = l.enterprise_id
left join wh.features.feat_opinions as c
    on s.portfolio = c.portfolio and s.as_of_date = c.as_of_date and s.enterprise_id = c.enterprise_id
where s.enterprise_id = $enterprise and s.model_role = 'champion'
order by s.portfolio asc, s.as_of_date desc
