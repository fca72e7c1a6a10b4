-- question: In which sectors and regions is the exposure concentrated?
-- columns: portfolio, dimension, name, share_of_exposure, hhi_exposure, expected_defaults
select
    portfolio,
    dimension,
    name,
    share_of_exposure,
    hhi_exposure,
    expected_defaults
from marts.mart_concentration
order by portfolio asc, dimension asc, share_of_exposure desc nulls last, name asc
