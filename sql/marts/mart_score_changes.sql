-- relation: marts.mart_score_changes
-- grain: one row per portfolio and borrower with a pd on either night of the latest pair compared: its pd then and now,
--   and why
-- key: portfolio, enterprise_id
-- time: the latest night that was compared, with the nearest earlier night that it was compared with
-- inputs: scores.score_changes, scores.portfolio_scores
-- parameters: portfolio
-- column portfolio: [key] portfolio
-- column enterprise_id: [key] enterprise
-- column as_of_date: [time] date; the later night
-- column against_date: [time] date; the earlier night
-- column coverage: [score] coverage class now, null where gone
-- column coverage_before: [score] coverage class then, null where appeared
-- column coverage_changed: [score] true where the borrower has another coverage class than before
-- column entry: [score] appeared, gone, newly_scored or unscored where there is no difference to explain, else null
-- column pd_before: [score] probability; headline pd then
-- column pd_now: [score] probability; headline pd now
-- column pd_change: [score] probability; pd_now minus pd_before, null where there is an entry
-- column data: [change] probability; sum of what the features' new values add, read by the model of then
-- column model: [change] probability; what another version adds, or another family for the same class
-- column calibration: [change] probability; what the calibration of that other version adds
-- column coverage_model: [change] probability; what the model of another family adds in another class
-- column coverage_data: [change] probability; what new values add where another family reads another class
-- column stale: [change] probability; difference of a pd that was kept from an earlier night, not split
-- column top_feature: [change] feature whose new value moves the pd most, up or down
-- column top_feature_change: [change] probability; by how much
-- column run_id: [key] run that compared the nights

-- the latest pair is found from the newest rows on, without a look at every night
with pair as (
    select
        as_of_date,
        against_date
    from wh.scores.score_changes
    where portfolio = $portfolio
    order by
        as_of_date desc,
        against_date desc
    limit 1
),

parts as (
    select
        portfolio,
        enterprise_id,
        any_value(coverage) as coverage,
        any_value(coverage_before) as coverage_before,
        bool_or(coverage_changed) as coverage_changed,
        any_value(part) filter (where change is null) as entry,
        coalesce(sum(change order by change) filter (where part = 'data'), 0) as data,
        coalesce(sum(change order by change) filter (where part = 'model'), 0) as model,
        coalesce(sum(change order by change) filter (where part = 'calibration'), 0) as calibration,
        coalesce(sum(change order by change) filter (where part = 'coverage_model'), 0) as coverage_model,
        coalesce(sum(change order by change) filter (where part = 'coverage_data'), 0) as coverage_data,
        coalesce(sum(change order by change) filter (where part = 'stale'), 0) as stale,
        arg_max(feature, struct_pack(size := abs(change), name := feature))
        filter (where part = 'data' and feature <> 'other') as top_feature,
        arg_max(change, struct_pack(size := abs(change), name := feature))
        filter (where part = 'data' and feature <> 'other') as top_feature_change,
        any_value(run_id) as run_id
    from wh.scores.score_changes
    where
        portfolio = $portfolio
        and as_of_date = (select as_of_date from pair)
        and against_date = (select against_date from pair)
    group by portfolio, enterprise_id
),

now as (
    select
        enterprise_id,
        pd
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio
        and model_role = 'champion'
        and as_of_date = (select as_of_date from pair)
),

before as (
    select
        enterprise_id,
        pd
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio
        and model_role = 'champion'
        and as_of_date = (select against_date from pair)
)

select
    p.portfolio,
    p.enterprise_id,
    (select as_of_date from pair) as as_of_date,
    (select against_date from pair) as against_date,
    p.coverage,
    p.coverage_before,
    p.coverage_changed,
    p.entry,
    b.pd as pd_before,
    n.pd as pd_now,
    n.pd - b.pd as pd_change,
    case when p.entry is null then p.data end as data,
    case when p.entry is null then p.model end as model,
    case when p.entry is null then p.calibration end as calibration,
    case when p.entry is null then p.coverage_model end as coverage_model,
    case when p.entry is null then p.coverage_data end as coverage_data,
    case when p.entry is null then p.stale end as stale,
    p.top_feature,
    p.top_feature_change,
    p.run_id
from parts as p
left join now as n on p.enterprise_id = n.enterprise_id
left join before as b on p.enterprise_id = b.enterprise_id
