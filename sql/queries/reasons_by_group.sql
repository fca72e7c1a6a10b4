-- question: Which groups of features raise the PD most tonight?
-- columns: portfolio, feature_group, borrowers, mean_strength
select
    r.portfolio,
    c.feature_group,
    count(distinct r.enterprise_id) as borrowers,
    avg(r.strength) as mean_strength
from marts.mart_reasons as r
inner join ops.feature_catalogue as c on r.feature = c.feature
where r.rank <= 4
group by all
order by all
