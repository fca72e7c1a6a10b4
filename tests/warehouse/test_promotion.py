"""Roles have a history: who was champion on a date does not depend on what was approved for later days."""

from __future__ import annotations

from datetime import date

import pytest

from warehouse import promotion, registry
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.roles import RoleRecord
from warehouse.settings import settings

JANUARY, MARCH, JUNE, JULY = date(2026, 1, 31), date(2026, 3, 31), date(2026, 6, 30), date(2026, 7, 1)


def approval(version: str, day: date = JULY, **other: str) -> RoleRecord:
    given = {"role": "champion", "reason": "lower log loss", "approver": "credit committee", **other}
    return RoleRecord(
        portfolio="lender",
        model_family="operational_risk",
        model_version=version,
        effective_from=day,
        run_id="p",
        **given,
    )


def on(con, day: date, *roles: str) -> list[str]:
    found = registry.in_role(con, Night("lender", day, "r"), roles or ("champion",))
    return [record.model_version for record in found]


def champion(con, day: date) -> str | None:
    found = registry.champion(con, Night("lender", day, "r"), family="operational_risk")
    return found and found.model_version


@pytest.fixture
def line(con, made):
    """A champion of January, one of June and a challenger of March."""
    registry.register(con, made("january", JANUARY))
    registry.register(con, made("june", JUNE))
    registry.register(con, made("march", MARCH, role="challenger"))
    return con


def test_registration_writes_the_first_record_of_each_model(line):
    assert line.execute(
        "select model_version, role, effective_from, reason, approver from wh.ops.model_roles order by all"
    ).fetchall() == [
        ("january", "champion", JANUARY, "registered by training", "training run"),
        ("june", "champion", JUNE, "registered by training", "training run"),
        ("march", "challenger", MARCH, "registered by training", "training run"),
    ]


def test_a_promoted_challenger_is_champion_from_its_day_on_and_not_before(line):
    written = promotion.promote(line, approval("march"))
    assert [(one.model_version, one.role) for one in written] == [
        ("march", "champion"),
        ("june", "challenger"),
    ]
    # June knows more, but the approval takes effect later
    assert [champion(line, day) for day in (JANUARY, MARCH, JUNE, JULY)] == [
        "january",
        "january",
        "june",
        "march",
    ]
    assert on(line, JUNE, "challenger", "shadow") == ["march"]
    assert on(line, JULY, "challenger", "shadow") == ["june"]
    assert line.execute("select count(*) from wh.ops.model_roles").fetchone() == (5,)
    # the role of the date is the record's role, whatever it was registered with
    assert registry.in_role(line, Night("lender", JULY, "r"), ("champion",))[0].role == "champion"


def test_a_champion_trained_later_follows_a_promoted_one(line, made):
    promotion.promote(line, approval("march"))
    registry.register(line, made("august", date(2026, 8, 1)))
    assert (champion(line, date(2026, 7, 31)), champion(line, date(2026, 8, 1))) == ("march", "august")
    assert promotion.next_champion(line, approval("march")) == (date(2026, 8, 1), "august")
    assert promotion.next_champion(line, approval("august", date(2026, 8, 1))) is None


def test_a_champion_that_is_retired_from_a_day_on_gives_way_to_the_one_before(line):
    promotion.promote(line, approval("june", role="retired"))
    assert (champion(line, JUNE), champion(line, JULY)) == ("june", "january")
    assert on(line, JULY, "challenger", "shadow") == ["march"]


def test_the_former_champion_may_be_retired(line):
    promotion.promote(line, approval("march"), former="retired")
    assert on(line, JULY, "challenger", "shadow") == []
    assert on(line, JUNE, "challenger", "shadow") == ["march"]


def test_rolling_back_is_another_approval(line):
    promotion.promote(line, approval("march"))
    promotion.promote(line, approval("january", date(2026, 7, 10), reason="march drifted"))
    assert [champion(line, date(2026, 7, day)) for day in (1, 9, 10)] == ["march", "march", "january"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (
            {"version": "may"},
            "has no operational_risk may; registered versions, the newest first: june, march",
        ),
        ({"reason": "  "}, "the reason is empty"),
        ({"approver": "  "}, "the approver is empty"),
        (
            {"day": date(2026, 3, 30)},
            "no night before that may use it; give an --effective-from of 2026-03-31",
        ),
        ({"role": "challenger"}, "march is challenger of lender on 2026-07-01 already"),
        ({"version": "june"}, "june is champion of lender on 2026-07-01 already"),
    ],
)
def test_what_is_no_approval_is_refused_and_records_nothing(wrong, why, line):
    with pytest.raises(Refused, match=why):
        promotion.promote(line, approval(**{"version": "march", **wrong}))
    assert line.execute("select count(*) from wh.ops.model_roles").fetchone() == (3,)


def test_a_changed_file_and_a_withdrawn_model_are_not_promoted(line):
    (settings().models_dir / "march.ubj").write_bytes(b"other")
    with pytest.raises(Refused, match="march is not the registered one"):
        promotion.promote(line, approval("march"))
    for record in registry.records(line, portfolio="lender"):
        if record.model_version == "january":
            registry.retire(line, record, note="wrong labels")
    with pytest.raises(Refused, match=r"january was withdrawn \(wrong labels\)"):
        promotion.promote(line, approval("january"))
    assert champion(line, MARCH) is None
