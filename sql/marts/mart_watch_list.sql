-- relation: marts.mart_watch_list
-- grain: one row per portfolio, scored night and borrower not in default that had a trigger that night
-- key: portfolio, as_of_date, enterprise_id
-- time: what marts.mart_early_warning says as of $as_of_date, by its own file: scores and features of that night and of
--   those before it
-- inputs: scores.portfolio_scores, marts.mart_portfolio_summary, ops.master_scale, features.feat_profile,
--   features.feat_transactions, features.feat_counterparties, features.feat_operations, features.feat_legal
-- parameters: portfolio, as_of_date
-- column portfolio: [key] portfolio
-- column as_of_date: [key] date; the night
-- column enterprise_id: [key] enterprise
-- column on_watch_list: [rule] whether it was on the list; a mild trigger alone is kept too, so that it can be judged
-- column why: [rule] the triggers, joined by a comma
-- Every night stays, so that a list can be judged once outcomes are known (mart_early_warning_judged).
{% set of_night = true %}
select
    portfolio,
    as_of_date,
    enterprise_id,
    on_watch_list,
    why
from (
    -- what is included is checked as the file that it is
    -- noqa: disable=all
{% filter indent(first=true) %}
{% include "marts/mart_early_warning.sql" %}
{% endfilter %}

    -- noqa: enable=all
) as warnings
where why is not null and in_default is not true
