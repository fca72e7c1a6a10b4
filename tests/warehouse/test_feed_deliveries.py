"""What each feed brought is stored for the run of a night, by what was known by the end of its date."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from warehouse import feed_deliveries
from warehouse.feed_deliveries import FeedDelivery
from warehouse.intake.feeds import FEEDS
from warehouse.intake.ingest import IngestResult
from warehouse.night import Night

NIGHT = Night("lender", date(2026, 6, 30), "20260701T023000-nightly-a")


def result(path: str, status: str, **more: Any) -> IngestResult:
    feed, _ = path.split("/")
    return IngestResult(path=path, feed=feed, status=status, **more)  # type: ignore[arg-type]


def known(con, day: str, *, portfolio: str = "lender", feed: str = "legal_cases") -> None:
    con.execute(
        f"insert into wh.raw.{feed} by name select ? as portfolio, cast(? as timestamp) as known_at",
        [portfolio, day],
    )


@pytest.fixture
def con(con):
    """A cursor on a warehouse whose raw tables take rows with nothing but a portfolio and a day."""
    for feed in ("legal_cases", "transactions"):
        con.execute(f"create or replace table wh.raw.{feed} (portfolio varchar, known_at timestamp)")
    return con


def rows(con, night: Night = NIGHT) -> dict[str, FeedDelivery]:
    return {delivery.feed: delivery for delivery in feed_deliveries.of_night(con, night)}


@pytest.mark.parametrize(
    ("statuses", "known_at", "expected"),
    [
        ((), None, "never delivered"),
        ((), "2026-06-30 23:59:59", "nothing new"),
        ((), "2026-07-01 00:00:00", "never delivered"),  # known after the night's date
        (("loaded",), "2026-06-30 12:00:00", "delivered"),
        (("loaded",), None, "never delivered"),  # no row of the file was usable, or none is known yet
        (("already_loaded",), "2026-06-30 12:00:00", "nothing new"),
        (("loaded", "refused"), "2026-06-30 12:00:00", "refused"),
        (("refused",), None, "refused"),
    ],
)
def test_the_status_follows_from_the_files_and_from_what_is_known(con, statuses, known_at, expected):
    if known_at:
        known(con, known_at)
    known(con, "2026-06-30", portfolio="another lender")
    files = [result(f"legal_cases/{number}.csv", status) for number, status in enumerate(statuses)]
    feed_deliveries.record(con, NIGHT, files)
    assert set(rows(con)) == set(FEEDS)
    row = rows(con)["legal_cases"]
    assert row.status == expected
    by_the_end = known_at if known_at and known_at < "2026-07-01" else None
    assert row.last_delivery == (date(2026, 6, 30) if by_the_end else None)


def test_files_and_rows_are_counted_and_the_first_refusal_is_kept(con):
    feed_deliveries.record(
        con,
        NIGHT,
        [
            result("legal_cases/a.csv", "loaded", delivered=9, loaded=7, quarantined=2),
            result("legal_cases/b.csv", "already_loaded", delivered=5, loaded=5),
            result("legal_cases/c.csv", "refused", message="empty: the file has 0 bytes"),
            result("legal_cases/d.csv", "refused", message="columns: case_id is missing"),
            result("transactions/a.csv", "loaded", delivered=1, loaded=1),
        ],
    )
    assert rows(con)["legal_cases"] == FeedDelivery(
        feed="legal_cases", status="refused", files=4, files_loaded=1, files_refused=2,
        refused_path="legal_cases/c.csv", refused_reason="empty: the file has 0 bytes", loaded=7, quarantined=2,
    )  # fmt: skip
    assert rows(con)["transactions"].refused_path is None


def test_a_run_is_recorded_once_and_a_night_is_told_by_its_last_run_up_to_the_one_asked(con):
    feed_deliveries.record(con, NIGHT, [result("legal_cases/a.csv", "refused", message="no")])
    feed_deliveries.record(con, NIGHT, [result("legal_cases/a.csv", "refused", message="no")])
    later = NIGHT._replace(run_id="20260702T023000-nightly-b")
    feed_deliveries.record(con, later, [])
    feed_deliveries.record(con, NIGHT._replace(portfolio="other", run_id="20260702T030000-nightly-c"), [])
    assert con.execute("select count(*) from wh.ops.feed_deliveries").fetchone() == (3 * len(FEEDS),)
    assert rows(con)["legal_cases"].status == "refused"
    scored_again = NIGHT._replace(run_id="20260701T090000-score-d")
    assert rows(con, scored_again)["legal_cases"].status == "refused"
    assert rows(con, later)["legal_cases"].status == "never delivered"
    assert rows(con, NIGHT._replace(run_id="20260701T000000-nightly-e")) == {}


@pytest.mark.parametrize(
    ("severity", "status", "expected"),
    [
        ("alarm", "loaded", "missing"),
        ("alarm", "already_loaded", "missing"),
        ("alarm", "refused", "refused"),
        ("watch", "already_loaded", "nothing new"),
        ("unknown", "loaded", "delivered"),
    ],
)
def test_a_feed_is_missing_where_the_watch_is_alarmed_by_its_age(con, severity, status, expected):
    known(con, "2026-05-01")
    feed_deliveries.record(con, NIGHT, [result("legal_cases/a.csv", status)])
    for measure, subject, day, level in (
        ("feed_age", "legal_cases", "2026-06-30", severity),
        ("feed_age", "overrides", "2026-06-29", "alarm"),
        ("psi_batch", "transactions", "2026-06-30", "alarm"),
    ):
        con.execute(
            "insert into wh.ops.monitoring by name select 'lender' as portfolio, cast(? as date) as as_of_date, "
            "? as measure, ? as subject, ? as severity",
            [day, measure, subject, level],
        )
    feed_deliveries.mark_missing(con, NIGHT)
    assert rows(con)["legal_cases"].status == expected
    assert rows(con)["overrides"].status == rows(con)["transactions"].status == "never delivered"


def test_a_feed_that_is_missing_is_missing_in_the_run_that_scored_and_in_those_that_went_on_from_it(con):
    known(con, "2026-05-01")
    before = NIGHT._replace(run_id="20260630T023000-nightly-b")
    went_on = NIGHT._replace(run_id="20260701T030000-nightly-c")
    another_date = Night("lender", date(2026, 7, 1), "20260702T023000-nightly-d")
    for night in (before, NIGHT, went_on, another_date):
        feed_deliveries.record(con, night, [result("legal_cases/a.csv", "already_loaded")])
    con.execute(
        "insert into wh.ops.monitoring by name select 'lender' as portfolio, date '2026-06-30' as as_of_date, "
        "'feed_age' as measure, 'legal_cases' as subject, 'alarm' as severity"
    )
    feed_deliveries.mark_missing(con, NIGHT)
    assert [rows(con, night)["legal_cases"].status for night in (before, NIGHT, went_on, another_date)] == [
        "nothing new",
        "missing",
        "missing",
        "nothing new",
    ]


def test_the_worst_come_first(con):
    known(con, "2026-06-30", feed="transactions")
    feed_deliveries.record(con, NIGHT, [result("outcomes/a.csv", "refused", message="no")])
    statuses = [row.status for row in rows(con).values()]
    assert statuses == ["refused", *["never delivered"] * (len(FEEDS) - 2), "nothing new"]
