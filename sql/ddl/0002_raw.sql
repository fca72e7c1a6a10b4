-- What lenders deliver, as delivered and typed. Versions of a row stay side by side: known_at and known_to say
-- which of them was known on a day. Columns marked (personal) never leave this schema.
create table wh.raw.enterprises (
    enterprise_id varchar not null,
    valid_from date not null,
    legal_form varchar,
    natural_person boolean,
    industry_primary varchar,
    industry_secondary varchar,
    region varchar,
    city varchar,
    founded_on date,
    employees integer,
    registered_capital decimal(18, 2),
    state_holding boolean,
    absolute_holding boolean,
    urban boolean,
    identity_verified boolean,
    bank_account_verified boolean,
    representative_gender varchar,
    legal_name varchar,
    tax_number varchar,
    phone varchar,
    address varchar,
    known_at timestamp not null,
    known_to timestamp,
    portfolio varchar not null,
    file_hash varchar,
    file_row bigint,
    run_id varchar,
    loaded_at timestamp
);
comment on table wh.raw.enterprises is
'one row per portfolio, enterprise, valid_from and version: the profile of a borrower';
comment on column wh.raw.enterprises.enterprise_id is 'key; the lender''s number of the enterprise';
comment on column wh.raw.enterprises.valid_from is
'key; first day on which this profile holds (business time)';
comment on column wh.raw.enterprises.legal_form is 'legal form, as the lender writes it';
comment on column wh.raw.enterprises.natural_person is
'true for a sole trader: the borrower is a natural person';
comment on column wh.raw.enterprises.industry_primary is 'industry, first level';
comment on column wh.raw.enterprises.industry_secondary is 'industry, second level';
comment on column wh.raw.enterprises.region is 'region of the seat';
comment on column wh.raw.enterprises.city is 'city of the seat';
comment on column wh.raw.enterprises.founded_on is 'day of foundation';
comment on column wh.raw.enterprises.employees is 'number of employees';
comment on column wh.raw.enterprises.registered_capital is 'money; registered capital';
comment on column wh.raw.enterprises.state_holding is 'the state holds a share';
comment on column wh.raw.enterprises.absolute_holding is 'one owner holds the absolute majority';
comment on column wh.raw.enterprises.urban is 'seat in a town (true) or rural (false)';
comment on column wh.raw.enterprises.identity_verified is 'identity of the representative was verified';
comment on column wh.raw.enterprises.bank_account_verified is 'bank account was verified';
comment on column wh.raw.enterprises.representative_gender is
'(sensitive) gender of the legal representative; for fairness checks only';
comment on column wh.raw.enterprises.legal_name is '(personal) stops at raw; registered name';
comment on column wh.raw.enterprises.tax_number is '(personal) stops at raw; tax number';
comment on column wh.raw.enterprises.phone is '(personal) stops at raw; telephone number';
comment on column wh.raw.enterprises.address is '(personal) stops at raw; postal address';
comment on column wh.raw.enterprises.known_at is
'when the lender knew the row; the business time where the file does not say';
comment on column wh.raw.enterprises.known_to is
'known_at of the next version of the same key; null for the version that stands';
comment on column wh.raw.enterprises.portfolio is 'key; portfolio that the row was delivered for';
comment on column wh.raw.enterprises.file_hash is 'SHA-256 of the delivered file';
comment on column wh.raw.enterprises.file_row is 'number of the data row in the file, from 1';
comment on column wh.raw.enterprises.run_id is 'run that loaded the row';
comment on column wh.raw.enterprises.loaded_at is 'local time of loading';

