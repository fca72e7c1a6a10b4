"""A night goes on from scores whose run did not come to its end, and from no others."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from scored_night import DAY, GIVEN, MODEL, score_borrower

from tasks import kept_scores
from warehouse import ledger
from warehouse.night import Night

UNFINISHED = ("scored", "published", "failed", "refused")


@pytest.fixture
def unfinished(scored):
    """A night that is scored, but whose run has not ended, as cursor, run, models, and the run that looks for it."""
    con, run_id, now = scored
    con.execute("create table wh.features.feat_profile (portfolio varchar, as_of_date date, region varchar)")
    con.execute("insert into wh.features.feat_profile values ('p', ?, 'north')", [DAY])
    con.execute("delete from wh.scores.portfolio_scores")
    score_borrower(con, DAY, run_id)
    con.execute("update wh.ops.run_ledger set status = 'scored', finished_at = null")
    own = ledger.start_run(con, flow="nightly", portfolio="p", as_of_date=DAY, parameters=GIVEN)
    return con, run_id, now, Night("p", DAY, own)


def run_of(night: Night, parameters: dict[str, Any] = GIVEN) -> str:
    return kept_scores.scores_to_go_on_from.fn(night, parameters).run_id


def told(con) -> list[tuple[object, ...]]:
    return con.execute(
        "select status, message, finished_at is not null from wh.ops.run_ledger order by run_id"
    ).fetchall()


@pytest.mark.parametrize("status", UNFINISHED)
@pytest.mark.parametrize("as_of", [DAY, None])
def test_it_goes_on_whatever_kept_the_run_from_its_end(unfinished, status, as_of, caplog):
    caplog.set_level("INFO", logger="nightledger")
    con, run_id, _, night = unfinished
    con.execute("update wh.ops.run_ledger set status = ?, message = 'why' where run_id = ?", [status, run_id])
    assert run_of(night, {**GIVEN, "as_of": as_of}) == run_id
    assert caplog.messages == [f"night       goes on from {run_id} ({status}), whose scores are kept"]
    went_on = f"went on from {run_id}, whose scores are kept"
    at_work = "published" if status == "published" else "scored"
    assert told(con) == [(at_work, "why", False), ("running", went_on, False)]
    kept_scores.finish_kept.fn(night._replace(run_id=run_id), by=night)
    ledger.finish_run(con, night.run_id, status="done")
    assert told(con) == [("done", f"why; finished by {night.run_id}", True), ("done", went_on, True)]


def change_parameters(con, run_id, now, night):
    con.execute(
        "update wh.ops.run_ledger set parameters = json_merge_patch(parameters, '{\"enterprises\": 300}') "
        "where run_id = ?",
        [run_id],
    )


def change_model(con, run_id, now, night):
    now[0] = MODEL.model_copy(update={"fingerprint": "1" * 64})


def change_role(con, run_id, now, night):
    now[0] = MODEL.model_copy(update={"role": "challenger"})


def change_features(con, run_id, now, night):
    con.execute("update wh.features.feat_profile set region = 'south'")


def change_code(con, run_id, now, night):
    con.execute("update wh.ops.run_ledger set revision = 'abc' where run_id = ?", [run_id])


def choose_leader(con, run_id, now, night):
    con.execute(
        "insert into wh.ops.class_leaders by name select 'p' as portfolio, 'thin' as coverage, 'toy' as model_family, "
        "? as effective_from, 'w' as reason, 'c' as approver, 'r' as run_id",
        [DAY],
    )


def score_by_hand(con, run_id, now, night):
    con.execute("update wh.ops.run_ledger set flow = 'score' where run_id = ?", [run_id])


def score_night_before(con, run_id, now, night):
    score_borrower(con, DAY - timedelta(days=1), night.run_id)


def load(known_at: str):
    def load_late(con, run_id, now, night):
        con.execute(
            "insert into wh.raw.legal_cases (portfolio, case_id, enterprise_id, filed_on, role, known_at, run_id) "
            "values ('p', 'c', 'e0', '2026-02-01', 'defendant', ?, ?)",
            [known_at, night.run_id],
        )

    return load_late


def correct_file(con, run_id, now, night):
    con.execute(
        "insert into wh.ops.file_ledger (portfolio, feed, path, replaces, run_id) "
        "values ('p', 'outcomes', 'outcomes/a.csv', 'abc', ?)",
        [night.run_id],
    )


@pytest.mark.parametrize("status", ["scored", "failed"])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (change_parameters, "other parameters then: enterprises"),
        (change_model, "other models or roles then"),
        (change_role, "other models or roles then"),
        (choose_leader, "another choice of who leads a class then"),
        (change_features, "other features then"),
        (change_code, "other code then: abc"),
        (score_by_hand, "scored by score last"),
        (score_night_before, "an earlier night was scored after it"),
        (load("2026-02-28 23:59:59"), "facts of the date came later: legal_cases"),
        (correct_file, "facts of the date came later: outcomes"),
    ],
)  # fmt: skip
def test_a_night_that_would_be_scored_otherwise_is_scored_anew(unfinished, status, change, reason, caplog):
    caplog.set_level("INFO", logger="nightledger")
    con, run_id, now, night = unfinished
    con.execute("update wh.ops.run_ledger set status = ? where run_id = ?", [status, run_id])
    change(con, run_id, now, night)
    assert run_of(night) == night.run_id
    assert caplog.messages == [f"night       scored anew, not from {run_id} ({status}) on: {reason}"]
    assert told(con)[0][0] == status
    assert told(con)[1] == ("running", None, False)


def score_next_night(con, run_id, now, night):
    score_borrower(con, DAY + timedelta(days=1), night.run_id)


@pytest.mark.parametrize("change", [load("2026-03-01 00:00:00"), score_next_night])
def test_what_the_night_could_not_know_does_not_matter(unfinished, change):
    con, run_id, now, night = unfinished
    change(con, run_id, now, night)
    assert run_of(night) == run_id


def test_a_night_that_is_done_or_not_scored_is_scored_anew(unfinished, caplog):
    caplog.set_level("INFO", logger="nightledger")
    con, run_id, _, night = unfinished
    ledger.finish_run(con, run_id, status="done")
    assert run_of(night) == night.run_id
    another = night.on(date(2026, 3, 1))
    assert kept_scores.scores_to_go_on_from.fn(another, GIVEN) == another
    assert caplog.messages == []


def test_a_night_that_scored_itself_is_left_to_its_own_end(unfinished):
    con, _, _, night = unfinished
    kept_scores.finish_kept.fn(night, by=night)
    assert con.execute(
        "select status from wh.ops.run_ledger where run_id = ?", [night.run_id]
    ).fetchone() == ("running",)
