"""The table counts what was tried and shows every line that is wrong."""

from __future__ import annotations

from tests.soak.course import Tried
from tests.soak.schedule import Fault
from tests.soak.soak import Soak
from tests.soak.table import table


def test_rows_add_up_and_nothing_wrong_is_left_out():
    kill = Fault(1, 0, 0, "kill", "the group", "score", 0.5)
    disk = Fault(2, 0, 0, "disk", "", "any", 0.25)
    tried = [
        Tried(kill, met=True, codes=(-9,), last_line="", wrong=()),
        Tried(kill, met=False, codes=(0,), last_line="", wrong=("doubled in scores", "left behind")),
        Tried(disk, met=True, codes=(1,), last_line="nightly failed: no space", wrong=()),
    ]
    assert table(Soak(tried, ["home-0 at the end: raw.transactions"], 90.0)).splitlines() == [
        "| fault | step | tried | met a running night | ended (exit code: times) | wrong |",
        "|---|---|---|---|---|---|",
        "| kill | score | 2 | 1 | -9: 1, 0: 1 | 2 |",
        "| disk | any | 1 | 1 | 1: 1 |  |",
        "",
        f"WRONG after {kill}: doubled in scores",
        f"WRONG after {kill}: left behind",
        "WRONG home-0 at the end: raw.transactions",
        "3 faults tried, 3 violations, 1.5 minutes",
    ]
