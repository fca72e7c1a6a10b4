-- question: What is the history of one borrower: PD, grade, reasons, model, age of the data?
-- columns: as_of_date, score_status, grade, pd, pd_lower, pd_upper, reason_1, model_version, transactions_days_old
select
    as_of_date,
    score_status,
    grade,
    pd,
    pd_lower,
    pd_upper,
    reason_1,
    model_version,
    transactions_days_old
from marts.borrower((select min(m.enterprise_id) from marts.mart_portfolio_latest as m where m.pd is not null))
