"""Who leads a coverage class has a history: a night follows the choice of its date, whatever was approved for later."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from warehouse import class_leaders, registry, run_inputs
from warehouse.class_leaders import LeaderRecord
from warehouse.errors import Refused
from warehouse.night import Night

JUNE, JULY, AUGUST = date(2026, 6, 30), date(2026, 7, 1), date(2026, 8, 1)


def choice(day: date = JULY, **other: str) -> LeaderRecord:
    given = {
        "portfolio": "lender", "coverage": "thick", "model_family": "operational_risk", "reason": "one page",
        "approver": "credit committee", "run_id": "r", **other,
    }  # fmt: skip
    return LeaderRecord(effective_from=day, **given)


def on(con, day: date, portfolio: str = "lender") -> dict[str, str]:
    chosen = class_leaders.on_night(con, Night(portfolio, day, "r"))
    return {record.coverage: record.model_family for record in chosen}


@pytest.fixture
def line(con, made):
    """Two families with champions of June, and one whose champion is of July."""
    registry.register(con, made("june", JUNE))
    registry.register(con, made("card", JUNE, model_family="scorecard"))
    registry.register(con, made("wide", JULY, model_family="wide_deep"))
    return con


def test_a_class_is_led_by_the_choice_of_the_date_and_by_none_before_it(line):
    class_leaders.record(line, [choice(), choice(coverage="thin")])
    class_leaders.record(line, [choice(AUGUST, model_family="scorecard")])
    assert on(line, JUNE) == {}
    assert (
        on(line, JULY)
        == on(line, date(2026, 7, 31))
        == {"thick": "operational_risk", "thin": "operational_risk"}
    )
    assert on(line, AUGUST) == {"thick": "scorecard", "thin": "operational_risk"}
    assert on(line, AUGUST, "another") == {}
    later = class_leaders.next_choice(line, choice())
    assert later is not None
    assert (later.effective_from, later.model_family) == (AUGUST, "scorecard")
    assert class_leaders.next_choice(line, choice(coverage="thin")) is None


def test_of_two_choices_of_one_day_the_later_holds_and_none_is_lost(line):
    class_leaders.record(line, [choice(model_family="scorecard")])
    class_leaders.record(line, [choice(reason="the card drifted")])
    assert on(line, JULY) == {"thick": "operational_risk"}
    assert line.execute("select model_family, reason from wh.ops.class_leaders order by recorded_at").fetchall() == [
        ("scorecard", "one page"), ("operational_risk", "the card drifted")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (
            {"model_family": "voting_ensemble"},
            "voting_ensemble has no champion of lender on 2026-07-01; train one",
        ),
        (
            {"day": date(2026, 6, 29)},
            "on 2026-06-29; its first night with one is 2026-06-30: give an --effective-f",
        ),
        ({"day": JUNE, "model_family": "wide_deep"}, "its first night with one is 2026-07-01: give"),
    ],
)
def test_a_family_without_a_champion_leads_nothing_and_nothing_is_recorded(wrong, why, line):
    with pytest.raises(Refused, match=why) as refusal:
        class_leaders.record(line, [choice(coverage="thin"), choice(**wrong)])
    assert "\n" not in str(refusal.value)
    assert on(line, AUGUST) == {}


def test_a_withdrawn_champion_is_no_first_night(line):
    for record in registry.records(line, portfolio="lender"):
        registry.retire(line, record, note="wrong labels")
    with pytest.raises(Refused, match="operational_risk has no champion of lender on 2026-06-01; train one"):
        class_leaders.record(line, [choice(date(2026, 6, 1))])


def test_an_approval_says_why_and_who():
    for field in ("reason", "approver"):
        with pytest.raises(ValidationError, match="at least 1 character"):
            choice(**{field: "  "})


def test_a_choice_is_an_input_of_its_nights(line):
    before = {day: run_inputs.leaders(line, Night("lender", day, "r")) for day in (JUNE, JULY)}
    assert before == {JUNE: (), JULY: ()}
    class_leaders.record(line, [choice(model_family="scorecard")])
    assert run_inputs.leaders(line, Night("lender", JUNE, "r")) == ()
    (led,) = run_inputs.leaders(line, Night("lender", JULY, "r"))
    assert (led.kind, led.name, led.role, led.fingerprint) == ("leader", "thick", None, "scorecard")
    run_inputs.record(line, "r", [led])
    assert run_inputs.stored(line, "r") == (led,)
