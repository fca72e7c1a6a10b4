-- question: What would each sector lose if the times turned, and how much more is that than what is expected as scored?
-- columns: portfolio, as_of_date, scenario, industry_primary, exposure, loss_year, times_as_scored, loss_horizon
select
    m.portfolio,
    m.as_of_date,
    m.scenario,
    m.industry_primary,
    sum(m.exposure) as exposure,
    sum(m.loss_year) as loss_year,
    sum(m.loss_year) / nullif(any_value(s.loss_year), 0) as times_as_scored,
    sum(m.loss_horizon) as loss_horizon
from marts.mart_stress as m
inner join (
    select
        portfolio,
        industry_primary,
        sum(loss_year) as loss_year
    from marts.mart_stress
    where kind = 'as scored'
    group by all
) as s on m.portfolio = s.portfolio and m.industry_primary is not distinct from s.industry_primary
group by m.portfolio, m.as_of_date, m.kind, m.scenario, m.industry_primary
order by m.portfolio asc, m.kind asc, m.scenario asc, m.industry_primary asc
