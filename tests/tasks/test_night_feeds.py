"""The line, the name and the refusal of a night without a feed say which feed, which file and why."""

from __future__ import annotations

from datetime import date

import pytest

from tasks import feeds
from tasks.ingest import IngestSummary
from warehouse import sql
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.feed_deliveries import FeedDelivery
from warehouse.intake.ingest import IngestResult
from warehouse.night import Night

NIGHT = Night("lender", date(2026, 6, 30), "r")
REFUSED = IngestResult(
    path="transactions/b.csv", feed="transactions", status="refused", message="empty: 0 bytes"
)


TRANSACTIONS = FeedDelivery(
    feed="transactions",
    status="refused",
    files=3,
    files_refused=1,
    refused_path="transactions/b.csv",
    refused_reason="empty",
)
BROKEN = "transactions (1 of 3 files; transactions/b.csv: empty)"
OUTCOMES = FeedDelivery(feed="outcomes", status="missing", last_delivery=date(2026, 4, 30))
OVERRIDES = FeedDelivery(feed="overrides", status="never delivered")
GOOD = FeedDelivery(feed="enterprises", status="delivered", files=1)


@pytest.mark.parametrize(
    ("deliveries", "level", "line"),
    [
        ([GOOD], None, ""),
        ([GOOD, OVERRIDES], "INFO", "never delivered: overrides"),
        (
            [FeedDelivery(feed="legal_cases", status="never delivered"), OVERRIDES],
            "INFO",
            "never delivered: legal_cases, overrides",
        ),
        ([OUTCOMES], "WARNING", "missing: outcomes (last delivery 2026-04-30)"),
        (
            [OVERRIDES, GOOD, OUTCOMES, TRANSACTIONS],
            "WARNING",
            f"refused: {BROKEN}; missing: outcomes (last delivery 2026-04-30); never delivered: overrides",
        ),
    ],
)
def test_the_closing_line_is_a_warning_only_where_a_feed_failed(deliveries, level, line, caplog):
    caplog.set_level("INFO", logger="nightledger")
    feeds.log_feeds(deliveries)
    logged = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert logged == ([(level, f"feeds       {line}")] if level else [])


@pytest.mark.parametrize(
    ("deliveries", "name"),
    [
        ([GOOD, OVERRIDES], "Completed"),
        ([TRANSACTIONS, GOOD], "Completed without transactions"),
        ([TRANSACTIONS, OUTCOMES, OVERRIDES], "Completed without transactions, outcomes"),
    ],
)
def test_the_state_is_named_after_what_failed_and_holds_the_run(deliveries, name, monkeypatch):
    monkeypatch.setattr(feeds, "feeds_of", lambda _night: deliveries)
    state = feeds.ended(NIGHT)
    assert (state.name, state.is_completed(), state.data) == (name, True, "r")
    assert (state.message or "") == feeds.feeds_line(deliveries)


@pytest.mark.parametrize(
    ("required", "absent"),
    [
        (None, "never delivered: enterprises"),
        ("transactions", r"refused: transactions (1 of 1 file; transactions/b.csv: empty: 0 bytes)"),
        (
            " outcomes , transactions",
            "refused: transactions (1 of 1 file; transactions/b.csv: empty: 0 bytes); never delivered: outcomes",
        ),
    ],
)
def test_a_night_stops_without_a_required_feed_and_keeps_what_it_saw(
    opened_home, required, absent, monkeypatch
):
    if required:
        monkeypatch.setenv("NIGHTLEDGER_REQUIRED_FEEDS", required)
    with pytest.raises(Refused) as refusal:
        feeds.record_feeds.fn(NIGHT, IngestSummary(portfolio="lender", files=(REFUSED,)))
    setting = (required or "enterprises").replace(" ", "")
    assert str(refusal.value) == (
        f"the night stops without a required feed: {absent}; mend or deliver it, or take it out of "
        f"NIGHTLEDGER_REQUIRED_FEEDS ({setting})"
    )
    with writer(purpose="test") as con:
        stored = sql.frame(con, "select feed, status from wh.ops.feed_deliveries where files > 0")
    assert stored.rows() == [("transactions", "refused")]


def test_it_goes_on_where_no_feed_is_required(opened_home, monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_REQUIRED_FEEDS", "")
    feeds.record_feeds.fn(NIGHT, IngestSummary(portfolio="lender", files=(REFUSED,)))
    assert {delivery.status for delivery in feeds.feeds_of(NIGHT)} == {"refused", "never delivered"}
