"""A night is skipped only where it would see the same again; a stop says what is done and how to go on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from scored_night import DAY, GIVEN, MODEL

from tasks import backfill
from warehouse import ledger
from warehouse.night import Night
from warehouse.settings import Settings


def why(parameters: dict[str, Any] = GIVEN, day: date = DAY) -> tuple[str | None, str]:
    return backfill.done_night.fn(Night("p", day, "backfill"), parameters)


def test_the_same_night_is_done(scored):
    _, run_id, _ = scored
    assert why() == (run_id, "done with the same inputs")
    # the scheduled night of that day had no as_of
    assert why({**GIVEN, "as_of": None})[0] == run_id


def test_another_night_is_not(scored):
    con, run_id, now = scored
    assert why(day=date(2026, 3, 1)) == (None, "not run yet")
    assert why({**GIVEN, "enterprises": 300}) == (None, "other parameters then: enterprises")
    now[0] = MODEL.model_copy(update={"role": "challenger"})
    assert why() == (None, "other models or roles then")
    now[0] = MODEL
    for status in ("scored", "published", "failed", "refused"):
        con.execute("update wh.ops.run_ledger set status = ?", [status])
        assert why() == (None, f"not done: {run_id} is {status}")
    con.execute("update wh.ops.run_ledger set status = 'done', flow = 'score'")
    assert why() == (None, "scored by score last")


@pytest.mark.parametrize(
    ("known_at", "late"), [("2026-02-28 23:59:59", True), ("2026-03-01 00:00:00", False)]
)
def test_facts_of_the_date_that_come_later_make_it_due_again(known_at, late, scored):
    con, run_id, _ = scored
    con.execute(
        "insert into wh.raw.legal_cases (portfolio, case_id, enterprise_id, filed_on, role, known_at, run_id) "
        "values ('p', 'c', 'e0', '2026-02-01', 'defendant', ?, ?)",
        [known_at, f"{run_id}z"],
    )
    assert why() == ((None, "facts of the date came later: legal_cases") if late else (run_id, why()[1]))


def test_a_corrected_file_makes_it_due_again(scored):
    con, run_id, _ = scored
    con.execute(
        "insert into wh.ops.file_ledger (portfolio, feed, path, replaces, run_id) "
        "values ('p', 'outcomes', 'outcomes/a.csv', 'abc', ?)",
        [f"{run_id}z"],
    )
    assert why() == (None, "facts of the date came later: outcomes")


@pytest.mark.parametrize("back", [timedelta(0), timedelta(hours=1), timedelta(days=400)])
@pytest.mark.parametrize("flow", ["ingest", "nightly"])
def test_a_late_file_is_late_also_if_the_clock_was_set_back(back, flow, scored, monkeypatch):
    con, _, _ = scored
    now = Settings.local_now
    monkeypatch.setattr(Settings, "local_now", lambda conf: now(conf) - back)
    load = ledger.start_run(con, flow=flow, portfolio="p", as_of_date=None)
    con.execute(
        "insert into wh.raw.legal_cases (portfolio, case_id, enterprise_id, filed_on, role, known_at, run_id) "
        "values ('p', 'c', 'e0', '2026-02-01', 'defendant', '2026-02-28', ?)",
        [load],
    )
    assert why() == (None, "facts of the date came later: legal_cases")


def test_every_day_is_run_also_the_leap_day():
    assert backfill.days(date(2028, 2, 28), date(2028, 3, 1)) == (
        date(2028, 2, 28),
        date(2028, 2, 29),
        date(2028, 3, 1),
    )
    assert backfill.days(DAY, DAY) == (DAY,)


def test_the_time_left_is_that_of_nights_that_train_nothing(monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")
    wanted = backfill.days(date(2026, 6, 1), date(2026, 6, 5))
    clock = iter([0.0, 0.0, 100.0, 100.0, 110.0, 110.0, 130.0])
    monkeypatch.setattr(backfill.time, "perf_counter", lambda: next(clock))
    progress = backfill.BackfillProgress(wanted)
    for day in wanted[:3]:
        progress.begin(day, "not run yet")
        progress.finish(day)
    done = [line for line in caplog.messages if " done " in line]
    assert [line.split(", ", 1)[1] for line in done] == [
        "4 to go, at most about 400 s if all were as long",
        "3 to go, about 30 s at the pace since the first night",
        "2 to go, about 30 s at the pace since the first night",
    ]


def test_a_stop_says_what_is_done_and_how_to_go_on():
    wanted = backfill.days(date(2026, 6, 1), date(2026, 6, 5))
    progress = backfill.BackfillProgress(wanted)
    progress.skip(wanted[0], "r1")
    assert progress.stop_message(wanted[2], ValueError("no feed\nin detail")) == (
        "backfill stopped at 2026-06-03: no feed; 2 of 5 nights are there (2026-06-01 to 2026-06-02 done; 0 run now, "
        "1 skipped); mend the cause and give the same command again, it goes on at 2026-06-03"
    )
    assert "0 of 5 nights are there (none done;" in progress.stop_message(wanted[0], ValueError("no"))
