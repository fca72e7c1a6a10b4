-- relation: marts.mart_early_warning
-- grain: one row per portfolio and enterprise of the latest night
-- key: portfolio, enterprise_id
-- time: the latest night against those 30, 90, 180 and 365 days before it (at or before the date, at most 10 days
--   earlier; null where there was none); behaviour against the features of the night 90 days before
-- inputs: scores.portfolio_scores, marts.mart_portfolio_summary, ops.master_scale, features.feat_profile,
--   features.feat_transactions, features.feat_counterparties, features.feat_operations, features.feat_legal
-- parameters: portfolio
-- column portfolio: [key] portfolio
-- column enterprise_id: [key] enterprise
-- column as_of_date: [time] date; latest date that the portfolio was scored for
-- column industry_primary: [profile] industry, first level: the sector that moves are compared with
-- column score_status: [score] fresh, stale, quarantined or unscoreable
-- column grade: [score] grade of the latest night
-- column pd: [score] probability; pd of the latest night
-- column pd_lower: [score] probability; lower end of the 95% interval of the default rate of borrowers with this score,
--   null without a pd, in default, and where the model has no interval
-- column pd_upper: [score] probability; its upper end
-- column notches_1m: [migration] notches moved in 30 days, positive where it got worse
-- column notches_3m: [migration] notches moved in 90 days
-- column notches_6m: [migration] notches moved in 180 days
-- column notches_12m: [migration] notches moved in 365 days
-- column excess_1m: [migration] notches_1m less the median move of the sector (of the portfolio below 5 peers)
-- column excess_3m: [migration] notches_3m less that median
-- column excess_6m: [migration] notches_6m less that median
-- column excess_12m: [migration] notches_12m less that median
-- column quiet_days: [behaviour] days; since the last transaction of 390 days, since the last event where there is none
-- column longest_gap_days: [behaviour] days; longest gap of the last year in the same record
-- column hhi_change: [behaviour] index; change in 90 days of the concentration of suppliers, the larger of payments
--   in the transactions and in the operational log
-- column latency_days: [behaviour] days; mean time from order to goods, last 90 days
-- column latency_days_before: [behaviour] days; the same, on the night 90 days before
-- column new_defendant_cases: [legal] count; cases of the last 30 days in which it is the defendant
-- column high_pd: [trigger] its pd is 0.23 or more
-- column worse_than_sector: [trigger] it lost notches that its sector did not lose
-- column activity_gap: [trigger] quiet for longer than in the whole last year
-- column hhi_jump: [trigger] suppliers became more concentrated
-- column supplier_latency: [trigger] suppliers deliver much later
-- column new_defendant: [trigger] it was sued
-- column data_trouble: [trigger] tonight's number rests on stale data, or there is none for bad data
-- column on_watch_list: [rule] high_pd or data_trouble; never for a borrower in default: it is beyond a warning
-- column why: [rule] the triggers, joined by a comma, also where they do not suffice; null where there is none
-- column in_default: [outcome] true where the borrower is in default on as_of_date, null where unknown
-- The rule was chosen by what the triggers had foretold (docs/watch.md, decision 0092): none of the others found
-- defaults that as many more of the highest PDs would not have found. They are told beside the list, and judged nightly
-- (mart_early_warning_judged). data_trouble is no forecast: it says that there is no PD of tonight to go by.

with rule as (
    select
        -- each bound of the scale doubles the PD: two notches in a quarter is a fourfold PD
        2 as notches_fast,
        -- half a year leaves room for a notch of ordinary drift
        3 as notches_slow,
        -- a median of fewer peers is mostly the borrower itself
        5 as peers_needed,
        -- below a month silence is a holiday
        30 as quiet_days_least,
        -- 0.15 on 0..1 is the step from four even suppliers to two and a half
        0.15 as hhi_step,
        -- half as long again, and at least three days: short times double by chance
        1.5 as latency_factor,
        3.0 as latency_days_least,
        1 as cases_least,
        -- as many as the rule before this one marked of simulated borrowers not in default, a tenth
        0.23 as pd_high
),

