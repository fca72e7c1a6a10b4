-- relation: staging.stg_enterprises
-- grain: one row per portfolio, enterprise and the date from which this description holds and version
-- key: portfolio, enterprise_id, valid_from, known_at
-- time: every version; what was known on a day has known_at by its end and known_to after it or null
-- inputs: raw.enterprises
-- parameters: none
-- column portfolio: [key] whose rows these are
-- column enterprise_id: [key] the borrower, as the lender numbers it
-- column valid_from: [key] date from which the description holds
-- column legal_form: [profile] legal form
-- column natural_person: [profile] true for a sole trader, whom rules on natural persons protect
-- column industry_primary: [profile] industry, upper level
-- column industry_secondary: [profile] industry, lower level
-- column region: [profile] region
-- column city: [profile] city
-- column founded_on: [profile] date of foundation
-- column employees: [profile] number of employees
-- column registered_capital: [profile] currency units; registered capital
-- column state_holding: [profile] the state holds a share
-- column absolute_holding: [profile] one owner holds the majority
-- column urban: [profile] seat in a town
-- column identity_verified: [profile] the owner's identity was verified
-- column bank_account_verified: [profile] the bank account was verified
-- column representative_gender: [sensitive] gender of the legal representative
-- column known_at: [time] when the lender knew this version
-- column known_to: [time] when the next version of the same key became known, null for the last
-- column run_id: [key] the run that loaded it

select
    {% for column in columns %}
    {{ column }}{{ "," if not loop.last }}
    {% endfor %}
from wh.raw.enterprises
