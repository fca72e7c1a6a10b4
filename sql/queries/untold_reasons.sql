-- question: Which reasons may not be told, and how often do they come first?
-- columns: feature, business_name, why_not, borrowers, first
select
    feature,
    business_name,
    why_not,
    count(*) as borrowers,
    count(*) filter (where rank = 1) as first
from marts.mart_reasons
where not tellable
group by all
order by all
