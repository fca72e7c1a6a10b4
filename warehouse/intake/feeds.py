"""Declare what a lender may deliver: eight feeds with their columns, natural keys and business times.

The tables of `raw` are made from this declaration, intake and its rules follow it, and tests hold the staging views
against it: a column is added here first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from warehouse.tables import TableColumn

ColumnType = Literal[
    "varchar", "date", "timestamp", "decimal(18,2)", "double", "integer", "boolean", "json", "bigint"
]


@dataclass(frozen=True)
class FeedColumn:
    """One delivered column: its type, whether a row may lack it, and whether it may leave `raw`.

    Attributes:
        name: Column name in the file and in `raw`.
        type: DuckDB type that every format is cast to.
        text: What it means, with its unit; empty where the choices say it.
        required: A row without a value is quarantined.
        pii: Names a person or a way to reach one; never leaves `raw`.
        sensitive: May be used for fairness checks only.
        free_text: Words that somebody wrote, which may name anyone; never leaves `raw`.
        category: One of few words that many rows share; it is published as it is.
        choices: The closed list of values, if there is one.
    """

    name: str
    type: ColumnType
    text: str = ""
    required: bool = False
    pii: bool = False
    sensitive: bool = False
    free_text: bool = False
    category: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Feed:
    """One feed: a folder of the landing zone and a table of `raw`.

    Attributes:
        name: Folder and table name.
        holds: What its rows tell.
        columns: The delivered columns, `known_at` among them.
        key: The lender's natural key; with `known_at` it names one version of a fact.
        business_time: Column that says when the fact happened; replaces `known_at` where that is not delivered.
    """

    name: str
    holds: str
    columns: tuple[FeedColumn, ...]
    key: tuple[str, ...]
    business_time: str

    def column(self, name: str) -> FeedColumn:
        """Return the declared column of that name; KeyError if there is none."""
        return {column.name: column for column in self.columns}[name]

    @property
    def about(self) -> str:
        """Comment of its table."""
        names = ("portfolio", *(name.removesuffix("_id") for name in self.key))
        return f"one row per {', '.join(names)} and version: {self.holds}"

    @property
    def table_columns(self) -> dict[str, TableColumn]:
        """Columns of its table: those delivered, `known_at` after the others, then those that intake fills."""
        delivered = [column for column in self.columns if column.name != "known_at"]
        columns = (*delivered, replace(self.column("known_at"), required=True), *_FILLED)
        return {
            column.name: TableColumn(column.type, self._comment(column), column.required)
            for column in columns
        }

    @property
    def must_deliver(self) -> tuple[str, ...]:
        """Columns that a file has to have: all but `known_at` and the personal and sensitive ones."""
        return tuple(c.name for c in self.columns if not (c.pii or c.sensitive or c.name == "known_at"))

    @property
    def pii(self) -> tuple[str, ...]:
        """Columns that never leave `raw`."""
        return tuple(column.name for column in self.columns if column.pii)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Columns masked wherever a row is shown: personal, sensitive, free text, and JSON, which may hold anything."""
        return tuple(c.name for c in self.columns if c.pii or c.sensitive or c.free_text or c.type == "json")

    def _comment(self, column: FeedColumn) -> str:
        text = column.text or f"{', '.join(column.choices[:-1])} or {column.choices[-1]}"
        if column.name == self.business_time:
            text = f"{text} (business time)"
        if column.pii:
            text = f"(personal) stops at raw; {text}"
        if column.free_text:
            text = f"(free text) stops at raw; {text}"
        if column.sensitive:
            text = f"(sensitive) {text}; for fairness checks only"
        return f"key; {text}" if column.name in self.key else text


def _key(name: str, type_: ColumnType, text: str) -> FeedColumn:
    return FeedColumn(name, type_, text, required=True)


def _enterprise(text: str) -> FeedColumn:
    return _key("enterprise_id", "varchar", text)


def _category(name: str, text: str) -> FeedColumn:
    return FeedColumn(name, "varchar", text, category=True)


def _pii(name: str, text: str) -> FeedColumn:
    return FeedColumn(name, "varchar", text, pii=True)


_KNOWN_AT = FeedColumn(
    "known_at", "timestamp", "when the lender knew the row; the business time where the file does not say"
)
_FILLED = (
    FeedColumn(
        "known_to",
        "timestamp",
        "known_at of the next version of the same key; null for the version that stands",
    ),
    _key("portfolio", "varchar", "key; portfolio that the row was delivered for"),
    FeedColumn("file_hash", "varchar", "SHA-256 of the file; of that and its mapping, if it has one"),
    FeedColumn("file_row", "bigint", "number of the data row in the file, from 1"),
    FeedColumn("run_id", "varchar", "run that loaded the row"),
    FeedColumn("loaded_at", "timestamp", "local time of loading"),
    FeedColumn("key_hash", "bigint", "hash of the key by this version of DuckDB, to find rows of one key"),
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
)

FEEDS: dict[str, Feed] = {feed.name: feed for feed in _FEEDS}
"""The eight feeds by name; `enterprises` first, since every other feed points to it."""
