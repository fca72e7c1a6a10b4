-- question: Which ten borrowers not in default are the riskiest, and what speaks most against each?
-- columns: enterprise_id, grade, pd, pd_lower, pd_upper, exposure, business_name
select
    m.enterprise_id,
    m.grade,
    m.pd,
    m.pd_lower,
    m.pd_upper,
    m.exposure,
    r.business_name
from marts.mart_portfolio_latest as m
left join marts.mart_reasons as r on m.portfolio = r.portfolio and m.enterprise_id = r.enterprise_id and r.rank = 1
where m.pd is not null and m.in_default is not true
order by m.pd desc, m.enterprise_id asc
limit 10
