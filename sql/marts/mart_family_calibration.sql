-- relation: marts.mart_family_calibration
-- grain: one row per portfolio, model version and coverage class: mean pd of rows that it had not seen beside their
--   default rate
-- key: portfolio, model_family, model_version, coverage
-- time: every model version of the portfolio, on the labelled snapshots that it was evaluated on
-- inputs: ops.evaluation_scores
-- parameters: portfolio
-- column portfolio: [key] portfolio
-- column model_family: [key] family of the model
-- column model_version: [key] version of the model
-- column coverage: [key] thick, transaction, thin or unscoreable on the snapshot
-- column rows: [count] rows; borrowers and snapshots that the model had not seen; repeats of the folds count once
-- column defaults: [count] rows; those that defaulted within the horizon
-- column observed_rate: [calibration] share; defaults by rows
-- column observed_low: [calibration] share; lower end of its 95% Wilson interval
-- column observed_high: [calibration] share; upper end of its 95% Wilson interval
-- column mean_pd: [calibration] probability; mean pd of these rows, calibrated on other rows
-- column ratio: [calibration] mean_pd by observed_rate; above 1 the family says too much; null without a default

with unseen as (
    select
        portfolio,
        model_family,
        model_version,
        coverage,
        as_of_date,
        enterprise_id,
        label,
        avg(pd) as pd
    from wh.ops.evaluation_scores
    where portfolio = $portfolio
    group by portfolio, model_family, model_version, coverage, as_of_date, enterprise_id, label
),

counted as (
    select
        portfolio,
        model_family,
        model_version,
        coverage,
        count(*) as rows,
        cast(sum(label) as bigint) as defaults,
        sum(label) / count(*) as observed_rate,
        -- decimals add up to the same sum in any order
        cast(sum(cast(pd as decimal(18, 15))) as double) / count(*) as mean_pd,
        1.959963984540054 as z
    from unseen
    group by portfolio, model_family, model_version, coverage
),

-- Wilson's interval: its centre and half its width
wilson as (
    select
        *,
        (observed_rate + z * z / (2 * rows)) / (1 + z * z / rows) as centre,
        z * sqrt(observed_rate * (1 - observed_rate) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows) as half
    from counted
)

select
    portfolio,
    model_family,
    model_version,
    coverage,
    rows,
    defaults,
    observed_rate,
    centre - half as observed_low,
    centre + half as observed_high,
    mean_pd,
    mean_pd / nullif(observed_rate, 0) as ratio
from wilson
