-- question: Which loans are not in stage 1, why, and what is their allowance?
-- columns: loan_id, enterprise_id, stage, why, pd_expected, pd_remaining, exposure, allowance
select
    loan_id,
    enterprise_id,
    stage,
    why,
    pd_expected,
    pd_remaining,
    exposure,
    allowance
from marts.mart_ifrs9
where stage <> '1'
order by allowance desc nulls last, enterprise_id asc, loan_id asc
