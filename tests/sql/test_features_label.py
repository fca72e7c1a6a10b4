"""Labels come from the outcome window only, are null while it is open, and know nothing after known_by."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import pytest
from feature_rows import PORTFOLIO, build, labels, warehouse_of

from tasks.features import LABEL_AUDITS
from warehouse.errors import Refused
from warehouse.partition import audit

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
