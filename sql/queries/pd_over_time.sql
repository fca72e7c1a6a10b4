-- question: How many of tonight's borrowers are expected to default within one to five years, and when?
-- columns: year, borrowers, expected_within, expected_in_year, mean_cumulative_pd, shape
select
    c.month // 12 as year,
    count(*) as borrowers,
    round(sum(c.cumulative_pd), 1) as expected_within,
    round(sum(c.cumulative_pd - coalesce(b.cumulative_pd, 0)), 1) as expected_in_year,
    round(avg(c.cumulative_pd), 4) as mean_cumulative_pd,
    any_value(c.shape) as shape
from marts.mart_pd_curve as c
left join marts.mart_pd_curve as b
    on c.portfolio = b.portfolio and c.enterprise_id = b.enterprise_id and b.month = c.month - 12
where c.month % 12 = 0
group by c.month // 12
order by year
