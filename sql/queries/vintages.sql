-- question: Which vintages default more than their PD says today?
-- columns: portfolio, quarter, borrowers, mean_pd, outcome_known, observed_default_rate
select
    portfolio,
    quarter,
    borrowers,
    mean_pd,
    outcome_known,
    observed_default_rate
from marts.mart_vintages
where outcome_known > 0
order by portfolio asc, observed_default_rate - mean_pd desc nulls last, quarter asc
