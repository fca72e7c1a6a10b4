-- relation: marts.mart_concentration
-- grain: one row per portfolio, dimension (sector or region) and its value
-- key: portfolio, dimension, name
-- time: the latest as_of_date that the portfolio was scored for
-- inputs: marts.mart_portfolio_latest
-- parameters: portfolio
-- column portfolio: [key] portfolio
-- column dimension: [key] sector (industry, first level) or region
-- column name: [key] the sector or region, null where the profile does not say
-- column as_of_date: [time] date; latest night
-- column borrowers: [count] rows; borrowers
-- column scored: [count] rows; those with a pd
-- column exposure: [exposure] money; total borrowing of those for which it is known, null if for none
-- column share_of_borrowers: [concentration] share; borrowers among all
-- column share_of_exposure: [concentration] share; exposure among all that is known
-- column hhi_borrowers: [concentration] index 0..1; sum of the squared shares of borrowers, the same in each row of a
--   dimension
-- column hhi_exposure: [concentration] index 0..1; sum of the squared shares of exposure, the same in each row of a
--   dimension
-- column mean_pd: [score] probability; mean pd of the performing
-- column expected_defaults: [score] enterprises; sum of their pd
-- column performing: [count] rows; borrowers with a pd that are not in default already

with spread as (
    select
        m.portfolio,
        m.as_of_date,
        m.pd,
        m.in_default,
        m.exposure,
        unnest(['sector', 'region']) as dimension,
        unnest([m.industry_primary, m.region]) as name
    from wh.marts.mart_portfolio_latest as m
    where m.portfolio = $portfolio
),

parts as (
    select
        s.portfolio,
        s.dimension,
        s.name,
        s.as_of_date,
        count(*) as borrowers,
        count(s.pd) as scored,
        count(s.pd) filter (where s.in_default is not true) as performing,
        cast(sum(s.exposure) as decimal(38, 2)) as exposure,
        cast(sum(cast(s.pd as decimal(18, 15))) filter (where s.in_default is not true) as double) as expected_defaults
    from spread as s
    group by s.portfolio, s.dimension, s.name, s.as_of_date
),

shares as (
    select
        p.*,
        p.borrowers / sum(p.borrowers) over (partition by p.dimension) as share_of_borrowers,
        cast(p.exposure as double) / nullif(cast(sum(p.exposure) over (partition by p.dimension) as double), 0)
            as share_of_exposure
    from parts as p
)

select
    s.portfolio,
    s.dimension,
    s.name,
    s.as_of_date,
    s.borrowers,
    s.scored,
    s.exposure,
    s.share_of_borrowers,
    s.share_of_exposure,
    sum(s.share_of_borrowers * s.share_of_borrowers) over (
        partition by s.dimension order by s.name rows between unbounded preceding and unbounded following
    ) as hhi_borrowers,
    sum(s.share_of_exposure * s.share_of_exposure) over (
        partition by s.dimension order by s.name rows between unbounded preceding and unbounded following
    ) as hhi_exposure,
    s.expected_defaults / nullif(s.performing, 0) as mean_pd,
    s.expected_defaults,
    s.performing
from shares as s
