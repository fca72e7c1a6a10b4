-- question: Which loans are more than 30 days past due, or have a PD three times that of their first scored night?
-- columns: loan_id, enterprise_id, days_past_due, pd, pd_origination, pd_ratio, origination_gap_days
select
    loan_id,
    enterprise_id,
    days_past_due,
    pd,
    pd_origination,
    pd_ratio,
    origination_gap_days
from marts.mart_ifrs9
where past_due_30 or pd_ratio >= 3
order by pd_ratio desc nulls last, loan_id asc
