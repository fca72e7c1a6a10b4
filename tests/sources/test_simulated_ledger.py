"""Loans have terms, new ones open, are repaid and leave; what was delivered before they did is as it was."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from feed_reading import LAST, read_feed

from sources.simulated import SimulationSettings, deliver
from sources.simulated_calendar import months_between
from sources.simulated_ledger import draw
from sources.simulated_lending import LEAD_DAYS, OPENINGS_A_YEAR, prolonged
from sources.simulated_world import CHUNK, THICK, epoch_day, world

# Rows as they were delivered before any loan had terms or opened (seed 11, history of 1,125 days).
AS_BEFORE = Path(__file__).with_name("first_loans.csv")
ROWS_BEFORE = 844

FIRST, NEW = ~pl.col("loan_id").str.contains(r"-\d{5}$"), pl.col("loan_id").str.contains(r"-\d{5}$")


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 enterprises over three years, hardly any row but the lender's own."""
    folder = tmp_path_factory.mktemp("ledger")
    settings = SimulationSettings(
        enterprises=300, seed=11, transactions_per_enterprise=1, events_per_enterprise=1, dirt=0
    )
    deliver(settings, folder, through=LAST)
    return folder


@pytest.fixture(scope="module")
def rows(landing: Path) -> pl.DataFrame:
    """All ledger rows with their types, and the day of the borrower's default."""
    days = ("ledger_date", "opened_on", "matures_on")
    numbers = ("borrowing", "credit_limit", "days_past_due", "annual_rate")
    truth = pl.read_parquet(landing / "_truth.parquet").select(
        "enterprise_id", "coverage_kind", default=pl.col("default_date").fill_null(date(9999, 12, 31))
    )
    return (
        read_feed(landing, "loan_ledger")
        .with_columns(
            pl.col(*days).str.to_date(), pl.col(*numbers).cast(pl.Float64), pl.col("known_at").str.to_datetime()
        )
        .join(truth, on="enterprise_id", how="left")
        .sort("loan_id", "ledger_date")
    )  # fmt: skip


def test_the_rows_of_the_first_loans_are_those_of_before(landing: Path) -> None:
    old = read_feed(landing, "loan_ledger").filter(FIRST).drop("matures_on", "credit_limit")
    before = pl.read_csv(AS_BEFORE, infer_schema=False)
    assert old.height == ROWS_BEFORE
    assert old.join(before, on=before.columns).equals(before)


def test_no_loan_is_told_as_matured_unless_it_is_repaid_or_past_due(rows: pl.DataFrame) -> None:
    matured = rows.filter(pl.col("matures_on") <= pl.col("ledger_date"))
    repaid = pl.col("borrowing") == 0
    assert matured.filter(repaid).height > 30
    assert matured.filter(~repaid & (pl.col("days_past_due") == 0)).is_empty()
    assert matured.filter(~repaid).height > 30
    assert rows.filter(repaid & (pl.col("matures_on") != pl.col("ledger_date"))).is_empty()
    assert rows.filter(pl.col("matures_on") < pl.col("opened_on")).is_empty()


def test_a_default_calls_the_loan_and_cuts_its_limit(rows: pl.DataFrame) -> None:
    after = rows.filter(pl.col("ledger_date") >= pl.col("default"))
    due = pl.max_horizontal("default", "opened_on")
    assert after.filter(FIRST & (pl.col("matures_on") != due)).is_empty()
    assert after.filter(NEW & (pl.col("matures_on") > pl.col("default"))).is_empty()
    limited = rows.filter(pl.col("credit_limit").is_not_null())
    assert limited.filter(pl.col("ledger_date") >= pl.col("default"))["credit_limit"].len() > 10
    assert limited.filter(
        (pl.col("ledger_date") >= pl.col("default")) & (pl.col("credit_limit") != pl.col("borrowing"))
    ).is_empty()
    assert (limited["credit_limit"] >= limited["borrowing"]).all()
    assert set(limited["invest_category"]) == {"working_capital", "stock"}
    assert 0.1 < limited.height / rows.height < 0.35


def test_the_first_loans_are_prolonged_before_they_fall_due_and_never_leave(rows: pl.DataFrame) -> None:
    following = rows.filter(FIRST).with_columns(
        next_row=pl.col("ledger_date").shift(-1).over("loan_id"),
        next_known=pl.col("known_at").shift(-1).over("loan_id").dt.date(),
        next_maturity=pl.col("matures_on").shift(-1).over("loan_id"),
    )
    alive = following.filter(pl.col("next_row") < pl.col("default"))
    assert (alive["matures_on"] > alive["next_known"]).all()
    assert (alive["next_maturity"] >= alive["matures_on"]).all()
    assert (alive["next_maturity"] > alive["matures_on"]).any()
    last_told = following.group_by("loan_id").agg(pl.max("ledger_date"))
    assert last_told["ledger_date"].min() > date(2025, 3, 31)


def test_prolonging_by_hand() -> None:
    """A term of 12 months is 365 days; after 420 days from the review it must not have ended."""
    opened, months = np.array([0, 0, 0, 0, 0]), np.array([12, 12, 12, 120, 12])
    day, default = np.array([0, 309, 310, 310, 500]), np.array([9999, 9999, 9999, 9999, 450])
    assert prolonged(opened, months, day=day, default=default).tolist() == [730, 730, 1095, 3652, 450]


