"""The ledger tells the truth at every moment, and its runs are in the order of starting whatever the clock says."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest

from warehouse import ledger, roles, scores
from warehouse import settings as settings_module
from warehouse.connection import reader, writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.publishing import publish
from warehouse.roles import RoleRecord

NIGHT = date(2026, 6, 30)
# clocks in Berlin go back on 25 October 2026 at 01:00 UTC, so that 02:30 comes at 00:30 and at 01:30 UTC
FIRST, SECOND = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)

DIE_AFTER = """
import os, sys
from datetime import date
from warehouse import ledger
from warehouse.connection import writer
from warehouse.night import Night
flow, status = sys.argv[1:]
with writer(purpose="night") as con:
    run_id = ledger.start_run(con, flow=flow, portfolio="lender", as_of_date=date(2026, 6, 30))
    if status != "running":
        ledger.mark_scored(con, Night("lender", date(2026, 6, 30), run_id), counts={"scores": 5})
    if status == "published":
        ledger.mark_published(con)
    os._exit(9)
"""


@pytest.fixture
def clock(monkeypatch):
    """Sets the clock to given instants, one after another; the last one stays."""

    def set_to(*instants: datetime) -> None:
        left = list(instants)

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return (left.pop(0) if len(left) > 1 else left[0]).astimezone(tz)

        monkeypatch.setattr(settings_module, "datetime", Clock)

    return set_to


def start(con, flow: str = "nightly") -> str:
    return ledger.start_run(con, flow=flow, portfolio="lender", as_of_date=NIGHT)


@pytest.mark.parametrize(
    ("instants", "stamps"),
    [
        ((FIRST, FIRST + timedelta(minutes=5)), ("20261025T023000", "20261025T023500")),
        ((FIRST, FIRST), ("20261025T023000", "20261025T023001")),  # two runs in one second
        ((FIRST, SECOND), ("20261025T023000", "20261025T023001")),  # the hour that comes twice
        ((SECOND, SECOND - timedelta(hours=1)), ("20261025T023000", "20261025T023001")),  # set back an hour
        ((SECOND, SECOND - timedelta(days=400)), ("20261025T023000", "20261025T023001")),
        # the last second of a year is followed by the first of the next
        ((datetime(2026, 12, 31, 22, 59, 59, 900_000, tzinfo=UTC),) * 2, ("20261231T235959", "20270101T000000")),
    ],
)  # fmt: skip
def test_run_ids_are_in_the_order_of_starting_whatever_the_clock_did(
    con, clock, monkeypatch, instants, stamps
):
    monkeypatch.setenv("NIGHTLEDGER_TIMEZONE", "Europe/Berlin")
    clock(*instants)
    run_ids = [start(con, flow) for flow in ("nightly", "backfill")]
    assert sorted(run_ids) == run_ids
    assert tuple(run_id.split("-")[0] for run_id in run_ids) == stamps
    # what the clock said is kept beside it
    local = [instant.astimezone(settings_module.ZoneInfo("Europe/Berlin")) for instant in instants]
    told = con.execute("select started_at from wh.ops.run_ledger order by run_id").fetchall()
    assert [row[0] for row in told] == [moment.replace(tzinfo=None) for moment in local]


def test_many_runs_in_one_second_stay_in_order_also_beside_ids_of_another_form(con, clock):
    con.execute("insert into wh.ops.run_ledger (run_id) values ('zzz'), ('2026'), ('99999999T999999-x')")
    clock(FIRST)
    run_ids = [start(con) for _ in range(70)]
    assert sorted(run_ids) == run_ids
    assert [run_ids[0][:15], run_ids[-1][:15]] == ["20261025T003000", "20261025T003109"]


def test_a_run_has_ended_only_when_it_is_done(portfolio):
    con, query = portfolio.con, "select status, finished_at is null, message from ops.run_ledger"

    def told(copy: bool) -> list[tuple[object, ...]]:
        if not copy:
            return con.execute(query.replace("from ", "from wh.")).fetchall()
        with reader() as published:
            return published.execute(query).fetchall()

    run_id = portfolio.stage(portfolio.rows())
    assert told(copy=False) == [("running", True, None)]
    ledger.mark_scored(con, Night("lender", NIGHT, run_id), counts={"scores": 5})
    assert told(copy=False) == [("scored", True, "scores committed")]
    publish.publish(con, run_id)
    assert told(copy=False) == told(copy=True) == [("published", True, "scores committed")]
    ledger.finish_run(con, run_id, status="done", counts={"files": 2})
    assert told(copy=False) == [("done", False, "scores committed")]
    assert portfolio.one("select counts from wh.ops.run_ledger") == ('{"scores":5,"files":2}',)


def test_who_replaces_the_scores_of_a_run_that_never_ended_aborts_it(portfolio):
    con = portfolio.con
    before = NIGHT - timedelta(days=1)
    portfolio.features(before)
    other_night = portfolio.score(portfolio.rows(), before)
    runs = [portfolio.score() for _ in range(2)]
    ledger.finish_run(con, runs[1], status="failed", message="OSError: no space left")
    runs.append(portfolio.score())
    ledger.finish_run(con, runs[2], status="done")
    runs.append(portfolio.score())
    publish.publish(con, runs[3])
    runs.append(portfolio.score())
    told = con.execute(
        "select run_id, status, message, finished_at is not null from wh.ops.run_ledger order by run_id"
    ).fetchall()
    replaced = "ended after its scores were written; run {} replaced them"
    assert told == [
        (other_night, "published", "scores committed", False),
        (runs[0], "aborted", replaced.format(runs[1]), True),
        (runs[1], "failed", "OSError: no space left", True),
        (runs[2], "done", "scores committed", True),
        (runs[3], "aborted", replaced.format(runs[4]), True),
        (runs[4], "scored", "scores committed", False),
    ]


def test_scores_that_are_refused_abort_nobody(portfolio):
    first = portfolio.score()
    run_id = portfolio.stage(portfolio.rows().with_columns(pd=None))  # fails an audit
    with pytest.raises(Refused):
        scores.commit_scores(portfolio.con, Night("lender", NIGHT, run_id))
    assert portfolio.con.execute("select run_id, status from wh.ops.run_ledger order by 1").fetchall() == [
        (first, "scored"),
        (run_id, "running"),
    ]


@pytest.mark.parametrize(
    ("flow", "status", "expected"),
    [
        ("nightly", "running", ("aborted", "its process ended without a word; safe to run again", True)),
        ("nightly", "scored", ("scored", "goes on from there", False)),
        ("nightly", "published", ("published", "goes on from there", False)),
        ("score", "scored", ("scored", "scores were written", False)),
    ],
)
def test_a_dead_run_is_told_as_far_as_it_came(home, flow, status, expected):
    process = subprocess.run([sys.executable, "-c", DIE_AFTER, flow, status], check=False)
    assert process.returncode == 9
    for _ in range(2):  # the second writer finds nothing to say
        with writer(purpose="next") as con:
            row = con.execute(
                "select status, message, finished_at is not null from wh.ops.run_ledger"
            ).fetchone()
            assert (row[0], row[2]) == (expected[0], expected[2])
            assert row[1].endswith(expected[1])
            if status != "running":
                assert row[1].startswith("its process ended after its scores were written")


def test_a_living_run_that_is_scored_is_not_taken_for_dead(portfolio):
    portfolio.score()
    assert ledger.abort_dead_runs(portfolio.con) == 0
    assert portfolio.one("select status, message from wh.ops.run_ledger") == ("scored", "scores committed")


def test_approvals_are_in_the_order_of_recording_when_the_clock_goes_back(con, clock):
    clock(SECOND, FIRST)
    for role in ("challenger", "champion"):
        roles.record(
            con,
            RoleRecord(
                portfolio="lender", model_family="f", model_version="1", role=role, effective_from=NIGHT,
                reason="r", approver="a", run_id="run",
            ),
        )  # fmt: skip
    key = {"portfolio": "lender", "as_of_date": NIGHT}
    assert con.execute(f"select role_on_date from ({roles.ON_DATE})", key).fetchall() == [("champion",)]
