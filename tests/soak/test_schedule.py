"""The schedule of faults and the reading of a night's lines."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.soak.programs import Timeline, step_of, timeline
from tests.soak.schedule import (
    AT_A_STEP,
    FIRST_NIGHT_ONLY,
    LATER_NIGHTS_ONLY,
    SHARES,
    STEPS,
    VARIANTS,
    schedule,
)


def test_a_seed_is_a_schedule():
    first, again, other = (schedule(seed, faults=30, homes=2, nights=range(3)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_faults_are_of_every_kind_at_every_step_on_every_home_and_night(seed):
    dealt = schedule(seed, faults=100, homes=4, nights=range(5))
    assert Counter(fault.kind for fault in dealt) == SHARES
    assert {(fault.kind, fault.variant) for fault in dealt} == {
        (kind, variant) for kind in SHARES for variant in VARIANTS[kind]
    }
    assert {fault.step for fault in dealt if fault.kind == "kill"} >= {*STEPS} - {*FIRST_NIGHT_ONLY}
    assert set(Counter((fault.home, fault.night) for fault in dealt).values()) == {5}


@pytest.mark.parametrize("seed", range(5))
def test_a_step_is_struck_only_on_a_night_that_has_it(seed):
    dealt = schedule(seed, faults=100, homes=4, nights=range(5))
    assert not {fault.step for fault in dealt if fault.night > 0} & {*FIRST_NIGHT_ONLY}
    assert not {fault.step for fault in dealt if fault.night == 0} & {*LATER_NIGHTS_ONLY}


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("01:35:03  deliver     simulated-120-7  25 rows in 3 files through 2026-07-01  0.2 s", "deliver"),
        ("01:35:03                transactions                   16 rows", None),
        ("01:35:04  transactions        39 files  16 rows  38 loaded before  0.2 s", "ingest"),
        ("01:35:06  Great Expectations loaded in 1.7 s", "validate feeds"),
        ("01:35:07  validate    gate feeds: 8 suites, 44 passed, 63 not applicable, 2.2 s", "validate feeds"),
        ("01:35:10  validate    gate scores: 1 suite, 18 passed, 0.2 s", "validate scores"),
        ("01:35:09  champion    operational_risk 2026-06-30-202a69dc, trained on", "champion"),
        ("01:35:15  report      report-2026-07-01.html and 1 model cards in /home", "report"),
        ("01:35:15  portfolio   102 scored, 33 of them in default", None),
        ("nightly refused: nothing", None),
        ("", None),
    ],
)
def test_a_line_tells_its_step(line, step):
    assert step_of(line) == step


def test_a_timeline_holds_the_first_and_the_last_line_of_each_step():
    lines = [
        (9.0, "00:00:09  deliver     lender  25 rows in 3 files  2.0 s"),
        (10.0, "00:00:10  enterprises         10 files  0.0 s"),
        (12.0, "00:00:12  transactions        10 files  2.0 s"),
        (15.0, "00:00:15  champion    none yet"),
        (16.0, "00:00:16  features    a snapshot of the training"),
        (20.0, "00:00:20  score       120 enterprises"),
    ]
    usual = timeline(lines, 30.0)
    assert usual == Timeline(
        first={"start": 0.0, "deliver": 9.0, "ingest": 10.0, "champion": 15.0, "score": 20.0},
        last={"start": 7.0, "deliver": 9.0, "ingest": 12.0, "champion": 16.0, "score": 20.0},
        end=30.0,
    )
    assert usual.before("deliver") == "start"
    assert usual.before("score") == "champion"
    assert usual.before("train") == "champion"


@pytest.mark.parametrize("seed", range(3))
def test_a_fault_of_a_whole_night_has_no_step(seed):
    dealt = schedule(seed, faults=100, homes=4, nights=range(5))
    assert {fault.kind for fault in dealt if fault.step == "any"} == {*SHARES} - {*AT_A_STEP}
