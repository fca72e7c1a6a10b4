-- relation: features.feat_delivered
-- grain: one row per portfolio and as_of_date: which feeds had come at all
-- key: portfolio, as_of_date
-- time: rows known by the end of $as_of_date, whenever they happened
-- inputs: staging.stg_transactions, staging.stg_loan_ledger, staging.stg_legal_cases, staging.stg_operational_events
-- parameters: portfolio, as_of_date
-- column portfolio: [key] source of the rows
-- column as_of_date: [key] date; the night the row describes
-- column transactions: [feeds] true if a transaction had come
-- column loan_ledger: [feeds] true if a row of the loan ledger had come
-- column legal_cases: [feeds] true if a legal case had come
-- column operational_events: [feeds] true if an operational event of any type had come
-- column login_events: [feeds] true if a login had come
-- column export_events: [feeds] true if a data export had come
-- column purchase_order_events: [feeds] true if a purchase order had come
-- column supplier_payment_events: [feeds] true if a supplier payment had come as an event
-- column stock_count_events: [feeds] true if a stock count had come
-- A borrower without a case has none where the feed of cases came, and an unknown number where it did not. That is a
-- fact of the whole portfolio, found once, so that the features of some borrowers need no row of the others.
-- Each is a look for one row, which ends at the first that is met: the record is not counted.
select
    cast($portfolio as varchar) as portfolio,
    cast($as_of_date as date) as as_of_date,
    {% for feed in ["transactions", "loan_ledger", "legal_cases", "operational_events"] %}
    exists(
        select 1
        from wh.staging.stg_{{ feed }} as f
        where
            f.portfolio = $portfolio
            and f.known_at < cast($as_of_date as date) + interval 1 day
    ) as {{ feed }},
    {% endfor %}
    {% for type in ["login", "export", "purchase_order", "supplier_payment", "stock_count"] %}
    exists(
        select 1
        from wh.staging.stg_operational_events as f
        where
            f.portfolio = $portfolio
            and f.known_at < cast($as_of_date as date) + interval 1 day
            and f.event_type = '{{ type }}'
    ) as {{ type }}_events{{ "," if not loop.last }}
    {% endfor %}
