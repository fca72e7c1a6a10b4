"""The time left is told at the pace of the pass that is running."""

from __future__ import annotations

from tasks import progress


def test_a_second_pass_has_a_pace_of_its_own(monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")
    clock = iter([0.0, 100.0, 200.0, 210.0, 220.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    say = progress.Progress("work")
    for done in (1, 2, 1, 2):
        say(done, 4)
    assert [line.split("about ")[1] for line in caplog.messages] == [
        "300 s left",
        "200 s left",
        "30 s left",
        "20 s left",
    ]
