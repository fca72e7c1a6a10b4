"""The delivered rows keep the feed contract, tell time honestly and follow the truth that is written down."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from feed_reading import FEEDS, LAST, read_events, read_feed, read_file

from sources.feed_columns import FEED_COLUMNS
from sources.simulated import SimulationSettings, deliver
from warehouse.intake.feeds import FEEDS as CONTRACT

BUSINESS_TIME = {name: feed.business_time for name, feed in CONTRACT.items()}


def feed_rows(landing: Path, feed: str) -> pl.DataFrame:
    return read_events(landing) if feed == "operational_events" else read_feed(landing, feed)


def test_columns_are_those_of_the_contract() -> None:
    delivered = {name: set(columns) for name, columns in FEED_COLUMNS.items()}
    assert set(delivered) == set(CONTRACT) - {"overrides", "scenarios"}  # people decide those
    for name, columns in delivered.items():
        declared = {column.name: column for column in CONTRACT[name].columns}
        assert columns <= set(declared)
        assert all(declared[column].optional for column in set(declared) - columns), name


@pytest.mark.parametrize("feed", FEEDS)
def test_every_file_has_the_columns_of_its_feed(delivered: Path, feed: str) -> None:
    for path in (delivered / feed).iterdir():
        if feed == "operational_events":
            for line in gzip.decompress(path.read_bytes()).splitlines():
                assert tuple(json.loads(line)) == FEED_COLUMNS[feed]
        else:
            assert tuple(read_file(path).columns) == FEED_COLUMNS[feed]


@pytest.mark.parametrize("feed", FEEDS)
def test_keys_are_unique_but_for_restatements(clean: Path, feed: str) -> None:
    rows = feed_rows(clean, feed)
    assert rows.height > 0
    if feed == "transactions":
        rows = rows.filter(pl.col("voided") == "false")
    assert not rows.select(*CONTRACT[feed].key).is_duplicated().any()
    required = [column.name for column in CONTRACT[feed].columns if column.required]
    assert rows.select(required).null_count().sum_horizontal().item() == 0
    for column in CONTRACT[feed].columns:
        if column.choices:
            assert set(rows[column.name].unique()) <= set(column.choices)


@pytest.mark.parametrize("feed", FEEDS)
def test_a_file_holds_what_became_known_in_its_month(clean: Path, feed: str) -> None:
    first_file = True
    for path in sorted((clean / feed).iterdir()):
        if feed == "operational_events":
            lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
            known = {line["known_at"][:10] for line in lines}
        else:
            known = set(read_file(path)["known_at"].str.slice(0, 10))
        stem = path.name.split(".")[0]
        low, high = (stem.split("_") * 2)[:2] if "_" in stem else (f"{stem}-01", f"{stem}-31")
        assert max(known) <= high
        assert min(known) >= low or (first_file and feed == "enterprises")
        first_file = False


@pytest.mark.parametrize("feed", FEEDS)
def test_nothing_is_known_before_it_happens(clean: Path, feed: str) -> None:
    rows = feed_rows(clean, feed)
    assert (rows["known_at"].str.slice(0, 10) >= rows[BUSINESS_TIME[feed]].str.slice(0, 10)).all()


def test_a_voided_transaction_is_a_later_version_of_the_same_row(clean: Path) -> None:
    rows = read_feed(clean, "transactions")
    void = rows.filter(pl.col("voided") == "true")
    pairs = rows.filter(pl.col("voided") == "false").join(void, on="transaction_id", suffix="_void")
    assert 0 < void.height == pairs.height
    assert (pairs["known_at_void"] > pairs["known_at"]).all()
    same = [name for name in FEED_COLUMNS["transactions"][1:] if name not in {"known_at", "voided"}]
    assert all(pairs[name].equals(pairs[f"{name}_void"], null_equal=True) for name in same)
    assert (pairs["known_at_void"].str.slice(0, 7) > pairs["known_at"].str.slice(0, 7)).any()


def test_some_rows_arrive_in_a_later_month_than_they_happened(clean: Path) -> None:
    for feed in ("transactions", "outcomes", "legal_cases"):
        rows = read_feed(clean, feed)
        late = rows["known_at"].str.slice(0, 7) > rows[BUSINESS_TIME[feed]].str.slice(0, 7)
        assert 0 < late.sum() < rows.height / 2


def test_signs_follow_the_kind(clean: Path) -> None:
    rows = read_feed(clean, "transactions").with_columns(pl.col("amount").cast(pl.Float64))
    assert (rows.filter(pl.col("kind") == "sale")["amount"] > 0).all()
    assert (rows.filter(pl.col("kind").is_in(["purchase", "supplier_payment"]))["amount"] < 0).all()
    assert set(rows.filter(pl.col("kind") == "refund")["amount"].sign()) == {-1.0, 1.0}
    paid = rows.filter(pl.col("kind") == "supplier_payment")
    assert (paid["paid_at"] == paid["occurred_at"]).all()
    assert 0.1 < (paid["occurred_at"] > paid["due_at"]).mean() < 0.9


def test_payloads_carry_what_their_type_promises(clean: Path) -> None:
    wanted = {
        "login": set(), "export": set(),
        "purchase_order": {"order_id", "supplier_id", "amount", "promised_at"},
        "goods_received": {"order_id", "supplier_id", "quantity"},
        "stock_count": {"units_on_hand", "units_sold"},
        "supplier_payment": {"order_id", "supplier_id", "amount", "due_at"},
    }  # fmt: skip
    ordered: dict[str, str] = {}
    followers: list[dict[str, str]] = []
    for line in read_feed(clean, "operational_events")["line"]:
        event = json.loads(line)
        payload = event["payload"]
        assert set(payload) == wanted[event["event_type"]]
        for name in ("promised_at", "due_at"):
            if name in payload:
                datetime.fromisoformat(payload[name])
        if event["event_type"] == "purchase_order":
            ordered[payload["order_id"]] = payload["supplier_id"]
        elif "order_id" in payload:
            followers.append(payload)
    assert followers
    assert all(ordered.get(row["order_id"], row["supplier_id"]) == row["supplier_id"] for row in followers)


def test_each_kind_of_file_has_its_feeds_and_no_other(clean: Path) -> None:
    truth = pl.read_parquet(clean / "_truth.parquet")
    has = {feed: set(feed_rows(clean, feed)["enterprise_id"]) for feed in FEEDS}
    for kind, with_rows, without in (
        ("thick", {"transactions", "operational_events", "loan_ledger"}, set()),
        ("transaction", {"transactions"}, {"loan_ledger", "legal_cases", "credit_opinions"}),
        ("thin", {"operational_events"}, {"transactions", "loan_ledger", "legal_cases", "credit_opinions"}),
        ("unscoreable", set(), set(FEEDS) - {"enterprises", "outcomes"}),
    ):
        these = set(truth.filter(pl.col("coverage_kind") == kind)["enterprise_id"])
        assert these <= has["enterprises"]
        assert these <= has["outcomes"]
        for feed in with_rows:
            # An enterprise that defaulted long ago may have fallen silent.
            assert len(these & has[feed]) > 0.97 * len(these), (kind, feed)
        for feed in without:
            assert not these & has[feed], (kind, feed)


def test_outcomes_follow_the_written_truth(clean: Path) -> None:
    truth = pl.read_parquet(clean / "_truth.parquet")
    rows = read_feed(clean, "outcomes").with_columns(
        pl.col("days_past_due").cast(pl.Int64), pl.col("outcome_date").str.to_date()
    )
    first = rows.filter(pl.col("days_past_due") >= 90).group_by("enterprise_id").agg(pl.min("outcome_date"))
    start, seen = date(2025, 11, 5), date(2026, 4, 25)
    inside = truth.filter(pl.col("default_date").is_between(start, seen))
    joined = inside.join(first, on="enterprise_id", how="left")
    assert joined.height > 10
    assert (joined["default_date"] == joined["outcome_date"]).all()
    never = truth.filter(pl.col("default_date").is_null() | (pl.col("default_date") > LAST))
    assert not set(never["enterprise_id"]) & set(first["enterprise_id"])
    off = rows.filter(pl.col("charge_off") == "true")
    assert off["days_past_due"].min() >= 180
    assert rows.filter(pl.col("insolvency") == "true")["charge_off"].eq("true").all()


def test_opinions_after_default_say_that_they_leak(clean: Path) -> None:
    truth = pl.read_parquet(clean / "_truth.parquet").select("enterprise_id", "default_date")
    rows = read_feed(clean, "credit_opinions").join(truth, on="enterprise_id")
    after = (rows["opinion_date"].str.to_date() >= rows["default_date"]).fill_null(value=False)
    assert after.any()
    assert ((rows["leaks_outcome"] == "true") == after).all()


def test_dirt_is_there_when_asked_for_and_only_then(
    small: SimulationSettings, delivered: Path, clean: Path
) -> None:
    for feed in FEEDS:
        spoilt, pure = feed_rows(delivered, feed), feed_rows(clean, feed)
        doubled = spoilt.height - pure.height
        assert doubled >= 0
        assert not pure.is_duplicated().any()
        assert not pure["enterprise_id"].str.starts_with("X").any()
        if feed in {"transactions", "operational_events", "outcomes"}:
            strangers = int(spoilt["enterprise_id"].str.starts_with("X").sum())
            for count in (doubled, strangers):
                expected = pure.height * small.dirt / 3
                assert abs(count - expected) < 5 * expected**0.5, feed
    assert read_feed(delivered, "transactions")["amount"].null_count() > 0
    assert read_feed(delivered, "outcomes")["days_past_due"].eq("n/a").any()
    assert read_events(delivered)["occurred_at"].eq("yesterday").any()


def test_profiles_change_and_natural_persons_have_no_capital(tmp_path: Path) -> None:
    settings = SimulationSettings(enterprises=1000, history_days=365, transactions_per_enterprise=1, events_per_enterprise=1, dirt=0)  # fmt: skip # noqa: E501
    deliver(settings, tmp_path, through=LAST)
    rows = read_feed(tmp_path, "enterprises")
    versions = rows.group_by("enterprise_id").len()["len"]
    assert 30 < (versions == 2).sum() < 90  # 6% a year
    assert 0.35 < (rows["natural_person"] == "true").mean() < 0.45
    assert rows.filter(pl.col("natural_person") == "true")["registered_capital"].null_count() == int(
        (rows["natural_person"] == "true").sum()
    )
    assert rows.filter(pl.col("founded_on") > pl.col("valid_from")).is_empty()
