-- relation: staging.stg_scenarios
-- grain: one row per portfolio, day of the decision, scenario and month and version
-- key: portfolio, decided_on, scenario, month, known_at
-- time: every version; on a day the rows with the latest decided_on and then the latest known_at by its end hold, and
--   no others: they are one whole set
-- inputs: raw.scenarios
-- parameters: none
-- column portfolio: [key] whose rows these are
-- column decided_on: [key] date; day on which the lender decided the scenarios
-- column scenario: [key] name of the scenario
-- column month: [key] date; first day of the month
-- column systematic_factor: [scenario] standard normal; below 0 is bad times
-- column weight: [scenario] share; weight of the scenario, the same in all its rows; those of a set add up to 1
-- column known_at: [time] when the lender knew this version
-- column known_to: [time] when the next version of the same key became known, null for the last
-- column run_id: [key] the run that loaded it

select
    {% for column in columns %}
    {{ column }}{{ "," if not loop.last }}
    {% endfor %}
from wh.raw.scenarios
