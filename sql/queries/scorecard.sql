-- question: What is on the scorecard: which points does a borrower get for what?
-- columns: portfolio, model_version, place, feature, business_name, bin, holds, borrowers, defaults, points
select
    s.portfolio,
    s.model_version,
    s.place,
    s.feature,
    c.business_name,
    s.bin,
    case s.kind
        when 'interval' then concat_ws(' ', 'from ' || s.lower, 'below ' || s.upper)
        when 'category' then array_to_string(s.levels, ', ')
        else s.kind
    end as holds,
    s.borrowers,
    s.defaults,
    s.points
from ops.scorecard as s
left join ops.feature_catalogue as c on s.feature = c.feature
order by s.portfolio, s.model_version, s.place, s.bin
