"""Findings and reviews of models are rows: nothing is overwritten or removed, and a night knows what was open then."""

from __future__ import annotations

from datetime import date

import pytest

from models.watching.alerts import overdue
from warehouse import findings, registry
from warehouse.errors import Refused
from warehouse.night import Night

JANUARY, MAY, JUNE, JULY = date(2026, 1, 31), date(2026, 5, 31), date(2026, 6, 30), date(2026, 7, 31)


@pytest.fixture
def model(con, made):
    """A champion that scored every night until the middle of August."""
    con.execute(
        "insert into wh.scores.portfolio_scores by name select 'lender' as portfolio, 'e1' as enterprise_id, "
        "'operational_risk' as model_family, 'v1' as model_version, 'champion' as model_role, 'fresh' as score_status, "
        "unnest(range(date '2026-01-31', date '2026-08-17', interval 1 day))::date as as_of_date"
    )
    return registry.register(con, made("v1", JANUARY))


def opened(con, model, what: str = "gini fell", *, due: date = JUNE, on: date = MAY) -> int:
    return findings.open_finding(
        con, model, what=what, owner="model team", opened_on=on, due_on=due, run_id="r"
    )


def closed(con, number: int, on: date, **more: str) -> str:
    given = {"closed_by": "validation", "closed_how": "trained again", "run_id": "c", **more}
    return findings.close_finding(con, portfolio="lender", finding=number, closed_on=on, **given)


def reviewed(con, model, on: date, next_on: date) -> None:
    findings.record_review(
        con, model, reviewed_on=on, reviewer="validation", result="fit for use", next_on=next_on, run_id="r"
    )


def due(con, day: date) -> list[tuple[str, str, str, date]]:
    found = findings.due(con, Night("lender", day, "r"))
    return found.select("measure", "subject", "model_role", "due_on").rows()


def test_findings_are_numbered_and_closing_one_keeps_who_when_and_how(con, model):
    assert [opened(con, model), opened(con, model, "few defaults")] == [1, 2]
    assert closed(con, 1, JUNE) == "operational_risk v1: gini fell"
    assert con.execute(
        "select finding, what, owner, opened_on, due_on, opened_run_id, closed_on, closed_by, closed_how, "
        "closed_run_id from wh.ops.model_findings order by finding"
    ).fetchall() == [
        (1, "gini fell", "model team", MAY, JUNE, "r", JUNE, "validation", "trained again", "c"),
        (2, "few defaults", "model team", MAY, JUNE, "r", None, None, None, None),
    ]
    assert findings.of_model(con, model)["findings"]["finding"].to_list() == [2, 1]


def test_what_is_no_finding_and_no_review_is_refused_and_records_nothing(con, model):
    with pytest.raises(Refused, match="a finding of 2026-06-30 cannot be due on 2026-05-31 already"):
        opened(con, model, on=JUNE, due=MAY)
    with pytest.raises(Refused, match=r"lender has no finding 1; ops\.model_findings names them all"):
        closed(con, 1, JUNE)
    opened(con, model, on=JUNE)
    with pytest.raises(Refused, match="was opened on 2026-06-30; it cannot close on 2026-05-31"):
        closed(con, 1, MAY)
    closed(con, 1, JULY)
    with pytest.raises(Refused, match="finding 1 of lender was closed on 2026-07-31 by validation"):
        closed(con, 1, JULY, closed_by="somebody else")
    with pytest.raises(Refused, match="the review after that of 2026-06-30 cannot be due on 2026-06-30"):
        reviewed(con, model, JUNE, JUNE)
    with pytest.raises(
        Refused, match="lender has no operational_risk v9; registered versions, the newest first: v1"
    ):
        registry.registered(con, portfolio="lender", family="operational_risk", version="v9")
    assert con.execute("select count(*), count(closed_on) from wh.ops.model_findings").fetchone() == (1, 1)
    assert con.execute("select count(*) from wh.ops.model_reviews").fetchone() == (0,)


def test_a_night_finds_overdue_what_was_open_then_from_the_day_after(con, model):
    opened(con, model)
    finding = ("finding", "1", "champion", JUNE)
    assert [due(con, day) for day in (MAY, JUNE)] == [[], []]
    assert due(con, date(2026, 7, 1)) == [finding]
    closed(con, 1, date(2026, 7, 15))
    # it was closed later: the night of before is told the same again
    assert [due(con, date(2026, 7, day)) for day in (1, 14, 15)] == [[finding], [finding], []]


def test_the_next_review_is_that_of_the_last_one_and_a_model_that_scores_no_more_has_none(con, model):
    reviewed(con, model, JANUARY, MAY)
    assert due(con, JUNE) == [("review", "next review", "champion", MAY)]
    reviewed(con, model, date(2026, 6, 15), JULY)
    reviewed(con, model, date(2026, 6, 15), date(2026, 8, 15))  # the second of a day holds
    assert due(con, JUNE) == []
    assert due(con, date(2026, 6, 14)) == [("review", "next review", "champion", MAY)]
    assert due(con, date(2026, 8, 16))[0][3] == date(2026, 8, 15)
    opened(con, model)
    con.execute("delete from wh.scores.portfolio_scores where as_of_date >= '2026-08-01'")
    assert due(con, date(2026, 8, 16)) == [("finding", "1", "unused", JUNE)]


def test_it_is_watched_from_the_day_after_and_an_alarm_after_some_days(con, model):
    opened(con, model, "gini fell\nby half")
    told = []
    for day in (date(2026, 7, 1), date(2026, 7, 30), JULY):
        nights = (day, date(2026, 7, 1), JUNE) if day > date(2026, 7, 1) else (day, JUNE)
        (alert,) = overdue(findings.due(con, Night("lender", day, "r")), nights, alarm_after=30)
        told.append((alert.severity, alert.nights, alert.is_beside))
    assert told == [("watch", 1, False), ("watch", 2, False), ("alarm", 2, False)]
    assert alert[:6] == ("governance", "finding", "operational_risk", "champion", "v1", "1")
    assert alert.message == (
        "champion operational_risk v1, finding overdue since 2026-06-30, 31 days: "
        "model team was to settle it: gini fell\nby half"
    )
