-- question: How often does each trigger fire, and how risky are those whom it marks?
-- columns: portfolio, why, borrowers, on_watch_list, mean_pd
select
    portfolio,
    why,
    count(*) as borrowers,
    count(*) filter (where on_watch_list) as on_watch_list,
    avg(pd) filter (where in_default is not true) as mean_pd
from marts.mart_early_warning
where why is not null
group by all
order by all
