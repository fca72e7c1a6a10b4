"""Overrides stand beside the model's grade and never over it, and are held against what happened."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from feed_rows import ENTERPRISES, write

from models.master_scale import MasterScaleSettings
from warehouse.intake.ingest import ingest_file
from warehouse.intake.landing import list_landing
from warehouse.partition import replace_partition

NIGHT = date(2026, 6, 30)


def decide(con, enterprise: str, new: str, day: str, until: str | None = None, **other: object) -> None:
    row = {
        "portfolio": "lender", "enterprise_id": enterprise, "decided_at": f"{day} 10:00:00", "old_grade": "C1",
        "new_grade": new, "decided_by": "am-7", "reason": "knows the owner", "valid_until": until,
        "known_at": f"{day} 10:00:00", "run_id": "r", **other,
    }  # fmt: skip
    con.execute(
        f"insert into wh.raw.overrides ({', '.join(row)}) values ({', '.join('?' * len(row))})",
        list(row.values()),
    )


def outcome(con, enterprise: str, day: str, past_due: int) -> None:
    con.execute(
        "insert into wh.raw.outcomes (portfolio, enterprise_id, outcome_date, days_past_due, known_at) "
        "values ('lender', ?, ?, ?, ?)",
        [enterprise, day, past_due, day],
    )


def shown(portfolio) -> dict[str, tuple[object, ...]]:
    rows = portfolio.con.execute(
        "select enterprise_id, grade, override_grade, override_until from wh.marts.mart_portfolio_latest"
    ).fetchall()
    return {who: (*rest,) for who, *rest in rows}


def test_a_delivered_file_is_visible_in_ops(con, tmp_path):
    write(tmp_path / "landing" / "enterprises" / "a.csv", ENTERPRISES)
    rows = [
        *(
            {
                "enterprise_id": "E0", "decided_at": f"2026-06-{day} 10:00:00", "old_grade": "C1", "new_grade": "B2",
                "decided_by": "am-7", "reason": "a large order came in", "valid_until": "2026-12-31",
            }
            for day in (20, 21, 22, 23)
        ),
        {
            "enterprise_id": "E1", "decided_at": "2026-06-20 10:00:00", "old_grade": "C1", "new_grade": "B2",
            "decided_by": "", "reason": "who knows", "valid_until": "",
        },
    ]  # fmt: skip
    write(tmp_path / "landing" / "overrides" / "june.csv", rows)
    results = {
        file.feed: ingest_file(con, file, portfolio="lender", run_id="r")
        for file in sorted(list_landing(tmp_path / "landing"), key=lambda file: file.feed)
    }
    assert (results["overrides"].loaded, results["overrides"].quarantined) == (4, 1)
    assert con.execute(
        "select enterprise_id, new_grade, decided_by, valid_until, known_at::date from wh.ops.overrides order by all"
    ).fetchall() == [("E0", "B2", "am-7", date(2026, 12, 31), date(2026, 6, day)) for day in (20, 21, 22, 23)]


def test_an_override_stands_beside_the_grade_while_it_holds(portfolio):
    con = portfolio.con
    decide(con, "e0", "A1", "2026-06-01", "2026-06-30")
    decide(con, "e1", "A1", "2026-06-01", "2026-06-29")  # over
    decide(con, "e2", "A1", "2026-06-01")
    decide(con, "e2", "D1", "2026-06-10")  # the last one counts
    decide(con, "e3", "A1", "2026-07-01")  # not known yet
    decide(con, "e4", "D2", "2026-06-01")  # the model says nothing
    portfolio.score()
    assert shown(portfolio) == {
        "e0": ("B1", "A1", NIGHT),
        "e1": ("B1", None, None),
        "e2": ("B1", "D1", None),
        "e3": ("B1", None, None),
        "e4": (None, "D2", None),
    }


def test_an_override_that_ended_does_not_bring_back_the_one_before(portfolio):
    decide(portfolio.con, "e0", "A1", "2026-05-01")
    decide(portfolio.con, "e0", "A2", "2026-06-01", "2026-06-15")
    portfolio.score()
    assert shown(portfolio)["e0"] == ("B1", None, None)


def test_hits_count_only_overrides_whose_outcome_is_known(portfolio):
    con = portfolio.con
    for who, new in (("e0", "B1"), ("e1", "B1"), ("e2", "D1"), ("e3", "D1"), ("e4", "B1")):
        decide(con, who, new, "2025-06-01")
    decide(con, "e0", "D1", "2026-06-01")  # open
    decide(con, "e1", "C1", "2026-06-01")  # changes nothing
    outcome(con, "e0", "2026-01-31", 0)
    outcome(con, "e1", "2026-01-31", 120)
    outcome(con, "e2", "2026-01-31", 91)
    outcome(con, "e3", "2026-01-31", 90)
    outcome(con, "e3", "2026-06-02", 120)  # a day after the window
    # about e4 nothing was delivered
    portfolio.score()
    told = con.execute("from wh.marts.mart_override_hits order by direction desc").fetchall()
    assert told == [
        ("lender", NIGHT, "upgrade", 3, 2, 1, 1, 1, 0.5, 0.5),
        ("lender", NIGHT, "downgrade", 3, 2, 1, 1, 1, 0.5, 0.5),
    ]


@pytest.mark.parametrize(
    ("last", "closed"),
    [
        ("2027-06-01", 1),
        ("2027-05-01", 1),
        ("2026-07-01", 0),
        (None, 0),
    ],  # the last two: the outcomes stopped
)
def test_a_default_counts_once_its_window_is_closed_and_nothing_known_later_counts(portfolio, last, closed):
    con = portfolio.con
    decide(con, "e0", "D1", "2026-06-01")
    outcome(con, "e0", "2026-06-20", 120)
    if last is not None:
        outcome(con, "e1", last, 0)
    for day, known in ((date(2026, 6, 20), 0), (date(2027, 5, 31), 0), (date(2027, 6, 1), closed)):
        replace_partition(con, "marts.mart_override_hits", {"portfolio": "lender", "as_of_date": day})
        assert con.execute(
            "select outcome_known, agreed_with_override from wh.marts.mart_override_hits where as_of_date = ?",
            [day],
        ).fetchone() == (known, known)
    before = date(2026, 6, 1) - timedelta(days=1)
    assert (
        replace_partition(con, "marts.mart_override_hits", {"portfolio": "lender", "as_of_date": before}) == 0
    )


def test_grades_sort_from_best_to_worst():
    grades = MasterScaleSettings().grades
    assert list(grades) == sorted(grades)


@pytest.mark.parametrize("name", ["decided_by", "reason"])
def test_an_override_says_who_and_why(name):
    from warehouse.intake.feeds import FEEDS

    assert FEEDS["overrides"].column(name).required
    assert not FEEDS["overrides"].column(name).pii
