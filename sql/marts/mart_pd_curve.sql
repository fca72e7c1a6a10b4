-- relation: marts.mart_pd_curve
-- grain: one row per portfolio, enterprise with a curve on the latest night, and month from 1 to 60 after it
-- key: portfolio, enterprise_id, month
-- time: the latest as_of_date that the portfolio was scored for
-- inputs: scores.pd_curves, marts.mart_portfolio_latest
-- parameters: none
-- column portfolio: [key] portfolio
-- column enterprise_id: [key] enterprise
-- column month: [key] months; month k ends k * 1461 // 48 days after as_of_date, month 12 after 365
-- column as_of_date: [time] date; latest date that the portfolio was scored for
-- column ends_on: [time] date; last day of the month
-- column marginal_pd: [score] probability; default in this month, as seen on as_of_date
-- column cumulative_pd: [score] probability; default in this month or an earlier one; in the month of the horizon the
--   headline pd
-- column conditional_pd: [score] probability; default in this month if there was none before: the hazard
-- column cumulative_lower: [score] probability; the lower end of the interval of the headline pd carried along the
--   curve, null where the pd has none; it does not hold what is not known of the shape
-- column cumulative_upper: [score] probability; its upper end
-- column shape: [score] learnt (from the hazard model) or constant (none could be learnt)
-- A view: sixty rows a borrower, each a formula of two stored ones, took a fifth of the processor time of all that is
-- written with the scores. In the copy it is a table.

select
    c.portfolio,
    c.enterprise_id,
    m.month,
    c.as_of_date,
    cast(c.as_of_date + m.month * 1461 // 48 as date) as ends_on,
    c.cumulative_pd[m.month] - coalesce(c.cumulative_pd[m.month - 1], 0) as marginal_pd,
    c.cumulative_pd[m.month] as cumulative_pd,
    1 - (1 - c.cumulative_pd[m.month]) / (1 - coalesce(c.cumulative_pd[m.month - 1], 0)) as conditional_pd,
    1 - pow(1 - l.pd_lower, ln(1 - c.cumulative_pd[m.month]) / ln(1 - l.pd)) as cumulative_lower,
    1 - pow(1 - l.pd_upper, ln(1 - c.cumulative_pd[m.month]) / ln(1 - l.pd)) as cumulative_upper,
    c.shape
from wh.scores.pd_curves as c
inner join wh.marts.mart_portfolio_latest as l
    on c.portfolio = l.portfolio and c.as_of_date = l.as_of_date and c.enterprise_id = l.enterprise_id
cross join (select cast(unnest(range(1, 61)) as integer) as month) as m
