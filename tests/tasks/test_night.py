"""Which day a night is for, wherever and whenever it really ran, and how its end is told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from tasks import night
from tasks.night import end_run, open_run
from warehouse import ledger
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.publishing.publish import publish
from warehouse.publishing.published import ask
from warehouse.settings import settings


class Nothing(BaseModel):
    """A run without parameters."""


@pytest.mark.parametrize(
    ("zone", "scheduled", "day"),
    [
        # half past midnight in Berlin is still the evening before in UTC
        ("Europe/Berlin", datetime(2026, 6, 30, 22, 30, tzinfo=UTC), date(2026, 6, 30)),
        ("UTC", datetime(2026, 6, 30, 22, 30, tzinfo=UTC), date(2026, 6, 29)),
        ("America/New_York", datetime(2026, 7, 1, 3, 30, tzinfo=UTC), date(2026, 6, 29)),
        # the night in which clocks go forward, and the one in which they go back
        ("Europe/Berlin", datetime(2026, 3, 29, 0, 30, tzinfo=UTC), date(2026, 3, 28)),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), date(2026, 10, 24)),
        ("Europe/Berlin", datetime(2028, 3, 1, 1, 30, tzinfo=UTC), date(2028, 2, 29)),
    ],
)
def test_a_night_is_for_the_day_before_its_scheduled_start(zone, scheduled, day, home, monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_TIMEZONE", zone)
    monkeypatch.setattr(night, "flow_run", SimpleNamespace(scheduled_start_time=scheduled))
    assert night.last_closed_day() == day


def test_without_a_schedule_it_is_the_day_before_now_on_the_lenders_calendar(home, monkeypatch):
    monkeypatch.setattr(night, "flow_run", SimpleNamespace(scheduled_start_time=None))

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 6, 30, 22, 30, tzinfo=UTC).astimezone(tz)

    monkeypatch.setattr(night, "datetime", Clock)
    monkeypatch.setenv("NIGHTLEDGER_TIMEZONE", "Europe/Berlin")
    assert night.last_closed_day() == date(2026, 6, 30)
    monkeypatch.setenv("NIGHTLEDGER_TIMEZONE", "UTC")
    assert night.last_closed_day() == date(2026, 6, 29)


def test_the_snapshot_of_a_leap_day_is_a_horizon_of_days_before_it():
    wanted = OutcomeDefinition("dpd90", 365).snapshot_dates(date(2028, 2, 29), snapshots=2)
    assert wanted == (date(2026, 3, 1), date(2027, 3, 1))


def test_why_a_run_did_not_end_well_is_told_to_readers(opened_home):
    run_id = open_run("nightly", portfolio="lender", as_of_date=date(2026, 6, 30), parameters=Nothing())
    with pytest.raises(Refused, match="no rows"), end_run(run_id):
        raise Refused("no rows")
    assert ask("select status, message from ops.run_ledger").rows() == [("refused", "no rows")]


def told(run_id: str) -> list[tuple[object, ...]]:
    """What the published copy tells of a run."""
    return ask(
        f"select status, finished_at is null, message from ops.run_ledger where run_id = '{run_id}'"
    ).rows()


def open_night() -> str:
    return open_run("nightly", portfolio="lender", as_of_date=date(2026, 6, 30), parameters=Nothing())


def score_night(run_id: str) -> None:
    with writer(purpose="test") as con:
        ledger.mark_scored(con, Night("lender", date(2026, 6, 30), run_id), counts={})


def publish_night(run_id: str) -> None:
    with writer(purpose="test") as con:
        publish(con, run_id)


@pytest.mark.parametrize(
    ("scored", "status", "message"), [(True, "published", "scores committed"), (False, "running", None)]
)
def test_readers_see_that_a_published_run_is_done(scored, status, message, opened_home):
    run_id = open_night()
    with end_run(run_id) as counts:
        if scored:
            score_night(run_id)
        publish_night(run_id)
        assert told(run_id) == [(status, True, message)]
        counts["files"] = 3
    assert told(run_id) == [("done", False, message)]
    with writer(purpose="test") as con:
        assert con.execute("select status, counts from wh.ops.run_ledger").fetchall() == [
            ("done", '{"files":3}')
        ]


def test_a_run_that_publishes_through_others_is_told_as_done_too(opened_home):
    backfill = open_run("backfill", portfolio="lender", as_of_date=date(2026, 6, 30), parameters=Nothing())
    with end_run(backfill):
        nightly = open_night()
        with end_run(nightly):
            score_night(nightly)
            publish_night(nightly)
        assert told(backfill) == [("running", True, None)]
    assert told(backfill) == [("done", False, None)]


def test_a_run_that_published_nothing_renews_and_makes_no_copy(opened_home, monkeypatch):
    with end_run(open_night()):
        pass
    assert not settings().published_file.exists()
    publish_night("another run")
    monkeypatch.setattr(night, "publish_runs", lambda *_: pytest.fail("nothing of the run is published"))
    with end_run(open_night()):
        pass


def test_a_run_is_done_also_if_the_copy_cannot_say_so(opened_home, monkeypatch, caplog):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(night, "publish_runs", full)
    run_id = open_night()
    with end_run(run_id):
        score_night(run_id)
        publish_night(run_id)
    assert f"the published copy does not tell that run {run_id} is done" in caplog.text
    assert "no space left" in caplog.text
    assert told(run_id) == [("published", True, "scores committed")]
    with writer(purpose="test") as con:
        assert con.execute("select status from wh.ops.run_ledger").fetchall() == [("done",)]


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (Refused("a gate said no"), "refused", "a gate said no (its scores are written)"),
        (ValueError("boom\nin detail"), "failed", "ValueError: boom (its scores are written)"),
    ],
)
def test_a_run_that_ends_badly_after_its_scores_says_that_they_are_there(error, status, line, opened_home):
    def score_and_fail() -> None:
        with end_run(run_id):
            score_night(run_id)
            raise error

    run_id = open_night()
    with pytest.raises(type(error)):
        score_and_fail()
    assert told(run_id) == [(status, False, line)]


def test_a_ledger_that_cannot_be_written_hides_no_error(opened_home, monkeypatch, caplog):
    def full(*_, **__):
        raise OSError("no space left")

    run_id = open_night()
    monkeypatch.setattr(ledger, "finish_run", full)
    with pytest.raises(ZeroDivisionError), end_run(run_id):
        1 / 0  # noqa: B018
    assert "no space left" in caplog.text


def test_a_copy_that_cannot_be_written_hides_no_error(opened_home, monkeypatch, caplog):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(night, "publish_runs", full)
    run_id = open_run("nightly", portfolio="lender", as_of_date=date(2026, 6, 30), parameters=Nothing())
    with pytest.raises(ZeroDivisionError), end_run(run_id):
        1 / 0  # noqa: B018
    assert f"the published copy does not tell of run {run_id}" in caplog.text
    with writer(purpose="test") as con:
        assert con.execute("select status from wh.ops.run_ledger").fetchall() == [("failed",)]
