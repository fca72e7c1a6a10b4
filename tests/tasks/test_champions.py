"""Who is champion of a night: trained together, once, and only where there is enough to train on."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from models.ensemble_settings import VotingEnsembleSettings
from tasks import champions, families
from warehouse import matrix, registry

DAY = date(2026, 6, 30)
BOTH = ("operational_risk", "voting_ensemble")


def record(family: str, knowledge: date = DAY, horizon_days: int | None = 365) -> Any:
    return SimpleNamespace(
        model_family=family, model_version="7", portfolio="p", knowledge_date=knowledge,
        label_definition="dpd30", horizon_days=horizon_days,
    )  # fmt: skip


@pytest.fixture
def trained(home, monkeypatch) -> list[dict[str, Any]]:
    """What was trained, by whom a champion is known before, and how many thick files have a label."""
    calls: list[dict[str, Any]] = []

    def train_champion(portfolio: str, as_of_date: date, **given: Any) -> Any:
        calls.append({"portfolio": portfolio, "as_of_date": as_of_date, **given})
        return record("voting_ensemble" if given.get("model") else "operational_risk")

    monkeypatch.setattr(champions, "train_champion", train_champion)
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: (762, 114))
    known(monkeypatch)
    return calls


def known(monkeypatch, **records: Any) -> None:
    monkeypatch.setattr(registry, "champion", lambda *_, family, **__: records.get(family))


def ensure(definition: str | None = None) -> None:
    champions.ensure_champions("p", DAY, definition=definition, horizon_days=365, run_id="r")


def test_the_first_night_trains_both_on_the_same_knowledge(trained):
    ensure()
    first, second = trained
    assert "model" not in first
    assert first["definition"] == "dpd90"
    assert second["model"] == VotingEnsembleSettings()
    # as the champion that it stands beside, whatever the night was asked
    assert (second["as_of_date"], second["definition"], second["horizon_days"]) == (DAY, "dpd30", 365)
    assert second["built"]


def test_champions_that_are_there_are_used(trained, monkeypatch):
    known(monkeypatch, **{family: record(family) for family in BOTH})
    ensure()
    assert trained == []


def test_a_killed_first_night_trains_the_ensemble_when_it_is_run_again(trained, monkeypatch):
    known(monkeypatch, operational_risk=record("operational_risk"))
    ensure()
    assert [(call["model"], call["built"]) for call in trained] == [(VotingEnsembleSettings(), False)]


def test_what_was_withdrawn_is_not_trained_again(trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")
    known(monkeypatch, operational_risk=record("operational_risk"))
    withdrawn = record("voting_ensemble")
    withdrawn.role = "retired"
    monkeypatch.setattr(registry, "records", lambda *_, **__: (withdrawn,))
    ensure()
    assert trained == []
    assert caplog.messages[-1] == "champion    no voting_ensemble: 7 of the same knowledge is retired"


def test_a_later_night_does_not_try_again(trained, monkeypatch):
    known(monkeypatch, operational_risk=record("operational_risk", date(2026, 6, 29)))
    ensure()
    assert trained == []


@pytest.mark.parametrize(("labelled", "defaults"), [(57, 9), (40, 35)])
def test_too_few_thick_files_are_said_in_one_line(labelled, defaults, trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: (labelled, defaults))
    ensure()
    assert len(trained) == 1
    line = f"champion    no voting_ensemble: {labelled} labelled thick files with {defaults} defaults, "
    assert [one.getMessage() for one in caplog.records][1:] == [line + "30 of each kind are needed"]


def test_a_portfolio_without_a_ledger_and_a_cross_section_hear_nothing_of_it(trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: (0, 0))
    ensure()
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: pytest.fail("nothing to count"))
    known(monkeypatch, operational_risk=record("operational_risk", horizon_days=None))
    ensure()
    assert "voting_ensemble" not in caplog.text
    assert [call.get("model") for call in trained] == [None]


def test_the_first_family_of_a_class_that_has_a_champion_gives_its_headline():
    assert families.headline("voting_ensemble", BOTH) == ("thick",)
    assert families.headline("operational_risk", BOTH) == ("transaction", "thin")
    assert families.headline("operational_risk", ["operational_risk"]) == ("thick", "transaction", "thin")
    assert families.headline("voting_ensemble", ["operational_risk"]) == ()
    for one in ((), ("voting_ensemble",), ("operational_risk",), BOTH):
        told = [coverage for family in one for coverage in families.headline(family, one)]
        assert len(told) == len(set(told))
    assert {family for order in families.ORDER.values() for family in order} == set(families.FAMILIES)


def test_a_family_that_stands_in_is_named():
    lines = families.headline_lines(
        {("thick", "operational_risk"): 57, ("thin", "operational_risk"): 3, ("unscoreable", None): 1}
    )
    assert lines == [
        "thick            57  operational_risk, which stands in for voting_ensemble: that has no champion yet",
        "thin              3  operational_risk",
        "unscoreable       1  no model",
    ]
