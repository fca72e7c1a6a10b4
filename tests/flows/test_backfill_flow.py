"""Nights in order, one after the other; a night that fails stops them."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from flows import backfill as module
from flows.backfill import BackfillParameters, backfill
from warehouse import sql
from warehouse.connection import writer
from warehouse.errors import Refused

pytestmark = pytest.mark.server

FIRST, LAST = date(2026, 6, 1), date(2026, 6, 4)


@pytest.fixture
def nights(home, prefect_session, monkeypatch):
    """What nights were asked for; the second is done already and the third fails where told."""
    asked: list[date] = []
    fails: list[Exception] = []

    def nightly(run):
        asked.append(run.as_of)
        if fails and run.as_of == date(2026, 6, 3):
            raise fails[0]

    def done_night(night, _parameters):
        return ("r2", "done") if night.as_of_date == date(2026, 6, 2) else (None, "not run yet")

    monkeypatch.setattr(module, "nightly", nightly)
    monkeypatch.setattr(module, "done_night", done_night)
    return asked, fails


def ledger() -> tuple[object, ...]:
    with writer(purpose="test") as con:
        return sql.frame(
            con,
            "select status, counts ->> 'nights', counts ->> 'run', counts ->> 'skipped' from wh.ops.run_ledger",
        ).row(0)


def test_what_is_done_is_skipped_unless_again(nights):
    asked, _ = nights
    backfill(run=BackfillParameters(first=FIRST, last=LAST))
    assert [day.day for day in asked] == [1, 3, 4]
    assert ledger() == ("done", "4", "3", "1")
    asked.clear()
    backfill(run=BackfillParameters(first=FIRST, last=LAST, again=True))
    assert [day.day for day in asked] == [1, 2, 3, 4]


@pytest.mark.parametrize("error", [Refused("a gate said no"), ValueError("boom")])
def test_a_night_that_fails_stops_it_with_one_line(error, nights):
    asked, fails = nights
    fails.append(error)
    kind = Refused if isinstance(error, Refused) else RuntimeError
    with pytest.raises(
        kind, match=r"stopped at 2026-06-03: .*2 of 4 nights are there .* goes on at 2026-06-03"
    ):
        backfill(run=BackfillParameters(first=FIRST, last=LAST))
    assert [day.day for day in asked] == [1, 3]
    assert ledger()[1:] == ("4", "1", "1")


def test_a_day_that_is_not_closed_is_refused(nights):
    with pytest.raises(Refused, match="is not closed yet: the last closed day is"):
        backfill(run=BackfillParameters(first=FIRST, last=date(2999, 1, 1)))


def test_the_options_are_called_from_and_to():
    run = BackfillParameters(**{"from": FIRST, "to": LAST, "enterprises": 300})
    assert (run.first, run.last) == (FIRST, LAST)
    night = run.night(FIRST)
    assert (night.as_of, night.enterprises, night.stale_days) == (FIRST, 300, 90)
    with pytest.raises(ValidationError, match="--to must not lie before --from"):
        BackfillParameters(**{"from": LAST, "to": FIRST})
    with pytest.raises(ValidationError, match="--landing DIR goes with --source folder"):
        BackfillParameters(**{"from": FIRST, "source": "folder"})
