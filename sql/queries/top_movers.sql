-- question: Who got worse most since the night before?
-- columns: enterprise_id, grade_before, grade, pd_before, pd, points_change, same_model
select
    enterprise_id,
    grade_before,
    grade,
    pd_before,
    pd,
    points_change,
    same_model
from marts.mart_top_movers
where compared_with = 'night_before' and direction = 'worse'
order by rank asc
limit 20
