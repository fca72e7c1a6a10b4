-- relation: marts.mart_portfolio_summary
-- grain: one row per portfolio, as_of_date, industry, region and grade
-- key: portfolio, as_of_date, industry, region, grade
-- time: the champion scores of $as_of_date
-- inputs: scores.portfolio_scores, features.feat_profile, features.feat_ledger
-- parameters: portfolio, as_of_date
-- column portfolio: [key] portfolio
-- column as_of_date: [key] date; date that was scored
-- column industry: [key] industry, first level; null where the profile does not say
-- column region: [key] region of the seat; null where the profile does not say
-- column grade: [key] grade on the master scale; null where there is no score
-- column enterprises: [count] rows; enterprises
-- column scored: [count] rows; enterprises with a pd
-- column exposure: [exposure] money; total borrowing of those for which it is known, null if for none
-- column exposure_known: [exposure] rows; enterprises whose total borrowing is known
-- column mean_pd: [score] probability; mean pd of the performing
-- column expected_defaults: [score] enterprises; sum of the pd of the performing, null where there is none
-- column performing: [count] rows; enterprises with a pd that are not in default already
-- column exposure_expected_in_default: [exposure] money; sum of pd x total borrowing, of borrowers in default all of
--   it; null where it is known for none. Times a loss given default it is the expected loss

select
    s.portfolio,
    s.as_of_date,
    p.industry_primary as industry,
    p.region,
    s.grade,
    count(*) as enterprises,
    count(s.pd) as scored,
    cast(sum(cast(l.total_borrowing as decimal(18, 2))) as decimal(38, 2)) as exposure,
    count(l.total_borrowing) as exposure_known,
    -- decimals add up to the same sum in any order, so that a rerun on other threads gives the same row
    cast(sum(cast(s.pd as decimal(18, 15))) filter (where s.in_default is not true) as double)
    / nullif(count(s.pd) filter (where s.in_default is not true), 0) as mean_pd,
    cast(sum(cast(s.pd as decimal(18, 15))) filter (where s.in_default is not true) as double) as expected_defaults,
    count(s.pd) filter (where s.in_default is not true) as performing,
    cast(
        sum(
            cast(
                case when s.in_default then 1 else s.pd end * cast(l.total_borrowing as double) as decimal(38, 6)
            )
        ) as double
    ) as exposure_expected_in_default
from wh.scores.portfolio_scores as s
left join wh.features.feat_profile as p
    on s.portfolio = p.portfolio and s.as_of_date = p.as_of_date and s.enterprise_id = p.enterprise_id
left join wh.features.feat_ledger as l
    on s.portfolio = l.portfolio and s.as_of_date = l.as_of_date and s.enterprise_id = l.enterprise_id
where
    s.portfolio = $portfolio
    and s.as_of_date = $as_of_date
    and s.model_role = 'champion'
group by s.portfolio, s.as_of_date, p.industry_primary, p.region, s.grade
