"""List the columns of each feed file that the sources write, in the order in which they are written."""

from __future__ import annotations

FEED_COLUMNS: dict[str, tuple[str, ...]] = {
    "enterprises": (
        "enterprise_id", "valid_from", "known_at", "legal_form", "natural_person", "industry_primary",
        "industry_secondary", "region", "city", "founded_on", "employees", "registered_capital",
        "state_holding", "absolute_holding", "urban", "identity_verified", "bank_account_verified",
        "representative_gender", "legal_name", "tax_number", "phone", "address",
    ),
    "loan_ledger": (
        "loan_id", "enterprise_id", "ledger_date", "known_at", "opened_on", "borrowing", "annual_rate",
        "mortgage", "acceptance_bill", "invest_category", "autonomous_payment", "business_purpose",
        "total_assets", "operating_income", "days_past_due", "matures_on", "credit_limit",
    ),
    "transactions": (
        "transaction_id", "enterprise_id", "occurred_at", "known_at", "amount", "counterparty_id", "kind",
        "due_at", "paid_at", "voided",
    ),
    "operational_events": (
        "event_id", "enterprise_id", "occurred_at", "known_at", "event_type", "payload",
    ),
    "legal_cases": ("case_id", "enterprise_id", "filed_on", "known_at", "role"),
    "credit_opinions": (
        "enterprise_id", "opinion_date", "known_at", "rating", "evaluation", "leaks_outcome",
    ),
    "outcomes": (
        "enterprise_id", "loan_id", "outcome_date", "known_at", "days_past_due", "charge_off", "insolvency",
    ),
}  # fmt: skip
