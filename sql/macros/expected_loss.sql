-- relation: macros.expected_loss
-- grain: one row per portfolio and enterprise of the latest night: PD x LGD x EAD, LGD x EAD once in default
-- key: portfolio, enterprise_id
-- time: the latest as_of_date that each portfolio was scored for
-- inputs: marts.mart_portfolio_latest, scores.impairment_parameters
-- parameters: lgd, ead_factor
-- defaults: lgd = null, ead_factor = 1.0
-- column portfolio: [key] portfolio
-- column enterprise_id: [key] enterprise
-- column as_of_date: [time] date; latest date that the portfolio was scored for
-- column industry_primary: [profile] industry, first level
-- column region: [profile] region of the seat
-- column grade: [score] grade on the master scale
-- column in_default: [outcome] true where the borrower is in default already, null where unknown
-- column pd: [score] probability; calibrated probability of default, no forecast where in_default
-- column exposure: [exposure] money; total borrowing, null where the ledger does not know it
-- column loss_given_default: [parameter] share; the lgd asked for, else that of the night's allowance
-- column exposure_at_default: [exposure] money; exposure times the ead_factor asked for
-- column expected_loss: [exposure] money; pd x loss_given_default x exposure_at_default, null where one is unknown;
--   the default of a borrower in default is certain: its pd counts as 1
-- Without an lgd it is the share by which the allowance of the night was measured where the ledger has none
-- (NIGHTLEDGER_IMPAIRMENT__LOSS_GIVEN_DEFAULT). An ead_factor of 1.0 takes what is drawn today. Ask with your own:
-- marts.expected_loss(lgd := 0.6, ead_factor := 1.1).
select
    m.portfolio,
    m.enterprise_id,
    m.as_of_date,
    m.industry_primary,
    m.region,
    m.grade,
    m.in_default,
    m.pd,
    m.exposure,
    coalesce(cast($lgd as double), p.loss_given_default) as loss_given_default,
    cast(m.exposure as double) * $ead_factor as exposure_at_default,
    case when m.in_default then 1.0 else m.pd end
    * coalesce(cast($lgd as double), p.loss_given_default)
    * cast(m.exposure as double)
    * $ead_factor as expected_loss
from wh.marts.mart_portfolio_latest as m
left join wh.scores.impairment_parameters as p on m.portfolio = p.portfolio and m.as_of_date = p.as_of_date
