-- audit: assert_scores_status_adds_up
-- grain: one row per enterprise of the night whose champion rows do not make one status that fits it
-- inputs: features.feat_profile, staging.stg_enterprises_quarantined, scores.portfolio_scores
-- parameters: portfolio, as_of_date

with known as (
    select distinct
        enterprise_id,
        true as described
    from wh.features.feat_profile
    where
        portfolio = $portfolio
        and as_of_date = $as_of_date
),

-- known to the lender, but every description of it waits in quarantine
undescribed as (
    select distinct
        q.enterprise_id,
        false as described
    from wh.staging.stg_enterprises_quarantined as q
    left join known as k on q.enterprise_id = k.enterprise_id
    where
        q.portfolio = $portfolio
        and k.enterprise_id is null
        and coalesce(q.valid_from <= $as_of_date, true)
        and coalesce(q.known_at < cast($as_of_date as date) + interval 1 day, true)
),

portfolio as (
    select * from known
    union all
    select * from undescribed
),

told as (
    select
        enterprise_id,
        count(*) as champion_rows,
        count(*) filter (where score_status = 'fresh' and scored_as_of = as_of_date) as fresh,
        count(*) filter (where score_status = 'stale' and scored_as_of < as_of_date) as stale,
        count(*) filter (where score_status = 'quarantined' and scored_as_of is null) as quarantined,
        count(*) filter (where score_status = 'unscoreable' and scored_as_of is null) as unscoreable
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio
        and as_of_date = $as_of_date
        and model_role = 'champion'
    group by enterprise_id
)

select
    coalesce(p.enterprise_id, t.enterprise_id) as enterprise_id,
    p.described,
    coalesce(t.champion_rows, 0) as champion_rows,
    t.fresh,
    t.stale,
    t.quarantined,
    t.unscoreable
from portfolio as p
full join told as t on p.enterprise_id = t.enterprise_id
where
    p.enterprise_id is null
    or coalesce(t.champion_rows, 0) <> 1
    or t.fresh + t.stale + t.quarantined + t.unscoreable <> 1
    or (t.quarantined = 1) = p.described
order by enterprise_id
