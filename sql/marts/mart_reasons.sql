-- relation: marts.mart_reasons
-- grain: one row per portfolio, enterprise and reason of the latest night, in the order of strength
-- key: portfolio, enterprise_id, rank
-- time: the latest as_of_date that the portfolio was scored for
-- inputs: marts.mart_portfolio_latest, scores.portfolio_scores, scores.contributions, ops.feature_catalogue
-- parameters: portfolio
-- inherit marts.mart_portfolio_latest: portfolio, enterprise_id
-- column rank: [key] 1 raises the PD most; 1 to 4 are reason_1 to reason_4, more only to fill up what may be told
-- column as_of_date: [time] date; latest night
-- column feature: [reason] feature of features.feat_enterprise
-- column business_name: [reason] what a risk team calls it
-- column sentence: [reason] what the borrower is told, null where it may not be told
-- column strength: [reason] probability; what the feature adds to the PD
-- column tellable: [reason] whether it may be told to the borrower; false where the catalogue does not know the feature
-- column why_not: [reason] why it may not be told
-- column told_rank: [reason] place among those that may be told, at most 4: a letter lists these; null for the others
-- inherit marts.mart_portfolio_latest: model_family, model_version

with latest as (
    select s.*
    from wh.scores.portfolio_scores as s
    inner join wh.marts.mart_portfolio_latest as m
        on s.portfolio = m.portfolio and s.enterprise_id = m.enterprise_id and s.as_of_date = m.as_of_date
    where s.portfolio = $portfolio and s.model_role = 'champion'
),

stored as (
    select
        l.enterprise_id,
        unnest(range(1, 5)) as rank,
        unnest([l.reason_1, l.reason_2, l.reason_3, l.reason_4]) as feature,
        unnest([l.reason_1_strength, l.reason_2_strength, l.reason_3_strength, l.reason_4_strength]) as strength
    from latest as l
),

-- borrowers of whose reasons some may not be told
short as (
    select s.enterprise_id
    from stored as s
    left join wh.ops.feature_catalogue as c on s.feature = c.feature
    group by s.enterprise_id
    having count(*) filter (where c.tellable) < 4
),

-- beyond the fourth
further as (
    select
        c.enterprise_id,
        row_number() over (partition by c.enterprise_id order by c.rank) as place,
        c.feature,
        c.contribution as strength
    from wh.scores.contributions as c
    inner join latest as l
        on
            c.enterprise_id = l.enterprise_id
            and c.as_of_date = l.as_of_date
            and c.model_family = l.model_family
            and c.model_version = l.model_version
            and c.model_role = l.model_role
    semi join short as s on c.enterprise_id = s.enterprise_id
    where
        c.portfolio = $portfolio
        and c.as_of_date = (select max(m.as_of_date) from latest as m)
        and c.contribution > 0
        and c.feature <> 'other'
    qualify place > 4
),

every as (
    select
        s.enterprise_id,
        s.rank,
        s.feature,
        s.strength
    from stored as s
    where s.feature is not null
    union all
    select
        f.enterprise_id,
        f.place as rank,
        f.feature,
        f.strength
    from further as f
),

told as (
    select
        e.*,
        c.business_name,
        c.sentence_raises,
        coalesce(c.tellable, false) as tellable,
        case when c.feature is null then 'not in ops.feature_catalogue' else c.why_not end as why_not,
        count(*) filter (where c.tellable) over (partition by e.enterprise_id order by e.rank) as told_before
    from every as e
    left join wh.ops.feature_catalogue as c on e.feature = c.feature
)

select
    l.portfolio,
    l.enterprise_id,
    cast(t.rank as integer) as rank,
    l.as_of_date,
    t.feature,
    t.business_name,
    t.sentence_raises as sentence,
    t.strength,
    t.tellable,
    t.why_not,
    case when t.tellable and t.told_before <= 4 then cast(t.told_before as integer) end as told_rank,
    l.model_family,
    l.model_version
from told as t
inner join latest as l on t.enterprise_id = l.enterprise_id
where t.rank <= 4 or (t.tellable and t.told_before <= 4)
