-- relation: staging.stg_loan_ledger
-- grain: one row per portfolio, loan and ledger date and version
-- key: portfolio, loan_id, ledger_date, known_at
-- time: every version; what was known on a day has known_at by its end and known_to after it or null
-- inputs: raw.loan_ledger
-- parameters: none
-- column portfolio: [key] whose rows these are
-- column loan_id: [key] the loan
-- column enterprise_id: [ledger] the borrower, as the lender numbers it
-- column ledger_date: [key] date of the ledger
-- column opened_on: [ledger] date on which the loan was opened
-- column borrowing: [ledger] currency units; outstanding borrowing
-- column annual_rate: [ledger] fraction; interest a year
-- column mortgage: [ledger] secured by a mortgage
-- column acceptance_bill: [ledger] granted as an acceptance bill
-- column invest_category: [ledger] what the money is invested in
-- column autonomous_payment: [ledger] the borrower pays suppliers himself, not the lender for him
-- column business_purpose: [ledger] true for business use, false for fixed assets
-- column total_assets: [ledger] currency units; total assets of the borrower
-- column operating_income: [ledger] currency units; operating income of the borrower
-- column days_past_due: [ledger] days; days past due on the ledger date
-- column matures_on: [ledger] date by which the loan is repaid; a row of that day or later without borrowing tells that
--   it was
-- column credit_limit: [ledger] currency units; up to which the borrower may draw
-- column loss_given_default: [ledger] fraction; of the exposure that is lost in a default
-- column originated_impaired: [ledger] credit-impaired already when it was bought or originated
-- column known_at: [time] when the lender knew this version
-- column known_to: [time] when the next version of the same key became known, null for the last
-- column run_id: [key] the run that loaded it

select
    {% for column in columns %}
    {{ column }}{{ "," if not loop.last }}
    {% endfor %}
from wh.raw.loan_ledger
