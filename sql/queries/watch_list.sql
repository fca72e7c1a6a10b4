-- question: Who is on the watch list, why, and what is at stake?
-- columns: enterprise_id, why, grade, pd, exposure
select
    w.enterprise_id,
    w.why,
    w.grade,
    w.pd,
    m.exposure
from marts.mart_early_warning as w
inner join marts.mart_portfolio_latest as m on w.portfolio = m.portfolio and w.enterprise_id = m.enterprise_id
where w.on_watch_list
order by m.exposure desc nulls last, w.enterprise_id asc
