-- relation: staging.stg_legal_cases
-- grain: one row per portfolio, court case and enterprise and version
-- key: portfolio, case_id, enterprise_id, known_at
-- time: every version; what was known on a day has known_at by its end and known_to after it or null
-- inputs: raw.legal_cases
-- parameters: none
-- column portfolio: [key] whose rows these are
-- column case_id: [key] the case
-- column enterprise_id: [key] the borrower, as the lender numbers it
-- column filed_on: [time] date of filing
-- column role: [legal] side of the enterprise (plaintiff, defendant)
-- column known_at: [time] when the lender knew this version
-- column known_to: [time] when the next version of the same key became known, null for the last
-- column run_id: [key] the run that loaded it

select
    {% for column in columns %}
    {{ column }}{{ "," if not loop.last }}
    {% endfor %}
from wh.raw.legal_cases
