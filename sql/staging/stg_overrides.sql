-- relation: staging.stg_overrides
-- grain: one row per portfolio, enterprise and time of the decision and version
-- key: portfolio, enterprise_id, decided_at, known_at
-- time: every version; what was known on a day has known_at by its end and known_to after it or null
-- inputs: raw.overrides
-- parameters: none
-- column portfolio: [key] whose rows these are
-- column enterprise_id: [key] the borrower, as the lender numbers it
-- column decided_at: [key] when it was decided
-- column old_grade: [override] grade of the model that was set aside
-- column new_grade: [override] grade that was set
-- column decided_by: [override] code of the account manager, no name
-- column reason: [override] why, in the words of who decided
-- column valid_until: [override] date; last day that it holds, null until another is decided
-- column known_at: [time] when the lender knew this version
-- column known_to: [time] when the next version of the same key became known, null for the last
-- column run_id: [key] the run that loaded it

select
    {% for column in columns %}
    {{ column }}{{ "," if not loop.last }}
    {% endfor %}
from wh.raw.overrides