create table wh.raw.loan_ledger (
    loan_id varchar not null,
    enterprise_id varchar not null,
    ledger_date date not null,
    opened_on date,
    borrowing decimal(18, 2),
    annual_rate double,
    mortgage boolean,
    acceptance_bill boolean,
    invest_category varchar,
    autonomous_payment boolean,
    business_purpose boolean,
    total_assets decimal(18, 2),
    operating_income decimal(18, 2),
    days_past_due integer,
    known_at timestamp not null,
    known_to timestamp,
    portfolio varchar not null,
    file_hash varchar,
    file_row bigint,
    run_id varchar,
    loaded_at timestamp
);
comment on table wh.raw.loan_ledger is
'one row per portfolio, loan, ledger_date and version: the annual loan ledger';
comment on column wh.raw.loan_ledger.loan_id is 'key; the lender''s number of the loan';
comment on column wh.raw.loan_ledger.enterprise_id is 'borrower';
comment on column wh.raw.loan_ledger.ledger_date is 'key; day of the ledger (business time)';
comment on column wh.raw.loan_ledger.opened_on is 'day on which the loan was opened';
comment on column wh.raw.loan_ledger.borrowing is 'money; amount borrowed and outstanding';
comment on column wh.raw.loan_ledger.annual_rate is 'share a year; interest rate';
comment on column wh.raw.loan_ledger.mortgage is 'secured by a mortgage';
comment on column wh.raw.loan_ledger.acceptance_bill is 'paid by acceptance bill';
comment on column wh.raw.loan_ledger.invest_category is 'category of the investment';
comment on column wh.raw.loan_ledger.autonomous_payment is
'the borrower pays out by itself (true) or the lender on its behalf (false)';
comment on column wh.raw.loan_ledger.business_purpose is 'true for business use, false for fixed assets';
comment on column wh.raw.loan_ledger.total_assets is 'money; total assets of the borrower';
comment on column wh.raw.loan_ledger.operating_income is 'money a year; operating income of the borrower';
comment on column wh.raw.loan_ledger.days_past_due is 'days; oldest arrears on the day of the ledger';
comment on column wh.raw.loan_ledger.known_at is
'when the lender knew the row; the business time where the file does not say';
comment on column wh.raw.loan_ledger.known_to is
'known_at of the next version of the same key; null for the version that stands';
comment on column wh.raw.loan_ledger.portfolio is 'key; portfolio that the row was delivered for';
comment on column wh.raw.loan_ledger.file_hash is 'SHA-256 of the delivered file';
comment on column wh.raw.loan_ledger.file_row is 'number of the data row in the file, from 1';
comment on column wh.raw.loan_ledger.run_id is 'run that loaded the row';
comment on column wh.raw.loan_ledger.loaded_at is 'local time of loading';

create table wh.raw.transactions (
    transaction_id varchar not null,
    enterprise_id varchar not null,
    occurred_at timestamp not null,
    amount decimal(18, 2) not null,
    counterparty_id varchar,
    kind varchar not null,
    due_at timestamp,
    paid_at timestamp,
    voided boolean,
    known_at timestamp not null,
    known_to timestamp,
    portfolio varchar not null,
    file_hash varchar,
    file_row bigint,
    run_id varchar,
    loaded_at timestamp
);
comment on table wh.raw.transactions is
'one row per portfolio, transaction and version: a payment or invoice';
comment on column wh.raw.transactions.transaction_id is 'key; the lender''s number of the transaction';
comment on column wh.raw.transactions.enterprise_id is 'enterprise whose flow it is';
comment on column wh.raw.transactions.occurred_at is 'time of the transaction (business time)';
comment on column wh.raw.transactions.amount is
'money; in above 0, out below 0; a refund has the sign opposite to what it refunds';
comment on column wh.raw.transactions.counterparty_id is 'code of the other side';
comment on column wh.raw.transactions.kind is 'sale, purchase, supplier_payment or refund';
comment on column wh.raw.transactions.due_at is 'time by which it was due';
comment on column wh.raw.transactions.paid_at is 'time at which it was paid';
comment on column wh.raw.transactions.voided is 'cancelled: it counts for nothing but the voided share';
comment on column wh.raw.transactions.known_at is
'when the lender knew the row; the business time where the file does not say';
comment on column wh.raw.transactions.known_to is
'known_at of the next version of the same key; null for the version that stands';
comment on column wh.raw.transactions.portfolio is 'key; portfolio that the row was delivered for';
comment on column wh.raw.transactions.file_hash is 'SHA-256 of the delivered file';
comment on column wh.raw.transactions.file_row is 'number of the data row in the file, from 1';
comment on column wh.raw.transactions.run_id is 'run that loaded the row';
comment on column wh.raw.transactions.loaded_at is 'local time of loading';

create table wh.raw.operational_events (
    event_id varchar not null,
    enterprise_id varchar not null,
    occurred_at timestamp not null,
    event_type varchar not null,
    payload json,
    known_at timestamp not null,
    known_to timestamp,
    portfolio varchar not null,
    file_hash varchar,
    file_row bigint,
    run_id varchar,
    loaded_at timestamp
);
comment on table wh.raw.operational_events is
'one row per portfolio, event and version: a line of the operational log';
comment on column wh.raw.operational_events.event_id is 'key; number of the event';
comment on column wh.raw.operational_events.enterprise_id is 'enterprise that acted';
comment on column wh.raw.operational_events.occurred_at is 'time of the event (business time)';
comment on column wh.raw.operational_events.event_type is
'login, export, purchase_order, goods_received, stock_count or supplier_payment';
comment on column wh.raw.operational_events.payload is
'what belongs to the type of event; empty for login and export';
comment on column wh.raw.operational_events.known_at is
'when the lender knew the row; the business time where the file does not say';
comment on column wh.raw.operational_events.known_to is
'known_at of the next version of the same key; null for the version that stands';
comment on column wh.raw.operational_events.portfolio is 'key; portfolio that the row was delivered for';
comment on column wh.raw.operational_events.file_hash is 'SHA-256 of the delivered file';
comment on column wh.raw.operational_events.file_row is 'number of the data row in the file, from 1';
comment on column wh.raw.operational_events.run_id is 'run that loaded the row';
comment on column wh.raw.operational_events.loaded_at is 'local time of loading';

