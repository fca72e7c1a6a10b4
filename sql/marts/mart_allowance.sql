-- relation: marts.mart_allowance
-- grain: one row per portfolio, night, stage, grade and industry: its loans and the allowance for them
-- key: portfolio, as_of_date, stage, grade, industry
-- time: the losses of $as_of_date
-- inputs: scores.expected_credit_losses, scores.portfolio_scores, features.feat_profile
-- parameters: portfolio, as_of_date
-- column portfolio: [key] portfolio
-- column as_of_date: [key] date; the night
-- column stage: [key] 1, 2, 3 or poci
-- column grade: [key] grade of the borrower, null where it has none
-- column industry: [key] industry, first level; null where the profile does not say
-- column loans: [count] rows; loans
-- column unmeasured: [count] rows; of these, loans without an allowance: exposure or every pd is unknown
-- column exposure: [exposure] money; exposure of the loans for which it is known, null if for none
-- column loss_12_months: [loss] money; expected loss of defaults within 12 months
-- column loss_lifetime: [loss] money; of all defaults until maturity
-- column allowance: [loss] money; allowance, null where there is none
-- column coverage: [loss] share; allowance / exposure

with tonight as (
    select l.*
    from wh.scores.expected_credit_losses as l
    where l.portfolio = $portfolio and l.as_of_date = cast($as_of_date as date)
),

grades as (
    select
        s.enterprise_id,
        s.grade
    from wh.scores.portfolio_scores as s
    where s.portfolio = $portfolio and s.as_of_date = cast($as_of_date as date) and s.model_role = 'champion'
),

profiles as (
    select
        p.enterprise_id,
        p.industry_primary
    from wh.features.feat_profile as p
    where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
)

select
    l.portfolio,
    l.as_of_date,
    l.stage,
    g.grade,
    p.industry_primary as industry,
    count(*) as loans,
    count(*) - count(l.allowance) as unmeasured,
    cast(sum(l.exposure) as decimal(38, 2)) as exposure,
    cast(sum(l.loss_12_months) as decimal(38, 2)) as loss_12_months,
    cast(sum(l.loss_lifetime) as decimal(38, 2)) as loss_lifetime,
    cast(sum(l.allowance) as decimal(38, 2)) as allowance,
    cast(sum(l.allowance) as double) / nullif(cast(sum(l.exposure) as double), 0) as coverage
from tonight as l
left join grades as g on l.enterprise_id = g.enterprise_id
left join profiles as p on l.enterprise_id = p.enterprise_id
group by
    l.portfolio,
    l.as_of_date,
    l.stage,
    g.grade,
    p.industry_primary
