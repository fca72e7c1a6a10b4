-- question: How many borrowers hold each grade tonight, and how much do they owe?
-- columns: portfolio, notch, grade, borrowers, in_default, exposure, mean_pd
select
    m.portfolio,
    g.notch,
    g.grade,
    count(m.enterprise_id) as borrowers,
    count(*) filter (where m.in_default) as in_default,
    sum(m.exposure) as exposure,
    avg(m.pd) filter (where m.in_default is not true) as mean_pd
from ops.master_scale as g
inner join marts.mart_portfolio_latest as m on g.grade = m.grade
group by all
order by all
