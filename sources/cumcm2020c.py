"""Convert the invoices of 425 Chinese SMEs (CUMCM 2020, problem C) into feed files.

Nothing is invented: the data set has no profile beyond the masked name, no ledger, no events and no cases, so
those feeds are not written at all, which is not the same as empty files.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import cast

import polars as pl

from sources.delivery import DeliveredFile, DeliverySummary
from sources.feed_columns import FEED_COLUMNS
from sources.feed_files import FeedFile

__all__ = ["INVOICE_FILES", "convert", "last_invoice_date"]

FOLDER = "cumcm2020c"
INVOICE_FILES = (
    "credit_purchase_invoices",
    "credit_sales_invoices",
    "no_credit_purchase_invoices",
    "no_credit_sales_invoices",
)
_CONTENT = ("enterprise_id", "invoice_no", "date", "counterparty", "amount", "tax", "total", "valid")


def convert(data_dir: Path | None, landing: Path) -> DeliverySummary:
    """Write the data set as feed files: four of transactions, one each of enterprises, opinions and outcomes.

    An invoice is known on its date. The default flag has no date; it is taken as known on the firm's last invoice
    date. So is the bank's rating, which was given with knowledge of the outcome and is marked as leaking. Converting
    again writes the same bytes.

    Args:
        data_dir: folder of public data sets that holds `cumcm2020c/` (NIGHTLEDGER_DATA_DIR).
        landing: folder that receives `<feed>/...`.

    Raises:
        ValueError: the folder or one of its files is missing, or `landing` holds a simulated portfolio.
    """
    paths = {name: _file(data_dir, name) for name in (*INVOICE_FILES, "enterprises")}
    if (landing / "_world.json").exists():
        msg = f"{landing} holds a simulated portfolio: choose an empty folder"
        raise ValueError(msg)
    workshop = landing / ".partial"
    for draft in workshop.glob("*"):
        draft.unlink()
    files: list[DeliveredFile] = []
    spans = []
    for name in INVOICE_FILES:
        invoices = pl.read_parquet(paths[name])
        spans.append(invoices.group_by("enterprise_id").agg(first=pl.min("date"), last=pl.max("date")))
        files += _save(invoices_to_transactions(invoices), "transactions", name, landing, workshop)
    span = pl.concat(spans).group_by("enterprise_id").agg(pl.min("first"), pl.max("last"))
    firms = pl.read_parquet(paths["enterprises"]).join(span, on="enterprise_id", how="left", validate="1:1")
    firms = firms.sort(pl.col("enterprise_id").str.slice(1).cast(pl.Int32))
    for feed, rows in (
        ("enterprises", _enterprises(firms)),
        ("credit_opinions", _opinions(firms)),
        ("outcomes", _outcomes(firms)),
    ):
        files += _save(rows, feed, FOLDER, landing, workshop)
    workshop.rmdir()
    return DeliverySummary(landing, last_invoice_date(data_dir), tuple(files))


def last_invoice_date(data_dir: Path | None) -> date:
    """Return the last day of the data, for which this portfolio is scored unless another day is asked for.

    Raises:
        ValueError: the folder or one of its files is missing.
    """
    latest = [pl.read_parquet(_file(data_dir, name), columns=["date"]).max().item() for name in INVOICE_FILES]
    return cast("date", max(latest))


def invoices_to_transactions(invoices: pl.DataFrame) -> pl.DataFrame:
    """Return each row of a sheet as one transaction of the feed, in the order of the sheet.

    Money in is positive: a sale is above zero, a purchase below, and a negative total (a return) is a refund
    with the opposite sign of what it refunds. Rows with the same content get the same transaction_id, so exact
    duplicates of the sheet stay exact duplicates. Rows of one firm and invoice number with different content
    (numbers repeat across counterparties and years; five invoices are listed both as valid and as voided) get
    different ids, numbered in the order of the sheet.
    """
    sale = pl.col("direction") == "sales"
    nth = pl.col("first_row").rank("dense").over("enterprise_id", "invoice_no", "direction")
    numbered = (
        invoices.with_columns(first_row=pl.col("row").min().over(_CONTENT)).with_columns(nth=nth).sort("row")
    )
    refund = pl.col("total") < 0
    signed = pl.when(sale).then(pl.col("total")).otherwise(-pl.col("total"))
    first_id = pl.concat_str(
        "enterprise_id", pl.lit("-"), pl.col("direction").str.slice(0, 1), pl.lit("-"), "invoice_no"
    )
    return numbered.select(
        transaction_id=pl.when(pl.col("nth") == 1)
        .then(first_id)
        .otherwise(pl.concat_str(first_id, pl.lit("-"), "nth")),
        enterprise_id="enterprise_id",
        occurred_at=pl.col("date").cast(pl.Datetime("us")),
        known_at=pl.col("date").cast(pl.Datetime("us")),
        amount=signed.round(2).cast(pl.Decimal(18, 2)),
        counterparty_id="counterparty",
        kind=pl.when(refund)
        .then(pl.lit("refund"))
        .when(sale)
        .then(pl.lit("sale"))
        .otherwise(pl.lit("purchase")),
        due_at=pl.lit(None, dtype=pl.Datetime("us")),
        paid_at=pl.lit(None, dtype=pl.Datetime("us")),
        voided=~pl.col("valid"),
    )


def _enterprises(firms: pl.DataFrame) -> pl.DataFrame:
    unknown = set(FEED_COLUMNS["enterprises"]) - {"enterprise_id", "valid_from", "known_at", "legal_name"}
    return firms.select(
        "enterprise_id",
        *[pl.lit(None, dtype=pl.String).alias(name) for name in sorted(unknown)],
        valid_from="first",
        known_at=pl.col("first").cast(pl.Datetime("us")),
        legal_name="name_masked",
    )


def _opinions(firms: pl.DataFrame) -> pl.DataFrame:
    return firms.filter(pl.col("credit_rating").is_not_null()).select(
        "enterprise_id",
        opinion_date="last",
        known_at=pl.col("last").cast(pl.Datetime("us")),
        rating="credit_rating",
        evaluation=pl.lit(None, dtype=pl.String),
        leaks_outcome=pl.lit(True),
    )


def _outcomes(firms: pl.DataFrame) -> pl.DataFrame:
    return firms.filter(pl.col("default").is_not_null()).select(
        "enterprise_id",
        loan_id=pl.lit(None, dtype=pl.String),
        outcome_date="last",
        known_at=pl.col("last").cast(pl.Datetime("us")),
        days_past_due=pl.lit(None, dtype=pl.Int64),
        charge_off="default",
        insolvency=pl.lit(None, dtype=pl.Boolean),
    )


def _file(data_dir: Path | None, name: str) -> Path:
    if data_dir is None:
        msg = f"NIGHTLEDGER_DATA_DIR is not set: it must name the folder that holds {FOLDER}/{name}.parquet"
        raise ValueError(msg)
    path = data_dir / FOLDER / f"{name}.parquet"
    if not path.is_file():
        msg = (
            f"{path} is missing: NIGHTLEDGER_DATA_DIR must name the folder that holds {FOLDER}/{name}.parquet"
        )
        raise ValueError(msg)
    return path


def _save(rows: pl.DataFrame, feed: str, stem: str, landing: Path, workshop: Path) -> list[DeliveredFile]:
    suffix = ".parquet" if feed == "transactions" else ".csv"
    file = FeedFile(feed, landing=landing, workshop=workshop, stem=stem, suffix=suffix)
    file.write(rows)
    return [DeliveredFile(feed, file.path, file.rows)] if file.publish() else []
