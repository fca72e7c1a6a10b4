-- audit: assert_scores_contributions_ranked
-- grain: one row per feature of a score that is told twice, is out of rank, or was left behind by another run
-- inputs: scores.contributions
-- parameters: portfolio, as_of_date, model_roles, run_id
-- A list a score is a third of the work of windows over all features, which name the rows of the few that are wrong.

with lists as (
    select
        enterprise_id,
        model_role,
        model_family,
        model_version,
        list(feature) as features,
        list(struct_pack(
            is_other := feature = 'other',
            smallness := case when isnan(contribution) then '-infinity' else -abs(contribution) end,
            place := rank
        )) as effects,
        bool_or(run_id is distinct from $run_id) as of_another_run
    from wh.scores.contributions
    where
        portfolio = $portfolio
        and as_of_date = $as_of_date
    group by enterprise_id, model_role, model_family, model_version
),

wrong as (
    select
        enterprise_id,
        model_role,
        model_family,
        model_version
    from lists
    where
        len(list_distinct(features)) < len(features)
        or list_transform(list_sort(effects), lambda effect: effect.place)
        is distinct from range(1, len(effects) + 1)
        or (list_contains($model_roles, model_role) and of_another_run)
),

told as (
    select
        c.enterprise_id,
        c.model_role,
        c.model_family,
        c.model_version,
        c.feature,
        c.contribution,
        c.rank,
        c.run_id,
        count(*) over (
            partition by c.enterprise_id, c.model_role, c.model_family, c.model_version, c.feature
        ) as times,
        row_number() over (
            partition by c.enterprise_id, c.model_role, c.model_family, c.model_version
            order by c.feature = 'other', abs(c.contribution) desc, c.rank
        ) as rank_by_size
    from wh.scores.contributions as c
    inner join wrong as w
        on
            c.enterprise_id is not distinct from w.enterprise_id
            and c.model_role is not distinct from w.model_role
            and c.model_family is not distinct from w.model_family
            and c.model_version is not distinct from w.model_version
    where
        c.portfolio = $portfolio
        and c.as_of_date = $as_of_date
)

select
    enterprise_id,
    model_role,
    model_family,
    feature,
    times,
    rank,
    rank_by_size
from told
where
    times > 1
    or feature is null
    or rank is distinct from rank_by_size
    or (list_contains($model_roles, model_role) and run_id is distinct from $run_id)
order by enterprise_id
