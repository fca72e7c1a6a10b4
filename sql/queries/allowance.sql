-- question: What is the allowance of each stage, and what share of the exposure does it cover?
-- columns: as_of_date, stage, loans, unmeasured, exposure, allowance, coverage
select
    as_of_date,
    stage,
    sum(loans) as loans,
    sum(unmeasured) as unmeasured,
    sum(exposure) as exposure,
    sum(allowance) as allowance,
    sum(allowance) / nullif(sum(exposure), 0) as coverage
from marts.mart_allowance
where as_of_date = (select max(latest.as_of_date) from marts.mart_allowance as latest)
group by as_of_date, stage
order by stage
