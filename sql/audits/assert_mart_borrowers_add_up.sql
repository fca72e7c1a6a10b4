-- audit: assert_mart_borrowers_add_up
-- grain: one row per mart of the latest night (or dimension of one) that counts other borrowers than the night has
-- inputs: marts.mart_portfolio_latest, marts.mart_vintages, marts.mart_concentration, marts.mart_early_warning
-- parameters: portfolio

with latest as (
    select
        count(*) as borrowers,
        coalesce(sum(pd) filter (where in_default is not true), 0) as expected_defaults
    from wh.marts.mart_portfolio_latest
    where portfolio = $portfolio
),

counted as (
    select
        'mart_vintages' as mart,
        coalesce(sum(borrowers), 0) as borrowers,
        null as expected_defaults
    from wh.marts.mart_vintages
    where portfolio = $portfolio
    union all
    select
        'mart_concentration ' || d.dimension as mart,
        coalesce(sum(c.borrowers), 0) as borrowers,
        coalesce(sum(c.expected_defaults), 0) as expected_defaults
    from (select unnest(['sector', 'region']) as dimension) as d
    left join wh.marts.mart_concentration as c on d.dimension = c.dimension and c.portfolio = $portfolio
    group by d.dimension
    union all
    select
        'mart_early_warning' as mart,
        count(*) as borrowers,
        null as expected_defaults
    from wh.marts.mart_early_warning
    where portfolio = $portfolio
)

select
    c.mart,
    c.borrowers,
    l.borrowers as borrowers_of_the_night,
    c.expected_defaults,
    l.expected_defaults as expected_defaults_of_the_night
from counted as c
cross join latest as l
where
    c.borrowers <> l.borrowers
    or abs(c.expected_defaults - l.expected_defaults) > 1e-9 * greatest(1, l.borrowers)
order by c.mart
