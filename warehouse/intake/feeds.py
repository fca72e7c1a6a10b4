"""Declare what a lender may deliver: nine feeds with their columns, natural keys and business times.

The tables of `raw` are made from this declaration, intake and its rules follow it, and tests hold the staging views
against it: a column is added here first.
"""

from __future__ import annotations

from warehouse.intake.feed import ColumnType, Feed, FeedColumn


def _key(name: str, type_: ColumnType, text: str) -> FeedColumn:
    return FeedColumn(name, type_, text, required=True)


def _enterprise(text: str) -> FeedColumn:
    return _key("enterprise_id", "varchar", text)


def _category(name: str, text: str, *, required: bool = False) -> FeedColumn:
    return FeedColumn(name, "varchar", text, required=required, category=True)


def _pii(name: str, text: str) -> FeedColumn:
    return FeedColumn(name, "varchar", text, pii=True)


_KNOWN_AT = FeedColumn(
    "known_at", "timestamp", "when the lender knew the row; the business time where the file does not say"
)
_EVENTS = ("login", "export", "purchase_order", "goods_received", "stock_count", "supplier_payment")

_FEEDS = (
    Feed(
        "enterprises",
        "the profile of a borrower",
        (
            _enterprise("the lender's number of the enterprise"),
            _key("valid_from", "date", "first day on which this profile holds"),
            _KNOWN_AT,
            _category("legal_form", "legal form, as the lender writes it"),
            FeedColumn("natural_person", "boolean", "true for a sole trader: a natural person"),
            _category("industry_primary", "industry, first level"),
            _category("industry_secondary", "industry, second level"),
            _category("region", "region of the seat"),
            _category("city", "city of the seat"),
            FeedColumn("founded_on", "date", "day of foundation"),
            FeedColumn("employees", "integer", "number of employees"),
            FeedColumn("registered_capital", "decimal(18,2)", "money; registered capital"),
            FeedColumn("state_holding", "boolean", "the state holds a share"),
            FeedColumn("absolute_holding", "boolean", "one owner holds the absolute majority"),
            FeedColumn("urban", "boolean", "seat in a town (true) or rural (false)"),
            FeedColumn("identity_verified", "boolean", "identity of the representative was verified"),
            FeedColumn("bank_account_verified", "boolean", "bank account was verified"),
            FeedColumn(
                "representative_gender", "varchar", "gender of the legal representative", sensitive=True
            ),
            _pii("legal_name", "registered name"),
            _pii("tax_number", "tax number"),
            _pii("phone", "telephone number"),
            _pii("address", "postal address"),
        ),
        ("enterprise_id", "valid_from"),
        "valid_from",
    ),
    Feed(
        "loan_ledger",
        "the annual loan ledger",
        (
            _key("loan_id", "varchar", "the lender's number of the loan"),
            _enterprise("borrower"),
            _key("ledger_date", "date", "day of the ledger"),
            _KNOWN_AT,
            FeedColumn("opened_on", "date", "day on which the loan was opened"),
            FeedColumn("borrowing", "decimal(18,2)", "money; amount borrowed and outstanding"),
            FeedColumn("annual_rate", "double", "share a year; interest rate"),
            FeedColumn("mortgage", "boolean", "secured by a mortgage"),
            FeedColumn("acceptance_bill", "boolean", "paid by acceptance bill"),
            _category("invest_category", "category of the investment"),
            FeedColumn(
                "autonomous_payment",
                "boolean",
                "the borrower pays out by itself (true) or the lender on its behalf (false)",
            ),
            FeedColumn("business_purpose", "boolean", "true for business use, false for fixed assets"),
            FeedColumn("total_assets", "decimal(18,2)", "money; total assets of the borrower"),
            FeedColumn("operating_income", "decimal(18,2)", "money a year; operating income of the borrower"),
            FeedColumn("days_past_due", "integer", "days; oldest arrears on the day of the ledger"),
            FeedColumn(
                "matures_on",
                "date",
                "day by which the loan is repaid; a row of that day or later without borrowing tells that it was",
                optional=True,
            ),
            FeedColumn(
                "credit_limit", "decimal(18,2)", "money; up to which the borrower may draw", optional=True
            ),
            FeedColumn(
                "loss_given_default",
                "double",
                "share of the exposure that is lost in a default",
                optional=True,
                share=True,
            ),
            FeedColumn(
                "originated_impaired",
                "boolean",
                "credit-impaired already when it was bought or originated",
                optional=True,
            ),
        ),
        ("loan_id", "ledger_date"),
        "ledger_date",
    ),
    Feed(
        "transactions",
        "a payment or invoice",
        (
            _key("transaction_id", "varchar", "the lender's number of the transaction"),
            _enterprise("enterprise whose flow it is"),
            _key("occurred_at", "timestamp", "time of the transaction"),
            _KNOWN_AT,
            _key(
                "amount",
                "decimal(18,2)",
                "money; in above 0, out below 0; a refund has the sign opposite to what it refunds",
            ),
            FeedColumn("counterparty_id", "varchar", "code of the other side"),
            FeedColumn(
                "kind", "varchar", required=True, choices=("sale", "purchase", "supplier_payment", "refund")
            ),
            FeedColumn("due_at", "timestamp", "time by which it was due"),
            FeedColumn("paid_at", "timestamp", "time at which it was paid"),
            FeedColumn("voided", "boolean", "cancelled: it counts for nothing but the voided share"),
        ),
        ("transaction_id",),
        "occurred_at",
    ),
    Feed(
        "operational_events",
        "a line of the operational log",
        (
            _key("event_id", "varchar", "number of the event"),
            _enterprise("enterprise that acted"),
            _key("occurred_at", "timestamp", "time of the event"),
            _KNOWN_AT,
            FeedColumn(
                "event_type",
                "varchar",
                required=True,
                choices=_EVENTS,
            ),
            FeedColumn("payload", "json", "what belongs to the type of event; empty for login and export"),
        ),
        ("event_id",),
        "occurred_at",
    ),
    Feed(
        "legal_cases",
        "a court case and the side taken",
        (
            _key("case_id", "varchar", "number of the case"),
            _enterprise("enterprise in the case"),
            _key("filed_on", "date", "day of filing"),
            _KNOWN_AT,
            FeedColumn("role", "varchar", required=True, choices=("plaintiff", "defendant")),
        ),
        ("case_id", "enterprise_id"),
        "filed_on",
    ),
    Feed(
        "credit_opinions",
        "what the account manager thinks",
        (
            _enterprise("enterprise judged"),
            _key("opinion_date", "date", "day of the opinion"),
            _KNOWN_AT,
            FeedColumn("rating", "varchar", choices=("AAA", "AA", "A", "BBB", "BB", "B", "C", "D")),
            FeedColumn(
                "evaluation",
                "varchar",
                choices=("excellent", "good", "general", "poor", "deterioration", "shutdown"),
            ),
            FeedColumn(
                "leaks_outcome", "boolean", "written with knowledge of the outcome: no model may take it"
            ),
        ),
        ("enterprise_id", "opinion_date"),
        "opinion_date",
    ),
    Feed(
        "outcomes",
        "labels come from here",
        (
            _enterprise("enterprise"),
            FeedColumn("loan_id", "varchar", "loan, null for an outcome of the enterprise"),
            _key("outcome_date", "date", "day of the outcome"),
            _KNOWN_AT,
            FeedColumn("days_past_due", "integer", "days; arrears on that day"),
            FeedColumn("charge_off", "boolean", "the loan was written off"),
            FeedColumn("insolvency", "boolean", "insolvency was opened"),
        ),
        ("enterprise_id", "loan_id", "outcome_date"),
        "outcome_date",
    ),
    Feed(
        "overrides",
        "grades that people set",
        (
            _enterprise("enterprise"),
            _key("decided_at", "timestamp", "when it was decided"),
            _KNOWN_AT,
            _key("old_grade", "varchar", "grade of the model that was set aside"),
            _key("new_grade", "varchar", "grade that was set"),
            _key("decided_by", "varchar", "code of the account manager, no name"),
            FeedColumn(
                "reason", "varchar", "why, in the words of who decided", required=True, free_text=True
            ),
            FeedColumn("valid_until", "date", "last day that it holds; null until another is decided"),
        ),
        ("enterprise_id", "decided_at"),
        "decided_at",
    ),
    Feed(
        "scenarios",
        "how good or bad the times become in a month, if a scenario comes true",
        (
            _key(
                "decided_on",
                "date",
                "day on which the lender decided the scenarios; those of one day are a set",
            ),
            _category("scenario", "name of the scenario", required=True),
            _key("month", "date", "first day of the month"),
            _KNOWN_AT,
            _key(
                "systematic_factor",
                "double",
                "standard normal; below 0 is bad times, -2.33 the worst of 100 years",
            ),
            _key("weight", "double", "share; weight of the scenario, the same in all its rows"),
        ),
        ("decided_on", "scenario", "month"),
        "decided_on",
    ),
)

FEEDS: dict[str, Feed] = {feed.name: feed for feed in _FEEDS}
"""The nine feeds by name; `enterprises` first, since every feed of borrowers points to it."""
