-- relation: staging.stg_transactions
-- grain: one row per portfolio, transaction and version
-- key: portfolio, transaction_id, known_at
-- time: every version; what was known on a day has known_at by its end and known_to after it or null
-- inputs: raw.transactions
-- parameters: none
-- column portfolio: [key] whose rows these are
-- column transaction_id: [key] the transaction
-- column enterprise_id: [transactions] the borrower, as the lender numbers it
-- column occurred_at: [time] when it happened
-- column amount: [transactions] currency units; money in is positive, money out negative
-- column counterparty_id: [transactions] the other side
-- column kind: [transactions] what it was, a refund has the sign opposite to what it refunds (sale, purchase,
--   supplier_payment, refund)
-- column due_at: [transactions] when it was to be paid
-- column paid_at: [transactions] when it was paid
-- column voided: [transactions] the document was voided
-- column known_at: [time] when the lender knew this version
-- column known_to: [time] when the next version of the same key became known, null for the last
-- column run_id: [key] the run that loaded it

select
    {% for column in columns %}
    {{ column }}{{ "," if not loop.last }}
    {% endfor %}
from wh.raw.transactions
