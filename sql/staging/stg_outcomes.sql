-- relation: staging.stg_outcomes
-- grain: one row per portfolio, enterprise, loan (or none) and date of the observation and version
-- key: portfolio, enterprise_id, loan_id, outcome_date, known_at
-- time: every version; what was known on a day has known_at by its end and known_to after it or null
-- inputs: raw.outcomes
-- parameters: none
-- column portfolio: [key] whose rows these are
-- column enterprise_id: [key] the borrower, as the lender numbers it
-- column loan_id: [key] the loan, empty where the outcome concerns the whole enterprise
-- column outcome_date: [key] date of the observation
-- column days_past_due: [outcome] days; days past due on that date
-- column charge_off: [outcome] the loan was charged off
-- column insolvency: [outcome] insolvency was opened
-- column known_at: [time] when the lender knew this version
-- column known_to: [time] when the next version of the same key became known, null for the last
-- column run_id: [key] the run that loaded it

select
    {% for column in columns %}
    {{ column }}{{ "," if not loop.last }}
    {% endfor %}
from wh.raw.outcomes
