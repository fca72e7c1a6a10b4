-- relation: staging.stg_credit_opinions
-- grain: one row per portfolio, enterprise and date of the opinion and version
-- key: portfolio, enterprise_id, opinion_date, known_at
-- time: every version; what was known on a day has known_at by its end and known_to after it or null
-- inputs: raw.credit_opinions
-- parameters: none
-- column portfolio: [key] whose rows these are
-- column enterprise_id: [key] the borrower, as the lender numbers it
-- column opinion_date: [key] date of the opinion
-- column rating: [opinion] rating (AAA, AA, A, BBB, BB, B, C, D)
-- column evaluation: [opinion] the account manager's evaluation (excellent, good, general, poor, deterioration,
--   shutdown)
-- column leaks_outcome: [opinion] written with knowledge of the outcome, so that no model may take it
-- column known_at: [time] when the lender knew this version
-- column known_to: [time] when the next version of the same key became known, null for the last
-- column run_id: [key] the run that loaded it

select
    {% for column in columns %}
    {{ column }}{{ "," if not loop.last }}
    {% endfor %}
from wh.raw.credit_opinions
