"""Declare what a lender may deliver: eight feeds with their columns, natural keys and business times.

Tests compare intake, its rules, the DDL of `raw`, the staging views and the documentation with this declaration,
so a column is added here first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["varchar", "date", "timestamp", "decimal(18,2)", "double", "integer", "boolean", "json"]


@dataclass(frozen=True)
class FeedColumn:
    """One delivered column: its type, whether a row may lack it, and whether it may leave `raw`.

    Attributes:
        name: Column name in the file and in `raw`.
        type: DuckDB type that every format is cast to.
        text: What it means, with its unit.
        required: A row without a value is quarantined.
        pii: Names a person or a way to reach one; never leaves `raw`.
        sensitive: May be used for fairness checks only.
        choices: The closed list of values, if there is one.
    """

    name: str
    type: ColumnType
    text: str
    required: bool = False
    pii: bool = False
    sensitive: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Feed:
    """One feed: a folder of the landing zone and a table of `raw`.

    Attributes:
        name: Folder and table name.
        grain: What one row stands for.
        columns: The delivered columns, `known_at` among them.
        key: The lender's natural key; with `known_at` it names one version of a fact.
        business_time: Column that says when the fact happened; replaces `known_at` where that is not delivered.
    """

    name: str
    grain: str
    columns: tuple[FeedColumn, ...]
    key: tuple[str, ...]
    business_time: str

    def column(self, name: str) -> FeedColumn:
        """Return the declared column of that name; KeyError if there is none."""
        return {column.name: column for column in self.columns}[name]

    @property
    def must_deliver(self) -> tuple[str, ...]:
        """Columns that a file has to have: all but `known_at` and the personal and sensitive ones."""
        return tuple(
            column.name
            for column in self.columns
            if not (column.pii or column.sensitive or column.name == "known_at")
        )

    @property
    def pii(self) -> tuple[str, ...]:
        """Columns that never leave `raw`."""
        return tuple(column.name for column in self.columns if column.pii)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Columns whose values are masked wherever a row is shown: the personal and the sensitive ones."""
        return tuple(column.name for column in self.columns if column.pii or column.sensitive)


def _key(name: str, type_: ColumnType, text: str) -> FeedColumn:
    return FeedColumn(name, type_, text, required=True)


_ENTERPRISE = _key("enterprise_id", "varchar", "the borrower, as the lender numbers it")
_KNOWN_AT = FeedColumn(
    "known_at", "timestamp", "when the lender knew it; the business time where not delivered"
)


def _pii(name: str, text: str) -> FeedColumn:
    return FeedColumn(name, "varchar", text, pii=True)


