"""Convert loans of the US Small Business Administration into feed files, each row in the quarter in which it was known.

A loan is told twice: on the day of its disbursement, and on the day of its charge-off if it has one. The term is left
out, and so is what the case file derives from it: the term of a failed loan seems to be cut at its end. Of the feeds,
only enterprises, loan ledger and outcomes can be had from this data.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from sources.delivery import DeliveredFile, DeliverySummary
from sources.feed_columns import FEED_COLUMNS
from sources.feed_files import FeedFile

__all__ = ["Book", "convert", "read_book"]

FOLDER = "sba"
BLOCK, DRAW = "SBAnational_first22427", "sba_balanced30000"
FIRST, LAST = date(2003, 1, 1), date(2008, 12, 31)
"""The days of disbursement between which a loan is in the book."""

# loans of the whole file of 899,164, by status (1,997 have none); the draw holds 15,000 of each
PAID, CHARGED_OFF = 739_609, 157_558
_BLOCK_NAMES = {
    "LoanNr_ChkDgt": "loan_id", "State": "state", "NAICS": "naics", "DisbursementDate": "disbursed_on",
    "ChgOffDate": "charged_off_on", "MIS_Status": "status", "Term": "term", "NoEmp": "employees",
    "NewExist": "new_exist", "CreateJob": "jobs_created", "RetainedJob": "jobs_retained",
    "FranchiseCode": "franchise", "UrbanRural": "urban_rural", "RevLineCr": "revolving", "LowDoc": "low_doc",
    "GrAppv": "approved", "SBA_Appv": "guaranteed",
}  # fmt: skip
_DRAW_NAMES = {
    "loan_nr_chk_dgt": "loan_id", "state": "state", "naics": "naics", "disbursement_date": "disbursed_on",
    "chg_off_date": "charged_off_on", "mis_status": "status", "term": "term", "no_emp": "employees",
    "new_exist": "new_exist", "create_job": "jobs_created", "retained_job": "jobs_retained",
    "franchise_code": "franchise", "urban_rural": "urban_rural", "rev_line_cr": "revolving", "low_doc": "low_doc",
    "gr_appv": "approved", "sba_appv": "guaranteed",
}  # fmt: skip
_TEXT = ("state", "status", "revolving", "low_doc")
_SECTORS = {"32": "31", "33": "31", "45": "44", "49": "48"}  # NAICS sectors with more than one number


@dataclass(frozen=True)
class Book:
    """The loans of the book, and how many were left out for which reason.

    Attributes:
        loans: one row a loan: enterprise_id, part (block or draw), disbursed_on, charged_off_on (null if never), what
            was known on the day of disbursement, and term, which no feed is given.
        left_out: rows of both files by the reason for which they are not in the book.
    """

    loans: pl.DataFrame
    left_out: dict[str, int]


def read_book(data_dir: Path | None) -> Book:
    """Return the loans disbursed from 2003 to 2008: those of the block, and of the draw as many as make it unbiased.

    The draw holds as many loans charged off as paid in full, so it holds a larger share of the former. It is thinned:
    a loan charged off stays with the odds of the two shares, by a hash of its number. Loans of the draw that the block
    has are left out of the draw. Some loans that ended as paid in full have a day of charge-off, nearly all with an
    amount: they were charged off that day and paid later, so they are defaults here.

    Raises:
        ValueError: the folder or one of its files is missing.
    """
    block = _uniform(pl.read_parquet(_file(data_dir, BLOCK)), _BLOCK_NAMES, part="block")
    draw = _uniform(pl.read_parquet(_file(data_dir, DRAW)), _DRAW_NAMES, part="draw")
    charged_off, drawn = pl.col("status") == "CHGOFF", pl.col("part") == "draw"
    reasons = {
        "disbursed on no known day, or not from 2003 to 2008":
            ~pl.col("disbursed_on").is_between(FIRST, LAST) | pl.col("disbursed_on").is_null(),
        "no status": pl.col("status").is_null(),
        "charged off on no known day": charged_off & pl.col("charged_off_on").is_null(),
        "charged off before the disbursement": pl.col("charged_off_on") < pl.col("disbursed_on"),
        "of the draw: in the block too": drawn & pl.col("loan_id").is_in(block["loan_id"].implode()),
        "of the draw: charged off, thinned": drawn & charged_off & (pl.col("chance") >= CHARGED_OFF / PAID),
    }  # fmt: skip
    chance = pl.col("loan_id").map_elements(_chance, return_dtype=pl.Float64)
    loans = pl.concat([block, draw]).with_columns(chance=chance)
    left_out = {}
    for reason, unusable in reasons.items():
        kept = loans.filter(~unusable.fill_null(value=False))
        left_out[reason], loans = loans.height - kept.height, kept
    return Book(loans.drop("chance").sort("disbursed_on", "loan_id"), left_out)


def convert(data_dir: Path | None, landing: Path, *, through: date) -> DeliverySummary:
    """Write what was known by the end of a day: a file for each feed and quarter; a later day adds files.

    The last quarter that is written ends by `through`; what became known after it is not in the folder. Converting
    again writes the same bytes.

    Args:
        data_dir: folder of public data sets that holds `sba/` (NIGHTLEDGER_DATA_DIR).
        landing: folder that receives `<feed>/...`.
        through: last day of a quarter.

    Raises:
        ValueError: the folder or one of its files is missing, or the day does not end a quarter.
    """
    if (through.month, through.day) not in ((3, 31), (6, 30), (9, 30), (12, 31)):
        raise ValueError(f"{through} does not end a quarter: files are written for whole quarters")
    loans = read_book(data_dir).loans
    workshop = landing / ".partial"
    files: list[DeliveredFile] = []
    for feed, rows in (
        ("enterprises", _enterprises(loans)),
        ("loan_ledger", _ledger(loans)),
        ("outcomes", _outcomes(loans)),
    ):
        known = rows.filter(pl.col("known_at").dt.date() <= through)
        known = known.with_columns(
            quarter=pl.format("{}q{}", pl.col("known_at").dt.year(), pl.col("known_at").dt.quarter())
        )
        for (quarter,), part in known.group_by("quarter", maintain_order=True):
            file = FeedFile(feed, landing=landing, workshop=workshop, stem=f"sba-{quarter}", suffix=".csv")
            file.write(part)
            if file.publish():
                files.append(DeliveredFile(feed, file.path, file.rows))
    workshop.rmdir()
    return DeliverySummary(landing, through, tuple(files))


def _uniform(rows: pl.DataFrame, names: dict[str, str], *, part: str) -> pl.DataFrame:
    """Return the columns that are used, with the same names and types for both files."""
    chosen = rows.select(pl.col(old).alias(new) for old, new in names.items())
    text = [pl.col(name).cast(pl.String) for name in _TEXT]
    numbers = [name for name in chosen.columns if chosen.schema[name].is_numeric() and name not in _TEXT]
    return (
        chosen.with_columns(*text, *(pl.col(name).cast(pl.Int64) for name in numbers), part=pl.lit(part))
        .with_columns(enterprise_id=pl.format("S{}", "loan_id"), status=pl.col("status").str.replace_all(" ", ""))
    )  # fmt: skip


def _chance(loan_id: int) -> float:
    """Return a number in [0, 1) that hangs on the loan alone."""
    return int.from_bytes(hashlib.sha256(str(loan_id).encode()).digest()[:8], "big") / 2**64


def _known_on(day: str) -> pl.Expr:
    return pl.col(day).cast(pl.Datetime("us"))


def _filled(rows: pl.DataFrame, feed: str) -> pl.DataFrame:
    """Return the rows with all columns of a feed; those that the data does not have are empty."""
    missing = [name for name in FEED_COLUMNS[feed] if name not in rows.columns]
    return rows.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in missing)


def _enterprises(loans: pl.DataFrame) -> pl.DataFrame:
    """Return each loan as a borrower of its own, since the files name none; NAICS 0 is no industry."""
    naics = pl.when(pl.col("naics") > 0).then(pl.col("naics").cast(pl.String))
    rows = loans.select(
        "enterprise_id",
        "employees",
        valid_from="disbursed_on",
        known_at=_known_on("disbursed_on"),
        industry_primary=naics.str.slice(0, 2).replace(_SECTORS),
        industry_secondary=naics.str.slice(0, 3),
        region="state",
        urban=pl.col("urban_rural").replace_strict({1: True, 2: False, 0: None}, return_dtype=pl.Boolean),
    )
    return _filled(rows, "enterprises")


def _ledger(loans: pl.DataFrame) -> pl.DataFrame:
    """Return the one ledger row that each loan has, on the day of its disbursement.

    The amount is the approved one: what was disbursed on a line of credit grew with its use. A revolving line pays for
    the running business; what another loan is for is not told.
    """
    rows = loans.select(
        "enterprise_id",
        pl.col("loan_id").cast(pl.String),
        ledger_date="disbursed_on",
        known_at=_known_on("disbursed_on"),
        opened_on="disbursed_on",
        borrowing="approved",
        business_purpose=pl.when(pl.col("revolving") == "Y").then(pl.lit(value=True)),
        days_past_due=pl.lit(0),
    )
    return _filled(rows, "loan_ledger")


def _outcomes(loans: pl.DataFrame) -> pl.DataFrame:
    """Return of each loan that it was not charged off on the day of its disbursement, and its charge-off if any."""
    lost = loans.filter(pl.col("charged_off_on").is_not_null())
    both = pl.concat(
        [
            loans.select(
                "enterprise_id", "loan_id", outcome_date="disbursed_on", charge_off=pl.lit(value=False)
            ),
            lost.select(
                "enterprise_id", "loan_id", outcome_date="charged_off_on", charge_off=pl.lit(value=True)
            ),
        ]
    ).sort("outcome_date", "loan_id", "charge_off")
    return _filled(
        both.with_columns(pl.col("loan_id").cast(pl.String), known_at=_known_on("outcome_date")), "outcomes"
    )


def _file(data_dir: Path | None, name: str) -> Path:
    if data_dir is None:
        raise ValueError(
            f"NIGHTLEDGER_DATA_DIR is not set: it must name the folder that holds {FOLDER}/{name}.parquet"
        )
    path = data_dir / FOLDER / f"{name}.parquet"
    if not path.is_file():
        raise ValueError(
            f"{path} is missing: NIGHTLEDGER_DATA_DIR must name the folder that holds {FOLDER}/{name}.parquet"
        )
    return path