def test_an_opening_is_told_within_days_with_its_terms_and_without_accounts(rows: pl.DataFrame) -> None:
    openings = rows.filter(NEW & (pl.col("ledger_date") == pl.col("opened_on")))
    assert openings.height > 80
    gap = openings["known_at"].dt.date() - openings["opened_on"]
    assert (gap.dt.total_days().min(), gap.dt.total_days().max()) == (1, 6)
    assert (openings["borrowing"] % 100 == 0).all()
    assert (openings["borrowing"] > 0).all()
    assert (
        openings.select("total_assets", "operating_income").null_count().sum_horizontal().item()
        == 2 * openings.height
    )
    assert (openings["days_past_due"] == 0).all()
    assert (openings["matures_on"] - openings["opened_on"]).dt.total_days().min() >= 182
    assert set(openings["coverage_kind"]) == {"thick"}


def test_nobody_in_arrears_is_lent_to(rows: pl.DataFrame) -> None:
    new = rows.filter(NEW)
    assert ((new["default"] - new["opened_on"]).dt.total_days() >= 90).all()
    earliest = rows["ledger_date"].min() - timedelta(days=LEAD_DAYS)
    assert (new["opened_on"] >= earliest).all()


def test_a_new_loan_stands_in_the_annual_ledger_until_it_is_repaid(rows: pl.DataFrame) -> None:
    new = rows.filter(NEW)
    closed = new.filter(pl.col("borrowing") == 0)
    assert closed.height > 30
    after = new.join(closed.select("loan_id", repaid_on="ledger_date"), on="loan_id")
    assert after.filter(pl.col("ledger_date") > pl.col("repaid_on")).is_empty()
    assert (
        after.group_by("loan_id").agg(pl.col("ledger_date").eq(pl.col("repaid_on")).sum())["ledger_date"] == 1
    ).all()
    own = (pl.col("ledger_date") == pl.col("opened_on")) | (pl.col("borrowing") == 0)
    annual = new.filter(~own)
    beside = rows.filter(pl.col("loan_id").str.ends_with("-0")).select(
        "enterprise_id", "ledger_date", "known_at", "total_assets", "operating_income", "days_past_due"
    )
    assert annual.join(beside, on=beside.columns).height == annual.height
    # all that is owed on a day of the ledger stands in it
    due = new.filter(pl.col("ledger_date") == pl.col("opened_on")).select(
        "loan_id", "enterprise_id", "opened_on"
    )
    days = due.join(beside.select("enterprise_id", "ledger_date"), on="enterprise_id").filter(
        pl.col("ledger_date") > pl.col("opened_on")
    )
    missing = days.join(new, on=["loan_id", "ledger_date"], how="anti").join(
        closed.select("loan_id", repaid_on="ledger_date"), on="loan_id", how="left"
    )
    assert missing.filter(
        pl.col("repaid_on").is_null() | (pl.col("repaid_on") > pl.col("ledger_date"))
    ).is_empty()


def test_a_loan_is_paid_in_equal_parts_a_line_and_a_bill_at_the_end(rows: pl.DataFrame) -> None:
    new = rows.filter(NEW & (pl.col("borrowing") > 0))
    amounts = new.group_by("loan_id").agg(
        pl.col("borrowing").n_unique().alias("amounts"), pl.col("borrowing").diff().max().alias("rise"),
        pl.col("credit_limit").count().alias("limits"), pl.first("acceptance_bill"),
        (pl.max("ledger_date") - pl.min("ledger_date")).dt.total_days().alias("days"),
        (pl.max("ledger_date") < pl.first("default")).alias("alive"),
    )  # fmt: skip
    assert amounts.filter(pl.col("rise") > 0).is_empty()
    at_the_end = (pl.col("limits") > 0) | (pl.col("acceptance_bill") == "true")
    assert amounts.filter(at_the_end & (pl.col("amounts") > 1)).is_empty()
    parts = amounts.filter(~at_the_end & pl.col("alive") & (pl.col("days") > 31))
    assert parts.height > 50
    assert (parts["amounts"] > 1).all()


def test_new_loans_open_at_the_stated_rate_whatever_the_risk() -> None:
    settings, start = SimulationSettings(enterprises=3000, seed=5), epoch_day(date(2024, 1, 1))
    opened, years = np.zeros(2), np.zeros(2)
    for chunk in range(3):
        of = world(settings, chunk, start)
        risky = (of.risk > 0.3).astype(np.int64)
        at_risk = np.where(of.kind == THICK, np.clip(of.default_day - 90.0, 0, 731.0) / 365.0, 0.0)
        years += np.bincount(risky, at_risk)
        for month in months_between(date(2024, 1, 1), date(2025, 12, 31)):
            drawn = draw(settings, of, month)
            who = drawn["number"][(drawn["loan"] > 2) & (drawn["day"] == drawn["opened"])] - chunk * CHUNK
            opened += np.bincount(risky[who], minlength=2)
    wanted = OPENINGS_A_YEAR * years
    assert wanted.min() > 300
    assert (np.abs(opened - wanted) < 4 * wanted**0.5).all()
