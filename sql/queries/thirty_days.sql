-- question: How many borrowers moved by two notches or more in 30 days, each way?
-- columns: portfolio, direction, borrowers, exposure
select
    w.portfolio,
    case when w.notches_1m > 0 then 'worse' else 'better' end as direction,
    count(*) as borrowers,
    sum(m.exposure) as exposure
from marts.mart_early_warning as w
inner join marts.mart_portfolio_latest as m on w.portfolio = m.portfolio and w.enterprise_id = m.enterprise_id
where abs(w.notches_1m) >= 2
group by all
order by all
