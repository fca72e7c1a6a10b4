-- audit: assert_scores_contributions_ranked
-- grain: one row per feature of a score that is told twice, is out of rank, or was left behind by another run
-- inputs: scores.contributions
-- parameters: portfolio, as_of_date, model_roles, run_id

with told as (
    select
        enterprise_id,
        model_role,
        model_family,
        model_version,
        feature,
        contribution,
        rank,
        run_id,
        count(*) over (partition by enterprise_id, model_role, model_family, model_version, feature) as times,
        row_number() over (
            partition by enterprise_id, model_role, model_family, model_version
            order by feature = 'other', abs(contribution) desc, rank
        ) as rank_by_size
    from wh.scores.contributions
    where
        portfolio = $portfolio
        and as_of_date = $as_of_date
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
