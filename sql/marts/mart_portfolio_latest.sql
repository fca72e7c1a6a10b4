-- relation: marts.mart_portfolio_latest
-- grain: one row per portfolio and enterprise: the champion score of the latest night
-- key: portfolio, enterprise_id
-- time: the latest as_of_date that the portfolio was scored for, compared with the one before it
-- inputs: scores.portfolio_scores, marts.mart_portfolio_summary, features.feat_profile, features.feat_ledger,
--   ops.overrides
-- parameters: portfolio
-- column portfolio: [key] portfolio
-- column enterprise_id: [key] enterprise
-- column as_of_date: [time] date; latest date that the portfolio was scored for
-- column industry_primary: [profile] industry, first level
-- column region: [profile] region of the seat
-- column city: [profile] city of the seat
-- column legal_form: [profile] legal form
-- column coverage: [score] thick, transaction, thin or unscoreable
-- column score_status: [score] fresh, stale, quarantined or unscoreable
-- column grade: [score] grade on the master scale
-- column score_points: [score] points, not rounded; higher is safer
-- column pd: [score] probability; calibrated probability of default, null where there is no score
-- column pd_lower: [score] probability; lower end of the 95% interval of the default rate of borrowers with this score,
--   null without a pd, in default, and where the model has no interval
-- column pd_upper: [score] probability; its upper end
-- column as_of_date_previous: [time] date; the night before it, null on the first night
-- column pd_previous_night: [score] probability; pd on that night
-- column pd_change: [score] probability; pd minus pd_previous_night
-- column exposure: [exposure] money; total borrowing, null where the ledger does not know it
-- column model_family: [score] family of the champion model
-- column model_version: [score] version of the champion model
-- column run_id: [key] run that scored the enterprise
-- column scored_as_of: [time] date; the night that the pd is really of: as_of_date where fresh, earlier where stale
-- column override_grade: [override] grade that a person set and that holds on as_of_date, null where none did
-- column override_until: [override] date; last day that it holds, null until another is decided
-- column natural_person: [profile] true for sole traders and other natural persons, to whom further duties apply
-- column in_default: [outcome] true where the borrower is in default already: its pd is no forecast; null where unknown

-- the summary holds few rows a night: the list of nights stays cheap however long the history is
with nights as (
    select
        as_of_date as latest,
        lag(as_of_date) over (order by as_of_date) as previous
    from (
        select distinct as_of_date
        from wh.marts.mart_portfolio_summary
        where portfolio = $portfolio
    ) as scored
    qualify row_number() over (order by as_of_date desc) = 1
),

-- each relation is cut to its night before they meet, so that the mart costs the same however long the history is
tonight as (
    select *
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio
        and model_role = 'champion'
        and as_of_date = (select latest from nights)
),

profiles as (
    select
        enterprise_id,
        industry_primary,
        region,
        city,
        legal_form,
        natural_person
    from wh.features.feat_profile
    where portfolio = $portfolio and as_of_date = (select latest from nights)
),

ledgers as (
    select
        enterprise_id,
        total_borrowing
    from wh.features.feat_ledger
    where portfolio = $portfolio and as_of_date = (select latest from nights)
),

before as (
    select
        enterprise_id,
        pd
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio
        and model_role = 'champion'
        and as_of_date = (select previous from nights)
),

in_force as (
    select
        enterprise_id,
        new_grade,
        valid_until
    from wh.ops.overrides
    where
        portfolio = $portfolio
        and known_at < (select latest from nights) + interval 1 day
        and (known_to is null or known_to >= (select latest from nights) + interval 1 day)
    -- the last decision holds until its end; what it took the place of does not come back
    qualify row_number() over (partition by enterprise_id order by decided_at desc) = 1
)

select
    s.portfolio,
    s.enterprise_id,
    s.as_of_date,
    p.industry_primary,
    p.region,
    p.city,
    p.legal_form,
    s.coverage,
    s.score_status,
    s.grade,
    s.score_points,
    s.pd,
    s.pd_lower,
    s.pd_upper,
    (select previous from nights) as as_of_date_previous,
    b.pd as pd_previous_night,
    s.pd - b.pd as pd_change,
    cast(l.total_borrowing as decimal(18, 2)) as exposure,
    s.model_family,
    s.model_version,
    s.run_id,
    s.scored_as_of,
    o.new_grade as override_grade,
    o.valid_until as override_until,
    p.natural_person,
    s.in_default
from tonight as s
left join before as b on s.enterprise_id = b.enterprise_id
left join in_force as o
    on s.enterprise_id = o.enterprise_id and coalesce(s.as_of_date <= o.valid_until, true)
left join profiles as p on s.enterprise_id = p.enterprise_id
left join ledgers as l on s.enterprise_id = l.enterprise_id
