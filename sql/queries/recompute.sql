-- question: Do grade and points follow from the PD?
-- columns: portfolio, as_of_date, scores, other_grade, largest_difference
select
    portfolio,
    as_of_date,
    count(*) as scores,
    count(*) filter (where grade <> marts.grade_of(pd)) as other_grade,
    max(abs(score_points - marts.points_of(pd))) as largest_difference
from scores.portfolio_scores
where pd is not null
group by all
order by all
