"""Which day a night is for, wherever and whenever it really ran, and how its end is told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from tasks import night
from tasks.night import end_run, open_run
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.outcome import OutcomeDefinition
from warehouse.published import ask


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


def test_why_a_run_did_not_end_well_is_told_to_readers(home):
    run_id = open_run("nightly", portfolio="lender", as_of_date=date(2026, 6, 30), parameters=Nothing())
    with pytest.raises(Refused, match="no rows"), end_run(run_id):
        raise Refused("no rows")
    assert ask("select status, message from ops.run_ledger").rows() == [("refused", "no rows")]


def test_a_copy_that_cannot_be_written_hides_no_error(home, monkeypatch, caplog):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(night, "publish_runs", full)
    run_id = open_run("nightly", portfolio="lender", as_of_date=date(2026, 6, 30), parameters=Nothing())
    with pytest.raises(ZeroDivisionError), end_run(run_id):
        1 / 0  # noqa: B018
    assert f"the published copy does not tell of run {run_id}" in caplog.text
    with writer(purpose="test") as con:
        assert con.execute("select status from wh.ops.run_ledger").fetchall() == [("failed",)]