_FEEDS = (
    Feed(
        "enterprises",
        "enterprise and the date from which this description holds",
        (
            _ENTERPRISE,
            _key("valid_from", "date", "date from which the description holds"),
            _KNOWN_AT,
            FeedColumn("legal_form", "varchar", "legal form"),
            FeedColumn(
                "natural_person", "boolean", "true for a sole trader, whom rules on natural persons protect"
            ),
            FeedColumn("industry_primary", "varchar", "industry, upper level"),
            FeedColumn("industry_secondary", "varchar", "industry, lower level"),
            FeedColumn("region", "varchar", "region"),
            FeedColumn("city", "varchar", "city"),
            FeedColumn("founded_on", "date", "date of foundation"),
            FeedColumn("employees", "integer", "number of employees"),
            FeedColumn("registered_capital", "decimal(18,2)", "registered capital, currency units"),
            FeedColumn("state_holding", "boolean", "the state holds a share"),
            FeedColumn("absolute_holding", "boolean", "one owner holds the majority"),
            FeedColumn("urban", "boolean", "seat in a town"),
            FeedColumn("identity_verified", "boolean", "the owner's identity was verified"),
            FeedColumn("bank_account_verified", "boolean", "the bank account was verified"),
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
        "loan and ledger date",
        (
            _key("loan_id", "varchar", "the loan"),
            _ENTERPRISE,
            _key("ledger_date", "date", "date of the ledger"),
            _KNOWN_AT,
            FeedColumn("opened_on", "date", "date on which the loan was opened"),
            FeedColumn("borrowing", "decimal(18,2)", "outstanding borrowing, currency units"),
            FeedColumn("annual_rate", "double", "interest a year, as a fraction"),
            FeedColumn("mortgage", "boolean", "secured by a mortgage"),
            FeedColumn("acceptance_bill", "boolean", "granted as an acceptance bill"),
            FeedColumn("invest_category", "varchar", "what the money is invested in"),
            FeedColumn(
                "autonomous_payment", "boolean", "the borrower pays suppliers himself, not the lender for him"
            ),
            FeedColumn("business_purpose", "boolean", "true for business use, false for fixed assets"),
            FeedColumn("total_assets", "decimal(18,2)", "total assets of the borrower, currency units"),
            FeedColumn(
                "operating_income", "decimal(18,2)", "operating income of the borrower, currency units"
            ),
            FeedColumn("days_past_due", "integer", "days past due on the ledger date"),
        ),
        ("loan_id", "ledger_date"),
        "ledger_date",
    ),
    Feed(
        "transactions",
        "transaction",
        (
            _key("transaction_id", "varchar", "the transaction"),
            _ENTERPRISE,
            _key("occurred_at", "timestamp", "when it happened"),
            _KNOWN_AT,
            _key("amount", "decimal(18,2)", "currency units; money in is positive, money out negative"),
            FeedColumn("counterparty_id", "varchar", "the other side"),
            FeedColumn(
                "kind",
                "varchar",
                "what it was; a refund has the sign opposite to what it refunds",
                required=True,
                choices=("sale", "purchase", "supplier_payment", "refund"),
            ),
            FeedColumn("due_at", "timestamp", "when it was to be paid"),
            FeedColumn("paid_at", "timestamp", "when it was paid"),
            FeedColumn("voided", "boolean", "the document was voided"),
        ),
        ("transaction_id",),
        "occurred_at",
    ),
    Feed(
        "operational_events",
        "event",
        (
            _key("event_id", "varchar", "the event"),
            _ENTERPRISE,
            _key("occurred_at", "timestamp", "when it happened"),
            _KNOWN_AT,
            FeedColumn(
                "event_type",
                "varchar",
                "what happened",
                required=True,
                choices=(
                    "login",
                    "export",
                    "purchase_order",
                    "goods_received",
                    "stock_count",
                    "supplier_payment",
                ),
            ),
            FeedColumn(
                "payload", "json", "details by event type, a JSON object; empty or null for login and export"
            ),
        ),
        ("event_id",),
        "occurred_at",
    ),
    Feed(
        "legal_cases",
        "court case and enterprise",
        (
            _key("case_id", "varchar", "the case"),
            _ENTERPRISE,
            _key("filed_on", "date", "date of filing"),
            _KNOWN_AT,
            FeedColumn(
                "role", "varchar", "side of the enterprise", required=True, choices=("plaintiff", "defendant")
            ),
        ),
        ("case_id", "enterprise_id"),
        "filed_on",
    ),
    Feed(
        "credit_opinions",
        "enterprise and date of the opinion",
        (
            _ENTERPRISE,
            _key("opinion_date", "date", "date of the opinion"),
            _KNOWN_AT,
            FeedColumn("rating", "varchar", "rating", choices=("AAA", "AA", "A", "BBB", "BB", "B", "C", "D")),
            FeedColumn(
                "evaluation",
                "varchar",
                "the account manager's evaluation",
                choices=("excellent", "good", "general", "poor", "deterioration", "shutdown"),
            ),
            FeedColumn(
                "leaks_outcome",
                "boolean",
                "written with knowledge of the outcome, so that no model may take it",
            ),
        ),
        ("enterprise_id", "opinion_date"),
        "opinion_date",
    ),
    Feed(
        "outcomes",
        "enterprise, loan (or none) and date of the observation",
        (
            _ENTERPRISE,
            FeedColumn(
                "loan_id", "varchar", "the loan; empty where the outcome concerns the whole enterprise"
            ),
            _key("outcome_date", "date", "date of the observation"),
            _KNOWN_AT,
            FeedColumn("days_past_due", "integer", "days past due on that date"),
            FeedColumn("charge_off", "boolean", "the loan was charged off"),
            FeedColumn("insolvency", "boolean", "insolvency was opened"),
        ),
        ("enterprise_id", "loan_id", "outcome_date"),
        "outcome_date",
    ),
    Feed(
        "overrides",
        "enterprise and time of the decision",
        (
            _ENTERPRISE,
            _key("decided_at", "timestamp", "when it was decided"),
            _KNOWN_AT,
            _key("old_grade", "varchar", "grade of the model that was set aside"),
            _key("new_grade", "varchar", "grade that was set"),
            _key("decided_by", "varchar", "code of the account manager, no name"),
            _key("reason", "varchar", "why, in the words of who decided"),
            FeedColumn("valid_until", "date", "last day that it holds; empty until another is decided"),
        ),
        ("enterprise_id", "decided_at"),
        "decided_at",
    ),
)

FEEDS: dict[str, Feed] = {feed.name: feed for feed in _FEEDS}
"""The eight feeds by name; `enterprises` first, since every other feed points to it."""
