-- relation: staging.stg_operational_events
-- grain: one row per portfolio, event and version
-- key: portfolio, event_id, known_at
-- time: every version; what was known on a day has known_at by its end and known_to after it or null
-- inputs: raw.operational_events
-- parameters: none
-- column portfolio: [key] whose rows these are
-- column event_id: [key] the event
-- column enterprise_id: [operations] the borrower, as the lender numbers it
-- column occurred_at: [time] when it happened
-- column event_type: [operations] what happened (login, export, purchase_order, goods_received, stock_count,
--   supplier_payment)
-- column payload: [operations] details by event type, a JSON object, empty or null for login and export
-- column known_at: [time] when the lender knew this version
-- column known_to: [time] when the next version of the same key became known, null for the last
-- column run_id: [key] the run that loaded it

select
    {% for column in columns %}
    {{ column }}{{ "," if not loop.last }}
    {% endfor %}
from wh.raw.operational_events
