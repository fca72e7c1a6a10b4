"""The real invoices become feeds without losing, inventing or merging one."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from sources.cumcm2020c import INVOICE_FILES, convert, invoices_to_transactions, last_invoice_date
from sources.feed_columns import FEED_COLUMNS

# README of the data: rows, voided, exact duplicates.
PUBLISHED = {
    "credit_purchase_invoices": (210_947, 7_608, 803),
    "credit_sales_invoices": (162_484, 11_206, 4_436),
    "no_credit_purchase_invoices": (395_175, 17_236, 4_681),
    "no_credit_sales_invoices": (330_835, 27_555, 1_745),
}


@pytest.fixture(scope="module")
def landing(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cumcm2020c")
    convert(data_dir, folder)
    return folder


@pytest.mark.parametrize("name", INVOICE_FILES)
def test_counts_are_the_published_ones(landing: Path, data_dir: Path, name: str) -> None:
    rows = pl.read_parquet(landing / "transactions" / f"{name}.parquet")
    content = pl.read_parquet(data_dir / "cumcm2020c" / f"{name}.parquet").drop("row")
    assert rows.height == content.height == PUBLISHED[name][0]
    assert rows["voided"].sum() == PUBLISHED[name][1]
    assert rows.height - rows.unique().height == PUBLISHED[name][2]
    # One id per distinct invoice: no two are merged, none is split.
    assert rows["transaction_id"].n_unique() == rows.unique().height == content.unique().height


def test_ids_do_not_collide_across_files(landing: Path) -> None:
    rows = pl.concat(
        [pl.read_parquet(landing / "transactions" / f"{name}.parquet") for name in INVOICE_FILES]
    )
    assert tuple(rows.columns) == FEED_COLUMNS["transactions"]
    assert rows["transaction_id"].n_unique() == rows.unique().height
    assert rows["enterprise_id"].n_unique() == 425


@pytest.mark.parametrize("name", INVOICE_FILES)
def test_money_keeps_its_amount_and_meaning(landing: Path, data_dir: Path, name: str) -> None:
    source = pl.read_parquet(data_dir / "cumcm2020c" / f"{name}.parquet").sort("row")
    rows = pl.read_parquet(landing / "transactions" / f"{name}.parquet")
    refunds = rows["kind"] == "refund"
    assert (refunds == (source["total"] < 0)).all()
    assert (rows["amount"].abs() == source["total"].abs().round(2).cast(pl.Decimal(18, 2))).all()
    assert (rows["counterparty_id"] == source["counterparty"]).all()
    assert (rows["occurred_at"].cast(pl.Date) == source["date"]).all()
    of_sales = "sales" in name
    assert set(rows.filter(~refunds)["kind"]) == {"sale" if of_sales else "purchase"}
    back, forth = rows.filter(refunds)["amount"], rows.filter(~refunds)["amount"]
    assert (back < 0).all() if of_sales else (back > 0).all()
    assert (forth >= 0).all() if of_sales else (forth < 0).all()


def test_outcomes_and_ratings_are_known_on_the_last_invoice_date(landing: Path) -> None:
    outcomes = pl.read_csv(landing / "outcomes" / "cumcm2020c.csv", try_parse_dates=True)
    assert (outcomes.height, outcomes["charge_off"].sum()) == (123, 27)
    opinions = pl.read_csv(landing / "credit_opinions" / "cumcm2020c.csv", try_parse_dates=True)
    assert opinions.height == 123
    assert opinions["leaks_outcome"].all()
    rows = pl.concat(
        [pl.read_parquet(landing / "transactions" / f"{name}.parquet") for name in INVOICE_FILES]
    )
    last = rows.group_by("enterprise_id").agg(last=pl.max("occurred_at").cast(pl.Date))
    for frame, day in ((outcomes, "outcome_date"), (opinions, "opinion_date")):
        checked = frame.join(last, on="enterprise_id")
        assert checked.height == 123
        assert (checked[day] == checked["last"]).all()
        assert (checked["known_at"].cast(pl.Date) == checked["last"]).all()
    leak = opinions.join(outcomes, on="enterprise_id").filter(pl.col("rating") == "D")
    assert (leak.height, leak["charge_off"].sum()) == (24, 24)


def test_enterprises_start_with_their_first_invoice(landing: Path) -> None:
    firms = pl.read_csv(landing / "enterprises" / "cumcm2020c.csv", try_parse_dates=True)
    assert tuple(firms.columns) == FEED_COLUMNS["enterprises"]
    assert firms["enterprise_id"].to_list() == [f"E{n}" for n in range(1, 426)]
    assert firms["valid_from"].min() == date(2016, 10, 4)
    filled = {"enterprise_id", "valid_from", "known_at", "legal_name"}
    assert all(firms[name].null_count() == (0 if name in filled else 425) for name in firms.columns)


def test_feeds_that_do_not_exist_are_missing_not_empty(landing: Path, data_dir: Path) -> None:
    assert {path.name for path in landing.iterdir()} == {
        "enterprises",
        "transactions",
        "outcomes",
        "credit_opinions",
    }
    assert last_invoice_date(data_dir) == date(2020, 2, 21)


def test_converting_again_gives_the_same_bytes(landing: Path, data_dir: Path) -> None:
    before = {path: path.read_bytes() for path in landing.glob("*/*")}
    convert(data_dir, landing)
    assert {path: path.read_bytes() for path in landing.glob("*/*")} == before


def test_equal_content_shares_an_id_and_other_content_does_not() -> None:
    def invoice(row: int, number: int, total: float, *, valid: bool = True) -> dict[str, object]:
        return {
            "row": row, "enterprise_id": "E1", "invoice_no": number, "date": date(2019, 1, 1),
            "counterparty": "A1", "amount": total, "tax": 0.0, "total": total, "valid": valid,
            "direction": "purchase",
        }  # fmt: skip

    sheet = [
        invoice(0, 7, 10.0), invoice(1, 7, 10.0), invoice(2, 7, 12.0), invoice(3, 8, -5.0),
        invoice(4, 7, 10.0, valid=False),
    ]  # fmt: skip
    rows = invoices_to_transactions(pl.DataFrame(sheet))
    assert rows["transaction_id"].to_list() == ["E1-p-7", "E1-p-7", "E1-p-7-2", "E1-p-8", "E1-p-7-3"]
    assert [float(amount) for amount in rows["amount"]] == [-10.0, -10.0, -12.0, 5.0, -10.0]
    assert rows["kind"].to_list() == ["purchase", "purchase", "purchase", "refund", "purchase"]
    assert rows["voided"].to_list() == [False, False, False, False, True]
    assert rows["known_at"][0] == datetime(2019, 1, 1)


def test_missing_data_names_the_file_and_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="NIGHTLEDGER_DATA_DIR is not set"):
        convert(None, tmp_path)
    with pytest.raises(
        ValueError, match=r"credit_purchase_invoices[.]parquet is missing: NIGHTLEDGER_DATA_DIR"
    ):
        convert(tmp_path / "nowhere", tmp_path)
    with pytest.raises(ValueError, match="NIGHTLEDGER_DATA_DIR"):
        last_invoice_date(tmp_path)
    assert list(tmp_path.iterdir()) == []
