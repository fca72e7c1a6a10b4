-- relation: marts.mart_top_movers
-- grain: one row per portfolio, comparison, direction and rank: the 50 borrowers that moved most each way
-- key: portfolio, compared_with, direction, rank
-- time: the latest night against the night before it, and against the night 30 days before it (at most 7 days earlier)
-- inputs: marts.mart_portfolio_latest, marts.mart_portfolio_summary, scores.portfolio_scores, ops.master_scale
-- parameters: portfolio
-- column portfolio: [key] portfolio
-- column compared_with: [key] night_before or 30_days_before
-- column direction: [key] worse or better
-- column rank: [key] 1 moved most, measured in points: a doubling of the odds counts the same at every grade
-- column enterprise_id: [key] enterprise
-- column as_of_date: [time] date; latest night
-- column as_of_date_before: [time] date; night that it is compared with
-- column pd: [score] probability; pd of the latest night
-- column pd_lower: [score] probability; lower end of the 95% interval of the default rate of borrowers with this score,
--   null without a pd, in default, and where the model has no interval
-- column pd_upper: [score] probability; its upper end
-- column pd_before: [score] probability; pd of the earlier night
-- column pd_change: [score] probability; pd minus pd_before
-- column points_change: [score] points; score_points minus those of the earlier night, negative where it got worse
-- column grade: [score] grade of the latest night
-- column grade_before: [score] grade of the earlier night
-- column notches: [score] notches moved, positive where it got worse
-- column same_model: [score] whether the same model version gave both numbers
-- inherit marts.mart_portfolio_latest: industry_primary, region, exposure, in_default

with latest as (
    select *
    from wh.marts.mart_portfolio_latest
    where portfolio = $portfolio
),

-- the summary holds few rows a night: the list of nights stays cheap however long the history is
nights as (
    select distinct as_of_date
    from wh.marts.mart_portfolio_summary
    where portfolio = $portfolio and as_of_date < (select max(l.as_of_date) from latest as l)
),

compared as (
    select
        'night_before' as compared_with,
        max(n.as_of_date) as as_of_date
    from nights as n
    union all
    select
        '30_days_before' as compared_with,
        max(n.as_of_date) as as_of_date
    from nights as n
    where
        n.as_of_date <= (select max(l.as_of_date) from latest as l) - 30
        and n.as_of_date >= (select max(l.as_of_date) from latest as l) - 37
),

moved as (
    select
        l.portfolio,
        c.compared_with,
        case when l.score_points < b.score_points then 'worse' else 'better' end as direction,
        l.enterprise_id,
        l.as_of_date,
        b.as_of_date as as_of_date_before,
        l.pd,
        l.pd_lower,
        l.pd_upper,
        b.pd as pd_before,
        l.pd - b.pd as pd_change,
        l.score_points - b.score_points as points_change,
        l.grade,
        b.grade as grade_before,
        g.notch - h.notch as notches,
        l.model_family = b.model_family and l.model_version = b.model_version as same_model,
        l.industry_primary,
        l.region,
        l.exposure,
        l.in_default
    from compared as c
    inner join wh.scores.portfolio_scores as b
        on c.as_of_date = b.as_of_date
    inner join latest as l on b.enterprise_id = l.enterprise_id
    left join wh.ops.master_scale as g on l.grade = g.grade
    left join wh.ops.master_scale as h on b.grade = h.grade
    where b.portfolio = $portfolio and b.model_role = 'champion' and l.score_points <> b.score_points
)

select
    portfolio,
    compared_with,
    direction,
    row_number() over (
        partition by compared_with, direction order by abs(points_change) desc, enterprise_id
    ) as rank,
    enterprise_id,
    as_of_date,
    as_of_date_before,
    pd,
    pd_lower,
    pd_upper,
    pd_before,
    pd_change,
    points_change,
    grade,
    grade_before,
    notches,
    same_model,
    industry_primary,
    region,
    exposure,
    in_default
from moved
qualify rank <= 50
