"""Loans of the SBA become feeds, each row in the quarter in which it was known, and none of them knows the term."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from scipy.stats import binomtest

from sources.feed_columns import FEED_COLUMNS
from sources.sba import BLOCK, CHARGED_OFF, DRAW, PAID, Book, convert, read_book

THROUGH = date(2005, 12, 31)
FEEDS = ("enterprises", "loan_ledger", "outcomes")


@pytest.fixture(scope="module")
def book(data_dir: Path) -> Book:
    return read_book(data_dir)


@pytest.fixture(scope="module")
def landing(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sba")
    convert(data_dir, folder, through=THROUGH)
    return folder


def rows(landing: Path, feed: str) -> pl.DataFrame:
    """Return all rows of a feed, as text."""
    return pl.concat([pl.read_csv(path, infer_schema=False) for path in sorted((landing / feed).iterdir())])


def contents(landing: Path) -> dict[str, bytes]:
    return {str(path.relative_to(landing)): path.read_bytes() for path in landing.rglob("*.csv")}


def test_every_row_of_both_files_is_in_the_book_or_left_out_for_a_reason(book: Book) -> None:
    assert book.loans.height + sum(book.left_out.values()) == 22_427 + 30_000
    assert book.loans["enterprise_id"].n_unique() == book.loans.height
    assert set(book.loans["part"]) == {"block", "draw"}
    assert book.loans["disbursed_on"].is_between(date(2003, 1, 1), date(2008, 12, 31)).all()
    assert (book.loans["charged_off_on"] >= book.loans["disbursed_on"]).drop_nulls().all()


def test_the_draw_holds_the_shares_of_the_whole_file_that_its_thinning_rests_on(data_dir: Path) -> None:
    block = pl.read_parquet(data_dir / "sba" / f"{BLOCK}.parquet", columns=["LoanNr_ChkDgt", "MIS_Status"])
    drawn = pl.read_parquet(data_dir / "sba" / f"{DRAW}.parquet")["loan_nr_chk_dgt"].cast(pl.Int64)
    # the block is a part of the whole file, so the draw has the same share of it, class by class
    for status, of in (("CHGOFF", CHARGED_OFF), ("P I F", PAID)):
        of_class = block.filter(MIS_Status=status)
        there = int(of_class["LoanNr_ChkDgt"].is_in(drawn.implode()).sum())
        assert binomtest(there, of_class.height, 15_000 / of).pvalue > 0.001


def test_the_thinned_draw_has_as_many_charged_off_as_the_whole_file(book: Book, data_dir: Path) -> None:
    draw = book.loans.filter(part="draw")
    raw = pl.read_parquet(data_dir / "sba" / f"{DRAW}.parquet")
    raw = raw.filter(pl.col("disbursement_date").is_between(date(2003, 1, 1), date(2008, 12, 31)))
    raw = raw.select(status=pl.col("mis_status").cast(pl.String))
    weight = {"CHGOFF": CHARGED_OFF, "PIF": PAID}
    weighted = raw.group_by("status").agg(weight=pl.col("status").replace_strict(weight).sum())
    share = weighted.filter(status="CHGOFF")["weight"].item() / weighted["weight"].sum()
    lost = int((draw["status"] == "CHGOFF").sum())
    assert binomtest(lost, draw.height, share).pvalue > 0.001


@pytest.mark.parametrize("feed", FEEDS)
def test_nothing_in_the_folder_was_known_after_the_day(landing: Path, feed: str) -> None:
    frame = rows(landing, feed)
    assert tuple(frame.columns) == FEED_COLUMNS[feed]
    day = {"enterprises": "valid_from", "loan_ledger": "ledger_date", "outcomes": "outcome_date"}[feed]
    assert (frame["known_at"].str.slice(0, 10) == frame[day]).all()
    assert frame["known_at"].max() <= f"{THROUGH} 23:59:59"


def test_the_rows_are_those_of_the_book(landing: Path, book: Book) -> None:
    loans = book.loans.filter(pl.col("disbursed_on") <= THROUGH)
    lost = loans.filter(pl.col("charged_off_on") <= THROUGH)
    assert set(rows(landing, "enterprises")["enterprise_id"]) == set(loans["enterprise_id"])
    assert rows(landing, "loan_ledger").height == loans.height
    outcomes = rows(landing, "outcomes")
    assert outcomes.height == loans.height + lost.height
    told = outcomes.filter(charge_off="true").select("enterprise_id", "outcome_date")
    assert dict(told.iter_rows()) == {
        name: str(day) for name, day in lost.select("enterprise_id", "charged_off_on").iter_rows()
    }


def test_a_later_day_adds_files_and_changes_none(landing: Path, data_dir: Path, tmp_path: Path) -> None:
    summary = convert(data_dir, tmp_path, through=date(2006, 3, 31))
    earlier, later = contents(landing), contents(tmp_path)
    assert {path: later[path] for path in earlier} == earlier
    assert set(later) - set(earlier) == {f"{feed}/sba-2006q1.csv" for feed in FEEDS}
    assert summary.rows == sum(summary.rows_by_feed().values())


def test_what_comes_after_the_day_changes_no_byte(landing: Path, data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "sba").mkdir(parents=True)
    for file, name in ((BLOCK, "ChgOffDate"), (DRAW, "chg_off_date")):
        frame = pl.read_parquet(data_dir / "sba" / f"{file}.parquet")
        moved = (
            pl.when(pl.col(name) > THROUGH).then(pl.col(name).dt.offset_by("400d")).otherwise(pl.col(name))
        )
        assert (frame[name] > THROUGH).any()
        frame.with_columns(moved.alias(name)).write_parquet(tmp_path / "data" / "sba" / f"{file}.parquet")
    convert(tmp_path / "data", tmp_path / "landing", through=THROUGH)
    assert contents(tmp_path / "landing") == contents(landing)


def test_no_feed_knows_the_term(landing: Path, data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "sba").mkdir(parents=True)
    for file, name in ((BLOCK, "Term"), (DRAW, "term")):
        frame = pl.read_parquet(data_dir / "sba" / f"{file}.parquet")
        frame.with_columns(pl.col(name) + 7).write_parquet(tmp_path / "data" / "sba" / f"{file}.parquet")
    convert(tmp_path / "data", tmp_path / "landing", through=THROUGH)
    assert contents(tmp_path / "landing") == contents(landing)


def test_a_day_within_a_quarter_is_refused(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2005-12-30 does not end a quarter"):
        convert(data_dir, tmp_path, through=date(2005, 12, 30))


def test_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="NIGHTLEDGER_DATA_DIR is not set"):
        convert(None, tmp_path, through=THROUGH)
    with pytest.raises(ValueError, match=r"SBAnational_first22427\.parquet is missing"):
        convert(tmp_path, tmp_path, through=THROUGH)