-- the summary holds few rows a night: the list of nights stays cheap however long the history is
nights as (
    select distinct as_of_date
    from wh.marts.mart_portfolio_summary
    where portfolio = $portfolio
),

-- mart_watch_list includes this file for a night of its own
tonight as (
{% if of_night is defined %}
    select cast($as_of_date as date) as as_of_date
{% else %}
    select max(n.as_of_date) as as_of_date from nights as n
{% endif %}
),

-- each relation is cut to its night before they meet: joined by date, it would be read whole
headlines as (
    select *
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio
        and model_role = 'champion'
        and as_of_date = (select t.as_of_date from tonight as t)
),

profiles as (
    select
        enterprise_id,
        industry_primary
    from wh.features.feat_profile
    where portfolio = $portfolio and as_of_date = (select t.as_of_date from tonight as t)
),

latest as (
    select
        h.portfolio,
        h.enterprise_id,
        h.as_of_date,
        p.industry_primary,
        h.score_status,
        h.in_default,
        h.grade,
        h.pd,
        h.pd_lower,
        h.pd_upper,
        m.notch
    from headlines as h
    left join profiles as p on h.enterprise_id = p.enterprise_id
    left join wh.ops.master_scale as m on h.grade = m.grade
),

looks as (
    select
        b.days,
        max(n.as_of_date) as as_of_date
    from (select unnest([30, 90, 180, 365]) as days) as b
    cross join tonight as t
    inner join nights as n on n.as_of_date <= t.as_of_date - b.days and n.as_of_date >= t.as_of_date - b.days - 10
    group by b.days
),

moves as (
    select
        l.enterprise_id,
        l.industry_primary,
        k.days,
        l.notch - g.notch as notches
    from looks as k
    inner join wh.scores.portfolio_scores as s on k.as_of_date = s.as_of_date
    inner join latest as l on s.enterprise_id = l.enterprise_id
    inner join wh.ops.master_scale as g on s.grade = g.grade
    where s.portfolio = $portfolio and s.model_role = 'champion' and l.notch is not null
),

compared as (
    select
        m.enterprise_id,
        m.days,
        m.notches,
        m.notches - case
            when count(*) over (partition by m.days, m.industry_primary) >= r.peers_needed
                then median(m.notches) over (partition by m.days, m.industry_primary)
            else median(m.notches) over (partition by m.days)
        end as excess
    from moves as m
    cross join rule as r
),

wide as (
    select
        c.enterprise_id,
        max(c.notches) filter (where c.days = 30) as notches_1m,
        max(c.notches) filter (where c.days = 90) as notches_3m,
        max(c.notches) filter (where c.days = 180) as notches_6m,
        max(c.notches) filter (where c.days = 365) as notches_12m,
        max(c.excess) filter (where c.days = 30) as excess_1m,
        max(c.excess) filter (where c.days = 90) as excess_3m,
        max(c.excess) filter (where c.days = 180) as excess_6m,
        max(c.excess) filter (where c.days = 365) as excess_12m
    from compared as c
    group by c.enterprise_id
),

transactions_now as (
    select
        enterprise_id,
        tx_days_since_last,
        tx_gap_max_365d
    from wh.features.feat_transactions
    where portfolio = $portfolio and as_of_date = (select t.as_of_date from tonight as t)
),

counterparties_now as (
    select
        enterprise_id,
        supplier_hhi_90d
    from wh.features.feat_counterparties
    where portfolio = $portfolio and as_of_date = (select t.as_of_date from tonight as t)
),

operations_now as (
    select
        enterprise_id,
        event_days_since_last,
        event_gap_max_365d,
        payment_hhi_90d,
        supplier_latency_mean_90d
    from wh.features.feat_operations
    where portfolio = $portfolio and as_of_date = (select t.as_of_date from tonight as t)
),

legal_now as (
    select
        enterprise_id,
        defendant_cases_30d
    from wh.features.feat_legal
    where portfolio = $portfolio and as_of_date = (select t.as_of_date from tonight as t)
),

