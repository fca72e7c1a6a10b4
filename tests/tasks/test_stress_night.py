"""Scenarios are read from the month after the night on, and a set that does not reach it is left out with a line."""

from __future__ import annotations

import logging
from datetime import date, datetime

import pytest

from tasks.stress import paths_of
from warehouse.scenarios import Scenario, ScenarioSet

HELD = ScenarioSet(
    decided_on=date(2026, 1, 15),
    known_at=datetime(2026, 1, 15),
    first_month=date(2026, 2, 1),
    last_month=date(2031, 12, 1),
    scenarios=(Scenario("base", 0.8, tuple(map(float, range(71)))), Scenario("bad", 0.2, (-2.0,) * 71)),
)


@pytest.mark.parametrize(
    ("night", "first", "months"),
    [
        (date(2026, 1, 31), 0.0, 60),  # curves have 60 months
        (date(2026, 12, 30), 11.0, 60),
        (date(2027, 1, 1), 12.0, 59),
        (date(2031, 11, 30), 70.0, 1),
    ],
)
def test_the_first_month_is_the_one_after_the_night(night, first, months):
    base, bad = paths_of(HELD, night)
    assert (base.factors[0], len(base.factors), len(bad.factors)) == (first, months, months)
    assert (bad.name, bad.weight) == ("bad", 0.2)


@pytest.mark.parametrize("night", [date(2025, 12, 31), date(2031, 12, 1)])
def test_a_set_that_does_not_reach_the_night_is_left_out_and_a_line_says_so(night, caplog):
    caplog.set_level(logging.INFO, logger="nightledger")
    assert paths_of(HELD, night) == []
    assert f"have the months 2026-02 to 2031-12, not the one after {night}: they are left out" in caplog.text
    assert caplog.records[0].levelname == "WARNING"


def test_without_scenarios_a_line_says_so(caplog):
    caplog.set_level(logging.INFO, logger="nightledger")
    assert paths_of(None, date(2026, 6, 30)) == []
    assert "no scenarios are delivered: as scored and the severe year only" in caplog.text
