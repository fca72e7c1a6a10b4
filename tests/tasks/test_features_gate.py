"""When the features of a night are judged: before it trains, and otherwise beside its scoring."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from models.hazard.stored import FAMILY as CURVE
from tasks import features_gate
from warehouse import registry, roles
from warehouse.errors import Refused
from warehouse.night import Night

NIGHT = Night("p", date(2026, 6, 30), "r")
YEAR = timedelta(days=365)


@pytest.fixture
def judged(home, monkeypatch) -> list[Night]:
    """The nights whose features were judged, where no family lacks a champion and the curves have a shape."""
    nights: list[Night] = []
    monkeypatch.setattr(features_gate, "validate_features", nights.append)
    monkeypatch.setattr(features_gate, "joining_families", lambda *_: ())
    known(monkeypatch, operational_risk=NIGHT.as_of_date, **{CURVE: NIGHT.as_of_date})
    return nights


def known(monkeypatch, **champions: date) -> None:
    """Let a portfolio have these champions, each since its date."""
    records: dict[str, Any] = {
        family: SimpleNamespace(model_family=family, knowledge_date=day, key=(family, day))
        for family, day in champions.items()
    }
    monkeypatch.setattr(registry, "champion", lambda *_, family: records.get(family))
    monkeypatch.setattr(roles, "since", lambda _con, _night, _family, day: day)


def test_a_night_that_trains_nothing_is_judged_when_it_says_so(judged):
    gate = features_gate.features_gate(NIGHT)
    assert judged == []
    gate()
    assert judged == [NIGHT]


@pytest.mark.parametrize(
    "champions",
    [
        {CURVE: NIGHT.as_of_date},
        {"operational_risk": NIGHT.as_of_date},
        {"operational_risk": NIGHT.as_of_date, CURVE: NIGHT.as_of_date - YEAR},
    ],
)
def test_a_night_without_a_champion_or_a_curve_of_this_year_is_judged_before_it_trains(
    champions, judged, monkeypatch
):
    known(monkeypatch, **champions)
    assert features_gate.features_gate(NIGHT) is None
    assert judged == [NIGHT]


def test_a_night_that_trains_a_family_more_is_judged_before(judged, monkeypatch):
    monkeypatch.setattr(features_gate, "joining_families", lambda *_: ("wide_deep",))
    assert features_gate.features_gate(NIGHT) is None
    assert judged == [NIGHT]


def test_features_that_do_not_pass_stop_a_night_before_it_trains(judged, monkeypatch):
    def refuse(_: Night) -> None:
        raise Refused("gate features: 1 failed")

    known(monkeypatch)
    monkeypatch.setattr(features_gate, "validate_features", refuse)
    with pytest.raises(Refused, match="gate features"):
        features_gate.features_gate(NIGHT)