counterparties_before as (
    select
        c.enterprise_id,
        c.supplier_hhi_90d
    from wh.features.feat_counterparties as c
    where c.portfolio = $portfolio and c.as_of_date = (select k.as_of_date from looks as k where k.days = 90)
),

operations_before as (
    select
        o.enterprise_id,
        o.payment_hhi_90d,
        o.supplier_latency_mean_90d
    from wh.features.feat_operations as o
    where o.portfolio = $portfolio and o.as_of_date = (select k.as_of_date from looks as k where k.days = 90)
),

behaviour as (
    select
        l.enterprise_id,
        coalesce(t.tx_days_since_last, o.event_days_since_last) as quiet_days,
        case when t.tx_days_since_last is not null then t.tx_gap_max_365d else o.event_gap_max_365d end
            as longest_gap_days,
        greatest(c.supplier_hhi_90d - cb.supplier_hhi_90d, o.payment_hhi_90d - ob.payment_hhi_90d) as hhi_change,
        o.supplier_latency_mean_90d as latency_days,
        ob.supplier_latency_mean_90d as latency_days_before,
        g.defendant_cases_30d as new_defendant_cases
    from latest as l
    left join transactions_now as t on l.enterprise_id = t.enterprise_id
    left join counterparties_now as c on l.enterprise_id = c.enterprise_id
    left join operations_now as o on l.enterprise_id = o.enterprise_id
    left join legal_now as g on l.enterprise_id = g.enterprise_id
    left join counterparties_before as cb on l.enterprise_id = cb.enterprise_id
    left join operations_before as ob on l.enterprise_id = ob.enterprise_id
),

triggered as (
    select
        l.portfolio,
        l.enterprise_id,
        l.as_of_date,
        l.industry_primary,
        l.score_status,
        l.in_default,
        l.grade,
        l.pd,
        l.pd_lower,
        l.pd_upper,
        w.notches_1m,
        w.notches_3m,
        w.notches_6m,
        w.notches_12m,
        w.excess_1m,
        w.excess_3m,
        w.excess_6m,
        w.excess_12m,
        b.quiet_days,
        b.longest_gap_days,
        b.hhi_change,
        b.latency_days,
        b.latency_days_before,
        b.new_defendant_cases,
        coalesce(l.pd >= r.pd_high, false) as high_pd,
        -- lost notches itself, not only in comparison with a sector that recovers
        coalesce(
            (w.notches_1m > 0 and w.excess_1m >= r.notches_fast)
            or (w.notches_3m > 0 and w.excess_3m >= r.notches_fast)
            or (w.notches_6m > 0 and w.excess_6m >= r.notches_slow)
            or (w.notches_12m > 0 and w.excess_12m >= r.notches_slow),
            false
        ) as worse_than_sector,
        coalesce(b.quiet_days > greatest(r.quiet_days_least, b.longest_gap_days), false) as activity_gap,
        coalesce(b.hhi_change >= r.hhi_step, false) as hhi_jump,
        coalesce(
            b.latency_days >= r.latency_factor * b.latency_days_before
            and b.latency_days - b.latency_days_before >= r.latency_days_least,
            false
        ) as supplier_latency,
        coalesce(b.new_defendant_cases >= r.cases_least, false) as new_defendant,
        coalesce(l.score_status in ('stale', 'quarantined'), false) as data_trouble
    from latest as l
    inner join behaviour as b on l.enterprise_id = b.enterprise_id
    left join wide as w on l.enterprise_id = w.enterprise_id
    cross join rule as r
)

select
    t.* exclude (in_default),
    t.in_default is not true and (t.high_pd or t.data_trouble) as on_watch_list,
    nullif(
        concat_ws(
            ', ',
            case when t.high_pd then 'high_pd' end,
            case when t.worse_than_sector then 'worse_than_sector' end,
            case when t.activity_gap then 'activity_gap' end,
            case when t.hhi_jump then 'hhi_jump' end,
            case when t.supplier_latency then 'supplier_latency' end,
            case when t.new_defendant then 'new_defendant' end,
            case when t.data_trouble then 'data_trouble' end
        ),
        ''
    ) as why,
    t.in_default
from triggered as t