create table wh.raw.legal_cases (
    case_id varchar not null,
    enterprise_id varchar not null,
    filed_on date not null,
    role varchar not null,
    known_at timestamp not null,
    known_to timestamp,
    portfolio varchar not null,
    file_hash varchar,
    file_row bigint,
    run_id varchar,
    loaded_at timestamp
);
comment on table wh.raw.legal_cases is
'one row per portfolio, case, enterprise and version: a court case and the side taken';
comment on column wh.raw.legal_cases.case_id is 'key; number of the case';
comment on column wh.raw.legal_cases.enterprise_id is 'key; enterprise in the case';
comment on column wh.raw.legal_cases.filed_on is 'day of filing (business time)';
comment on column wh.raw.legal_cases.role is 'plaintiff or defendant';
comment on column wh.raw.legal_cases.known_at is
'when the lender knew the row; the business time where the file does not say';
comment on column wh.raw.legal_cases.known_to is
'known_at of the next version of the same key; null for the version that stands';
comment on column wh.raw.legal_cases.portfolio is 'key; portfolio that the row was delivered for';
comment on column wh.raw.legal_cases.file_hash is 'SHA-256 of the delivered file';
comment on column wh.raw.legal_cases.file_row is 'number of the data row in the file, from 1';
comment on column wh.raw.legal_cases.run_id is 'run that loaded the row';
comment on column wh.raw.legal_cases.loaded_at is 'local time of loading';

create table wh.raw.credit_opinions (
    enterprise_id varchar not null,
    opinion_date date not null,
    rating varchar,
    evaluation varchar,
    leaks_outcome boolean,
    known_at timestamp not null,
    known_to timestamp,
    portfolio varchar not null,
    file_hash varchar,
    file_row bigint,
    run_id varchar,
    loaded_at timestamp
);
comment on table wh.raw.credit_opinions is
'one row per portfolio, enterprise, opinion_date and version: what the account manager thinks';
comment on column wh.raw.credit_opinions.enterprise_id is 'key; enterprise judged';
comment on column wh.raw.credit_opinions.opinion_date is 'key; day of the opinion (business time)';
comment on column wh.raw.credit_opinions.rating is 'AAA, AA, A, BBB, BB, B, C or D';
comment on column wh.raw.credit_opinions.evaluation is
'excellent, good, general, poor, deterioration or shutdown';
comment on column wh.raw.credit_opinions.leaks_outcome is
'true when written with knowledge of the outcome: no model may take it';
comment on column wh.raw.credit_opinions.known_at is
'when the lender knew the row; the business time where the file does not say';
comment on column wh.raw.credit_opinions.known_to is
'known_at of the next version of the same key; null for the version that stands';
comment on column wh.raw.credit_opinions.portfolio is 'key; portfolio that the row was delivered for';
comment on column wh.raw.credit_opinions.file_hash is 'SHA-256 of the delivered file';
comment on column wh.raw.credit_opinions.file_row is 'number of the data row in the file, from 1';
comment on column wh.raw.credit_opinions.run_id is 'run that loaded the row';
comment on column wh.raw.credit_opinions.loaded_at is 'local time of loading';

create table wh.raw.outcomes (
    enterprise_id varchar not null,
    loan_id varchar,
    outcome_date date not null,
    days_past_due integer,
    charge_off boolean,
    insolvency boolean,
    known_at timestamp not null,
    known_to timestamp,
    portfolio varchar not null,
    file_hash varchar,
    file_row bigint,
    run_id varchar,
    loaded_at timestamp
);
comment on table wh.raw.outcomes is
'one row per portfolio, enterprise, loan, outcome_date and version: labels come from here';
comment on column wh.raw.outcomes.enterprise_id is 'key; enterprise';
comment on column wh.raw.outcomes.loan_id is 'key; loan, null for an outcome of the enterprise';
comment on column wh.raw.outcomes.outcome_date is 'key; day of the outcome (business time)';
comment on column wh.raw.outcomes.days_past_due is 'days; arrears on that day';
comment on column wh.raw.outcomes.charge_off is 'the loan was written off';
comment on column wh.raw.outcomes.insolvency is 'insolvency was opened';
comment on column wh.raw.outcomes.known_at is
'when the lender knew the row; the business time where the file does not say';
comment on column wh.raw.outcomes.known_to is
'known_at of the next version of the same key; null for the version that stands';
comment on column wh.raw.outcomes.portfolio is 'key; portfolio that the row was delivered for';
comment on column wh.raw.outcomes.file_hash is 'SHA-256 of the delivered file';
comment on column wh.raw.outcomes.file_row is 'number of the data row in the file, from 1';
comment on column wh.raw.outcomes.run_id is 'run that loaded the row';
comment on column wh.raw.outcomes.loaded_at is 'local time of loading';
