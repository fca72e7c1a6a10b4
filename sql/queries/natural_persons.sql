-- question: How many borrowers are natural persons, to whom further duties apply?
-- columns: portfolio, natural_person, borrowers, mean_pd
select
    portfolio,
    natural_person,
    count(*) as borrowers,
    avg(pd) filter (where in_default is not true) as mean_pd
from marts.mart_portfolio_latest
group by all
order by all
