"""Labels come from the outcome window only, are null while it is open or untold, and know nothing after known_by."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import duckdb
import pytest
from feature_rows import PORTFOLIO, add, build, labels, warehouse_of

from tasks.labels import LABEL_AUDITS
from warehouse.errors import Refused
from warehouse.outcome import STOPPED
from warehouse.partition import audit, replace_partition

NIGHT = date(2026, 1, 31)
LATER = date(2026, 12, 31)


def outcome(who: str, day: date, **values: object) -> dict[str, object]:
    return {"enterprise_id": who, "loan_id": "l", "outcome_date": day, **values}


OUTCOMES = [
    outcome("edge", date(2026, 3, 2), days_past_due=91),  # the 30th day
    outcome("outside", date(2026, 3, 3), days_past_due=91),  # the 31st day
    outcome("ninety", date(2026, 2, 10), days_past_due=90),
    outcome("thirty", date(2026, 2, 10), days_past_due=30),
    outcome("written", date(2026, 2, 10), charge_off=True),
    outcome("insolvent", date(2026, 2, 10), insolvency=True),
    outcome("late", date(2026, 2, 10), days_past_due=99, known_at=datetime(2027, 1, 1)),
    outcome("bad", date(2026, 1, 31), days_past_due=120),
    outcome("cured", date(2025, 6, 1), days_past_due=120),
    outcome("cured", date(2025, 9, 1), days_past_due=0),
    outcome("broke", date(2020, 1, 1), insolvency=True),
    outcome("broke", date(2021, 1, 1), days_past_due=0),
]
EVERYONE = sorted({str(row["enterprise_id"]) for row in OUTCOMES} | {"silent"})


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    con = warehouse_of(
        {
            "enterprises": [{"enterprise_id": who, "valid_from": date(2019, 1, 1)} for who in EVERYONE],
            "outcomes": OUTCOMES,
        }
    )
    build(con, NIGHT)
    return con


def ones(found: dict[str, tuple[int | None, str]]) -> set[str]:
    return {who for who, (label, _) in found.items() if label == 1}


@pytest.mark.parametrize(
    ("definition", "bad", "excluded"),
    [
        ("dpd30", {"edge", "ninety"}, {"bad"}),
        ("dpd90", {"edge"}, {"bad"}),
        ("charge_off", {"written"}, set()),
        ("insolvency", {"insolvent"}, {"broke"}),
        ("any", {"edge", "ninety", "written", "insolvent"}, {"bad", "broke"}),
    ],
)
def test_definitions(con, definition, bad, excluded):
    found = labels(con, NIGHT, known_by=LATER, definition=definition, horizon_days=30)
    assert sorted(found) == EVERYONE
    assert ones(found) == bad
    unknown = {who for who, (_, reason) in found.items() if reason == "no outcome delivered for the borrower"}
    assert unknown == {"late", "silent"}
    assert {who for who, (label, _) in found.items() if label is None} == excluded | unknown
    assert all(found[who] == (None, "in default on as_of_date") for who in excluded)
    assert found["thirty"] == (0, "no default in the closed window")


def test_a_longer_horizon_sees_the_next_day(con):
    assert "outside" in ones(labels(con, NIGHT, known_by=LATER, definition="dpd90", horizon_days=31))


@pytest.mark.parametrize(("known_by", "closed"), [(date(2026, 3, 1), False), (date(2026, 3, 2), True)])
def test_an_open_window_gives_null_even_where_the_default_is_known(con, known_by, closed):
    found = labels(con, NIGHT, known_by=known_by, definition="dpd90", horizon_days=30)
    assert found["edge"][0] == (1 if closed else None)
    assert found["thirty"] == (
        (0, "no default in the closed window") if closed else (None, "outcome window still open")
    )
    params = {"portfolio": PORTFOLIO, "as_of_date": NIGHT, "definition": "dpd90", "horizon_days": 30}
    audit(con, LABEL_AUDITS, params)
    if not closed:
        con.execute("update wh.features.feat_label set label = 0 where enterprise_id = 'thirty'")
        with pytest.raises(Refused, match="thirty"):
            audit(con, LABEL_AUDITS, params)


def test_outcomes_known_after_known_by_do_not_count(con):
    before = labels(con, NIGHT, known_by=date(2026, 12, 31), definition="dpd90", horizon_days=30)
    after = labels(con, NIGHT, known_by=date(2027, 1, 1), definition="dpd90", horizon_days=30)
    assert (before["late"][0], after["late"][0]) == (None, 1)


def test_cross_section_describes_what_is_known_on_the_date_itself(con):
    found = labels(con, NIGHT, known_by=LATER, definition="cross_section", horizon_days=30)
    assert ones(found) == {"bad", "cured", "broke"}
    assert found["edge"] == (None, "no outcome known on as_of_date")
    assert found["silent"][0] is None


def test_an_unknown_definition_is_refused(con):
    with pytest.raises(duckdb.Error, match="definition"):
        labels(con, NIGHT, known_by=LATER, definition="dpd60", horizon_days=30)


def test_no_outcomes_delivered_gives_null():
    con = warehouse_of({"enterprises": [{"enterprise_id": "e", "valid_from": date(2019, 1, 1)}]})
    build(con, NIGHT)
    assert labels(con, NIGHT, known_by=LATER, definition="any", horizon_days=30) == {
        "e": (None, "no outcomes delivered")
    }


END = date(2026, 6, 30)  # of the window that begins a year before


def back(*days: int) -> list[date]:
    return [END - timedelta(days=day) for day in days]


def every(step: int, *, until: int, count: int = 20) -> list[date]:
    return back(*range(until, until + step * count, step))


# the two days before END are no working days
WORKING_DAYS = [day for day in every(1, until=3, count=400) if day.weekday() not in (6, 0)]


@pytest.mark.parametrize(
    ("days", "is_known"),
    [
        pytest.param(every(1, until=-40, count=500), True, id="daily, goes on"),
        pytest.param(every(1, until=1), True, id="daily, the day before the end"),
        pytest.param(every(1, until=2), False, id="daily, stopped"),
        pytest.param(every(1, until=200, count=300), False, id="daily, stopped long ago"),
        pytest.param([*every(1, until=2, count=120), *every(1, until=300)], False, id="daily, an outage before"),
        pytest.param([*every(1, until=2, count=30), *every(1, until=50)], True, id="daily, an outage of late"),
        pytest.param(WORKING_DAYS, True, id="five days a week, two free days before the end"),
        pytest.param(WORKING_DAYS[1:], False, id="five days a week, stopped"),
        pytest.param(every(30, until=30), True, id="monthly, the next is due"),
        pytest.param(every(30, until=31), False, id="monthly, stopped"),
        pytest.param(every(91, until=91), True, id="quarterly, the next is due"),
        pytest.param(every(91, until=92), False, id="quarterly, stopped"),
        pytest.param(every(365, until=121, count=4), True, id="yearly, two thirds told"),
        pytest.param(every(365, until=122, count=4), False, id="yearly, less than two thirds told"),
        pytest.param(back(0), True, id="one delivery, on the last day"),
        pytest.param(back(1), False, id="one delivery, a day early"),
    ],
)  # fmt: skip
def test_a_window_that_the_outcomes_stopped_before_has_no_label_at_all(days, is_known):
    con = stopping(days)
    found = labels(con, END - timedelta(days=365), known_by=LATER, definition="dpd90", horizon_days=365)
    stopped = (None, STOPPED)
    assert found == {
        "bad": (1, "default in the window") if is_known else stopped,
        "good": (0, "no default in the closed window") if is_known else stopped,
        "already": (None, "in default on as_of_date"),
        "silent": (None, "no outcome delivered for the borrower"),
    }
    told = con.execute("select distinct told_on from wh.features.feat_label").fetchall()
    assert told == [(max(days),)]


@pytest.mark.parametrize("old", [END - timedelta(days=400), END - timedelta(days=101)])
def test_a_correction_or_an_old_file_that_comes_late_does_not_mend_outcomes_that_stopped(old):
    con = stopping(every(1, until=100, count=300))
    add(con, {"outcomes": [outcome("good", old, loan_id="other", known_at=datetime(2026, 7, 15))]})
    found = labels(con, END - timedelta(days=365), known_by=LATER, definition="dpd90", horizon_days=365)
    assert found["good"] == found["bad"] == (None, STOPPED)
    add(con, {"outcomes": [outcome("good", END, loan_id="other", known_at=datetime(2026, 7, 16))]})
    found = labels(con, END - timedelta(days=365), known_by=LATER, definition="dpd90", horizon_days=365)
    assert (found["good"][0], found["bad"][0]) == (0, 1)


def test_a_cross_section_needs_no_window():
    con = stopping(every(1, until=200, count=300))
    night = END - timedelta(days=365)
    replace_partition(con, "features.feat_profile", {"portfolio": PORTFOLIO, "as_of_date": night})
    found = labels(con, night, known_by=LATER, definition="cross_section", horizon_days=0)
    assert (found["already"][0], found["good"][0]) == (1, 0)


def test_a_label_beside_outcomes_that_stopped_is_refused_by_the_audit():
    con = stopping(every(30, until=200))
    asked = {"portfolio": PORTFOLIO, "as_of_date": END - timedelta(days=365)}
    labels(con, asked["as_of_date"], known_by=LATER, definition="dpd90", horizon_days=365)
    audit(con, LABEL_AUDITS, {**asked, "definition": "dpd90", "horizon_days": 365})
    con.execute("update wh.features.feat_label set label = 1 where enterprise_id = 'bad'")
    with pytest.raises(Refused, match="bad"):
        audit(con, LABEL_AUDITS, {**asked, "definition": "dpd90", "horizon_days": 365})


def stopping(days: list[date]) -> duckdb.DuckDBPyConnection:
    """Deliver outcomes of one borrower on these days, and of two others the first day of default that they tell of."""
    night = END - timedelta(days=365)
    con = warehouse_of(
        {
            "enterprises": [
                {"enterprise_id": who, "valid_from": date(2009, 1, 1)} for who in ("bad", "good", "already", "silent")
            ],
            "outcomes": [
                *(outcome("good", day, days_past_due=0) for day in days),
                outcome("bad", min(day for day in days if day > night), days_past_due=99),
                outcome("already", min(*days, night), days_past_due=99, known_at=min(days)),
            ],
        }
    )  # fmt: skip
    replace_partition(con, "features.feat_profile", {"portfolio": PORTFOLIO, "as_of_date": night})
    return con
