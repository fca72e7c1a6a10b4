"""Who is champion of a night: trained together, once, and only where there is enough to train on."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from models import champion_rule
from models.families import FAMILIES
from models.operational_risk.settings import OperationalRiskSettings
from models.voting_ensemble.family import VOTING_ENSEMBLE
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.wide_deep.settings import WideDeepSettings
from tasks import champions, history, lineup
from warehouse import evaluations, matrix, registry
from warehouse.errors import Refused
from warehouse.evaluations import Comparison
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition

DAY = date(2026, 6, 30)
NIGHT = Night("p", DAY, "r")
OUTCOME, CROSS_SECTION = OutcomeDefinition("dpd30", 365), OutcomeDefinition("cross_section", 0)
FIRST = OperationalRiskSettings()
ALL = ("operational_risk", "voting_ensemble", "wide_deep")


def record(family: str, knowledge: date = DAY, outcome: OutcomeDefinition = OUTCOME) -> Any:
    return SimpleNamespace(
        model_family=family, model_version="7", portfolio="p", knowledge_date=knowledge, outcome=outcome
    )


@pytest.fixture
def trained(home, monkeypatch) -> list[dict[str, Any]]:
    """What was trained, where nobody has a champion and 762 files have a label."""
    calls: list[dict[str, Any]] = []

    def train_champion(night: Night, outcome: OutcomeDefinition, model: Any, **given: Any) -> Any:
        calls.append({"as_of_date": night.as_of_date, "outcome": outcome, "model": model, **given})
        return record(model.family)

    monkeypatch.setattr(champions, "train_champion", train_champion)
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: (762, 114))
    monkeypatch.setattr(matrix, "first_day", lambda *_, **__: date(2023, 1, 1))
    monkeypatch.setattr(history, "build_snapshots", lambda *_, **__: None)
    known(monkeypatch)
    return calls


def known(monkeypatch, **records: Any) -> None:
    monkeypatch.setattr(registry, "champion", lambda *_, family, **__: records.get(family))


def ensure(definition: str | None = None) -> None:
    champions.ensure_champions(NIGHT, definition=definition, horizon_days=365)


def test_the_first_night_trains_all_families_on_the_same_knowledge(trained):
    ensure()
    first, *others = trained
    assert (first["model"], first["outcome"]) == (FIRST, OutcomeDefinition("dpd90", 365))
    assert [other["model"] for other in others] == [VotingEnsembleSettings(), WideDeepSettings()]
    for other in others:
        # as the champion that it stands beside, whatever the night was asked
        assert (other["as_of_date"], other["outcome"]) == (DAY, OutcomeDefinition("dpd30", 365))
        assert other["built"]
    assert [call["snapshots"] for call in trained] == [2, 2, 2]


def test_a_family_whose_earlier_snapshot_has_too_few_learns_from_the_last_alone(trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")

    def labelled(
        *_: Any, snapshot_dates: tuple[date, ...], coverage: tuple[str, ...], **__: Any
    ) -> tuple[int, int]:
        earlier = snapshot_dates == (date(2024, 6, 30),)
        return (300, 29) if earlier and coverage == ("thick",) else (762, 114)

    monkeypatch.setattr(matrix, "labelled", labelled)
    ensure()
    assert [call["snapshots"] for call in trained] == [2, 1, 2]
    both = "762 labelled files of 2024-06-30, 114 defaults; 762 labelled files of 2025-06-30, 114 defaults"
    few = "300 labelled files of 2024-06-30, 29 defaults, 38 of each kind are needed"
    assert [one for one in caplog.messages if "learns from" in one] == [
        f"champion    operational_risk learns from two snapshots: {both}",
        f"champion    voting_ensemble learns from 2025-06-30 alone: {few}",
        f"champion    wide_deep learns from two snapshots: {both}",
    ]


def test_a_portfolio_that_was_not_there_a_year_before_learns_from_one_snapshot(trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")

    def build(dates: tuple[date, ...], *_: Any, **__: Any) -> None:
        if dates == (date(2024, 6, 30),):
            raise Refused("p has no enterprise known on 2024-06-30; load its feeds first")

    monkeypatch.setattr(history, "build_snapshots", build)
    ensure()
    assert [call["snapshots"] for call in trained] == [1, 1, 1]
    assert (
        "operational_risk learns from 2025-06-30 alone: p has no enterprise known on 2024-06-30"
        in caplog.text
    )


def test_a_record_that_begins_within_a_year_of_the_earlier_snapshot_is_no_history(
    trained, monkeypatch, caplog
):
    caplog.set_level("INFO", logger="nightledger")
    monkeypatch.setattr(matrix, "first_day", lambda *_, **__: date(2024, 6, 1))
    ensure()
    assert [call["snapshots"] for call in trained] == [1, 1, 1]
    assert "learns from 2025-06-30 alone: the record begins on 2024-06-01, within a year of" in caplog.text


def test_a_family_needs_enough_defaults_in_the_training_part_of_every_fold(trained, monkeypatch):
    # 37 defaults leave 29 or 30 in four of five folds, one too few for some
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: (200, 37))
    ensure()
    assert [call["model"] for call in trained] == [FIRST]


def test_a_cross_section_has_one_snapshot_and_hears_nothing_of_two(trained, caplog):
    caplog.set_level("INFO", logger="nightledger")
    assert (
        history.History(NIGHT, OutcomeDefinition.of("cross_section", horizon_days=365)).snapshots(
            VOTING_ENSEMBLE, VotingEnsembleSettings()
        )
        == 1
    )
    assert caplog.messages == []


def test_champions_that_are_there_are_used(trained, monkeypatch):
    known(monkeypatch, **{family: record(family) for family in ALL})
    ensure()
    assert trained == []


def test_a_killed_first_night_trains_what_is_missing_when_it_is_run_again(trained, monkeypatch):
    known(monkeypatch, operational_risk=record("operational_risk"), wide_deep=record("wide_deep"))
    ensure()
    assert [(call["model"], call["snapshots"]) for call in trained] == [(VotingEnsembleSettings(), 2)]


def test_what_was_withdrawn_is_not_trained_again(trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")
    known(monkeypatch, operational_risk=record("operational_risk"))
    withdrawn = record("voting_ensemble")
    withdrawn.role = "retired"
    monkeypatch.setattr(registry, "records", lambda *_, **__: (withdrawn,))
    ensure()
    assert [call["model"] for call in trained] == [WideDeepSettings()]
    assert "champion    no voting_ensemble: 7 of the same knowledge is retired" in caplog.messages


def test_a_later_night_does_not_try_again(trained, monkeypatch):
    known(monkeypatch, operational_risk=record("operational_risk", date(2026, 6, 29)))
    ensure()
    assert trained == []


@pytest.mark.parametrize(("labelled", "defaults"), [(57, 9), (40, 35)])
def test_too_few_files_are_said_in_one_line(labelled, defaults, trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: (labelled, defaults))
    ensure()
    assert len(trained) == 1
    files = {"voting_ensemble": "thick", "wide_deep": "thick and transaction"}
    assert [one for one in caplog.messages if " no " in one] == [
        f"champion    no {family}: {labelled} labelled {kinds} files with {defaults} defaults, "
        "38 of each kind are needed"
        for family, kinds in files.items()
    ]


def test_a_portfolio_without_a_ledger_and_a_cross_section_hear_nothing_of_it(trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: (0, 0))
    ensure()
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: pytest.fail("nothing to count"))
    known(monkeypatch, operational_risk=record("operational_risk", outcome=CROSS_SECTION))
    ensure()
    assert "voting_ensemble" not in caplog.text
    assert "wide_deep" not in caplog.text
    assert [call["model"] for call in trained] == [FIRST]


def headline_classes(family: str, having: Any, *, worse: tuple[str, ...] = ()) -> tuple[str, ...]:
    return champion_rule.headline_classes(family, having, FAMILIES, worse=worse)


def test_the_first_family_of_a_class_that_has_a_champion_gives_its_headline():
    assert headline_classes("voting_ensemble", ALL) == ("thick",)
    assert headline_classes("wide_deep", ALL) == ("transaction",)
    assert headline_classes("operational_risk", ALL) == ("thin",)
    assert headline_classes("operational_risk", ["operational_risk"]) == ("thick", "transaction", "thin")
    assert headline_classes("voting_ensemble", ["operational_risk"]) == ()
    for some in (ALL[:count] for count in range(4)):
        told = [coverage for family in some for coverage in headline_classes(family, some)]
        assert len(told) == len(set(told))
    orders = {coverage: champion_rule.order(coverage, FAMILIES) for coverage in champion_rule.COVERAGES}
    assert orders == {
        "thick": ("voting_ensemble", "operational_risk", "wide_deep"),
        "transaction": ("wide_deep", "operational_risk"),
        "thin": ("operational_risk",),
    }


def test_a_family_that_is_shown_to_be_worse_is_kept_beside_the_headline():
    assert headline_classes("wide_deep", ALL, worse=("wide_deep",)) == ()
    assert headline_classes("operational_risk", ALL, worse=("wide_deep",)) == ("transaction", "thin")
    # with nobody else to give it, it gives it all the same
    assert headline_classes("wide_deep", ["wide_deep"], worse=("wide_deep",)) == ("thick", "transaction")


def test_a_family_is_compared_with_the_stand_in_on_the_classes_that_it_leads():
    compared = {"voting_ensemble": ("thick",), "wide_deep": ("transaction",)}
    assert champion_rule.compared_classes(ALL, FAMILIES) == compared
    assert champion_rule.compared_classes(["wide_deep"], FAMILIES) == {}


@pytest.mark.parametrize(
    ("low", "high", "worse"),
    [(0.01, 0.05, True), (-0.01, 0.05, False), (-0.05, -0.01, False), (0.0, 0.05, False)],
)
def test_worse_is_beyond_noise(low, high, worse):
    assert champion_rule.is_worse(Comparison(400, (low + high) / 2, low, high)) is worse


@pytest.mark.parametrize(("low", "told"), [(0.01, ("wide_deep",)), (-0.01, ())])
def test_only_what_is_worse_beyond_noise_is_shown_to_be_worse(low, told, trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")
    known(monkeypatch, operational_risk=record("operational_risk"), wide_deep=record("wide_deep"))
    asked = []

    def compare(_con: Any, model: Any, other: Any, *, coverage: tuple[str, ...]) -> Comparison:
        asked.append((model.model_family, other.model_family, coverage))
        return Comparison(400, 0.02, low, 0.05)

    monkeypatch.setattr(evaluations, "compare", compare)
    assert lineup.find_lineup(NIGHT).worse == told
    assert asked == [("wide_deep", "operational_risk", ("transaction",))]
    assert f"on 400 unseen transaction files: log loss +0.0200 ({low:+.4f} to +0.0500)" in caplog.text


def test_models_without_common_rows_are_not_shown_to_be_worse(trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")
    known(monkeypatch, operational_risk=record("operational_risk"), voting_ensemble=record("voting_ensemble"))
    assert lineup.find_lineup(NIGHT).worse == ()
    assert "voting_ensemble and operational_risk share no unseen rows" in caplog.text
    known(monkeypatch, voting_ensemble=record("voting_ensemble"))
    assert lineup.find_lineup(NIGHT).worse == ()


def test_a_family_that_stands_in_is_named():
    lines = champion_rule.headline_lines(
        {
            ("thick", "operational_risk"): 57,
            ("transaction", "operational_risk"): 4,
            ("thin", "operational_risk"): 3,
            ("unscoreable", None): 1,
        },
        FAMILIES,
        worse=("wide_deep",),
    )
    assert lines == [
        "thick            57  operational_risk, which stands in for voting_ensemble: that has no champion yet",
        "transaction       4  operational_risk, which stands in for wide_deep: that is worse beyond noise",
        "thin              3  operational_risk",
        "unscoreable       1  no model",
    ]
