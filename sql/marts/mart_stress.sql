-- relation: marts.mart_stress
-- grain: one row per portfolio, scenario, grade and industry: losses of the last run of stress of its latest night
-- key: portfolio, kind, scenario, grade, industry_primary
-- time: the latest night that stress was run for; as_of_date says which
-- inputs: ops.stress_runs, ops.stress_losses
-- parameters: portfolio
-- column portfolio: [key] portfolio
-- column kind: [key] as scored (no shift), severe year (one factor) or delivered (a path of the feed scenarios)
-- column scenario: [key] name of the scenario; that of its kind where it is not delivered
-- column grade: [key] grade on the master scale, in default (whatever the grade) or no grade (no pd)
-- column industry_primary: [key] industry, first level; null where the profile does not say
-- column as_of_date: [time] date; the night
-- column run_id: [key] run of stress
-- column weight: [scenario] share; weight of a delivered scenario; null of the others
-- column factor_year: [scenario] standard normal; factor of the year, of a delivered scenario the mean of its first 12
--   months; null as scored
-- column horizon_months: [scenario] months of the delivered scenarios; null where there are none
-- column correlation: [parameter] asset correlation of all borrowers; null where basel gives it by PD
-- column basel: [parameter] formula that gives the correlation by PD; null where all have one
-- column lgd: [parameter] share; loss given default
-- column ead_factor: [parameter] exposure at default by what is drawn on the night
-- column level: [parameter] probability that a year's loss is not above that of the severe year
-- column borrowers: [count] rows; borrowers
-- column without_pd: [count] rows; those without a pd that are not in default: no loss is known of them
-- column without_exposure: [count] rows; others whose exposure the ledger does not know: no loss is known of them
-- column exposure: [exposure] money; what those borrow whose loss is known
-- column exposure_without_pd: [exposure] money; what those borrow that have no pd; in no loss
-- column mean_pd: [score] probability; mean pd of the first 12 months under the scenario, of those not in default
-- column mean_pd_horizon: [score] probability; the same over all months of the delivered scenarios
-- column loss_year: [exposure] money; expected loss of the first 12 months under the scenario, not discounted
-- column loss_horizon: [exposure] money; the same over all months of the delivered scenarios; null in the severe year

with last_run as (
    select *
    from wh.ops.stress_runs
    where portfolio = $portfolio
    qualify row_number() over (order by as_of_date desc, run_id desc) = 1
)

select
    r.portfolio,
    l.kind,
    l.scenario,
    l.grade,
    l.industry_primary,
    r.as_of_date,
    r.run_id,
    l.weight,
    l.factor_year,
    r.horizon_months,
    r.correlation,
    r.basel,
    r.lgd,
    r.ead_factor,
    r.level,
    l.borrowers,
    l.without_pd,
    l.without_exposure,
    l.exposure,
    l.exposure_without_pd,
    l.mean_pd,
    l.mean_pd_horizon,
    l.loss_year,
    l.loss_horizon
from last_run as r
inner join wh.ops.stress_losses as l on r.run_id = l.run_id
