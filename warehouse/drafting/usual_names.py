"""List the names that banks, ledgers and spreadsheets usually give to what our columns hold, in German and English.

Names are compared without case, blanks, signs and what stands in parentheses, so each is listed once.
"""

from __future__ import annotations

import re

from warehouse.intake.feed import Feed

_DATES = (
    "Date",
    "Datum",
    "Transaction date",
    "Booking date",
    "Posting date",
    "Posted",
    "Created at",
    "Timestamp",
)

NAMES: dict[str, tuple[str, ...]] = {
    "enterprise_id": (
        *(
            "Customer ID",
            "Customer",
            "Customer number",
            "Client ID",
            "Borrower",
            "Borrower ID",
            "Debtor",
            "Account ID",
        ),
        *("Company ID", "Kundennummer", "Kunden-Nr", "Kunde", "Debitor", "Debitorennummer", "Kreditnehmer"),
    ),
    "known_at": ("Known at", "Recorded at", "Loaded at", "Extracted at", "Erfasst am", "Stand"),
    "valid_from": (
        "Valid from",
        "As of",
        "Approval date",
        "Customer since",
        "Gültig ab",
        "Stichtag",
        "Kunde seit",
    ),
    "legal_form": ("Legal form", "Business type", "Rechtsform"),
    "natural_person": ("Natural person", "Sole trader", "Einzelunternehmen", "Natürliche Person"),
    "industry_primary": (
        "Industry",
        "Sector",
        "NAICS",
        "NACE",
        "SIC",
        "Branche",
        "WZ-Code",
        "Wirtschaftszweig",
    ),
    "industry_secondary": ("Sub-industry", "Subsector", "Unterbranche"),
    "region": ("Region", "State", "Province", "Bundesland"),
    "city": ("City", "Town", "Ort", "Stadt", "Sitz"),
    "founded_on": ("Founded", "Founded on", "Founding date", "Gründungsdatum", "Gegründet am"),
    "employees": ("Employees", "Number of employees", "No Emp", "Headcount", "Mitarbeiter", "Beschäftigte"),
    "registered_capital": ("Registered capital", "Share capital", "Stammkapital", "Grundkapital"),
    "urban": ("Urban", "Urban Rural"),
    "legal_name": ("Name", "Company name", "Firma", "Firmenname"),
    "tax_number": ("Tax number", "VAT ID", "Steuernummer", "USt-IdNr"),
    "phone": ("Phone", "Telephone", "Telefon"),
    "address": ("Address", "Street", "Adresse", "Anschrift"),
    "loan_id": (
        *("Loan ID", "Loan number", "LoanNr", "LoanNr_ChkDgt", "Contract number", "Account number"),
        *("Darlehensnummer", "Kreditnummer", "Vertragsnummer"),
    ),
    "ledger_date": (
        "Reporting date",
        "Statement date",
        "As of date",
        "Disbursement date",
        "Stichtag",
        "Berichtsdatum",
    ),
    "opened_on": (
        "Opened",
        "Start date",
        "Origination date",
        "Disbursement date",
        "Auszahlungsdatum",
        "Beginn",
    ),
    "borrowing": (
        *("Outstanding", "Balance", "Principal", "Loan amount", "Disbursement gross", "Funded amount"),
        *("Restschuld", "Saldo", "Darlehensbetrag", "Kreditbetrag"),
    ),
    "annual_rate": ("Interest rate", "Rate", "Int rate", "APR", "Zinssatz", "Sollzins"),
    "mortgage": ("Mortgage", "Real estate", "Secured", "Grundschuld", "Hypothek"),
    "total_assets": ("Total assets", "Bilanzsumme"),
    "operating_income": ("Operating income", "Revenue", "Turnover", "Umsatzerlöse", "Betriebsergebnis"),
    "days_past_due": (
        "Days past due",
        "DPD",
        "Days overdue",
        "Days late",
        "Arrears days",
        "Tage überfällig",
        "Verzugstage",
    ),
    "transaction_id": (
        *(
            "Transaction ID",
            "Transaction number",
            "Reference",
            "Payment ID",
            "Entry number",
            "Invoice number",
            "Invoice no",
            "Invoice ID",
            "Transaction no",
            "Reference number",
            "Document number",
        ),
        *(
            "Kundenreferenz",
            "Transaktionsnummer",
            "Referenz",
            "Buchungsnummer",
            "Belegnummer",
            "Rechnungsnummer",
        ),
    ),
    "occurred_at": (
        *_DATES,
        *(
            "Invoice date",
            "Value date",
            "Buchung",
            "Buchungstag",
            "Buchungsdatum",
            "Belegdatum",
            "Rechnungsdatum",
        ),
        *("Valuta", "Valutadatum", "Wertstellung", "Event time"),
    ),
    "amount": (
        *("Amount", "Invoice amount", "Transaction amount", "Net amount", "Value", "Total amount"),
        *("Betrag", "Umsatz", "Buchungsbetrag", "Rechnungsbetrag", "Summe"),
    ),
    "counterparty_id": (
        *("Counterparty", "Counterparty ID", "Counterparty account", "Payee account", "Supplier ID", "IBAN"),
        *("Kontonummer/IBAN", "Gegenkonto", "Kontonummer", "Lieferantennummer"),
    ),
    "kind": ("Kind", "Type", "Transaction type", "Category", "Art", "Umsatztyp"),
    "due_at": ("Due", "Due date", "Fällig am", "Fälligkeit", "Fälligkeitsdatum"),
    "paid_at": (
        "Paid",
        "Paid on",
        "Payment date",
        "Settled date",
        "Bezahlt am",
        "Zahlungsdatum",
        "Zahldatum",
    ),
    "voided": ("Voided", "Cancelled", "Canceled", "Storniert", "Storno"),
    "event_id": ("Event ID", "ID", "Ereignisnummer"),
    "event_type": ("Event", "Event type", "Type", "Action", "Ereignis", "Aktion"),
    "payload": ("Payload", "Data", "Details"),
    "case_id": ("Case", "Case number", "Docket", "Aktenzeichen"),
    "filed_on": ("Filed", "Filed on", "Filing date", "Eingangsdatum", "Eingereicht am"),
    "role": ("Role", "Party", "Side", "Rolle", "Partei"),
    "opinion_date": (*_DATES, "Review date", "Bewertungsdatum"),
    "rating": ("Rating", "Credit rating", "Bonität"),
    "evaluation": ("Evaluation", "Assessment", "Einschätzung", "Bewertung"),
    "outcome_date": (*_DATES, "Charge off date", "ChgOffDate", "Default date", "Ausfalldatum", "Stichtag"),
    "charge_off": ("Charged off", "Charge-off", "MIS_Status", "Loan status", "Written off", "Abgeschrieben"),
    "insolvency": ("Insolvent", "Bankruptcy", "Insolvenz"),
    "decided_at": (*_DATES, "Decision date", "Entschieden am"),
    "old_grade": ("Model grade", "Old", "Alte Note"),
    "new_grade": ("Grade", "Override", "New", "Neue Note"),
    "decided_by": ("Decided by", "Officer", "User", "Entschieden von"),
    "reason": ("Reason", "Comment", "Grund", "Begründung"),
    "valid_until": ("Valid until", "Expires", "Expiry", "Gültig bis"),
}
MONEY_IN = (
    "Credit",
    "Credit amount",
    "Deposits",
    "Money in",
    "Paid in",
    "Haben",
    "Eingang",
    "Gutschrift",
    "Einnahme",
)
MONEY_OUT = (
    "Debit",
    "Debit amount",
    "Withdrawals",
    "Money out",
    "Paid out",
    "Soll",
    "Ausgang",
    "Lastschrift",
    "Ausgabe",
)
SIGN_MARKS = {
    "plus": ("c", "cr", "credit", "h", "haben", "eingang", "in", "+", "gutschrift"),
    "minus": ("d", "dr", "debit", "s", "soll", "ausgang", "out", "-", "lastschrift"),
}
TOTALS = (
    "total",
    "totals",
    "grand total",
    "subtotal",
    "sum",
    "summe",
    "gesamt",
    "gesamtsumme",
    "endsaldo",
    "zwischensumme",
)
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def bare(name: str) -> str:
    """Return the letters and digits of a name, small, without what stands in parentheses: Betrag (EUR) is betrag."""
    without = re.sub(r"\([^)]*\)|\[[^\]]*\]", "", name).lower().translate(_LETTERS)
    return re.sub(r"[^a-z0-9]", "", without)


def names_of(feed: Feed) -> dict[str, list[str]]:
    """Return for each column of the feed its own and its usual names, bare, the likeliest first."""
    return {
        column.name: [bare(name) for name in (column.name, *NAMES.get(column.name, ()))]
        for column in feed.columns
    }
