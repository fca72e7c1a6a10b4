"""Who is champion of a night: trained together, once, and only where there is enough to train on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import champion_rule
from models.families import FAMILIES
from models.operational_risk.settings import OperationalRiskSettings
from models.scorecard.settings import ScorecardSettings
from models.voting_ensemble.family import VOTING_ENSEMBLE
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.wide_deep.settings import WideDeepSettings
from tasks import champions, history, lineup
from tasks.train import NotTrainable
from warehouse import class_leaders, evaluations, lookback, matrix, registry
from warehouse.class_leaders import LeaderRecord
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.evaluations import Comparison
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition

DAY = date(2026, 6, 30)
NIGHT = Night("p", DAY, "r")
OUTCOME, CROSS_SECTION = OutcomeDefinition("dpd30", 365), OutcomeDefinition("cross_section", 0)
FIRST = OperationalRiskSettings()
ALL = ("operational_risk", "voting_ensemble", "wide_deep", "scorecard")


def record(family: str, knowledge: date = DAY, outcome: OutcomeDefinition = OUTCOME) -> Any:
    return SimpleNamespace(
        model_family=family, model_version="7", portfolio="p", knowledge_date=knowledge, outcome=outcome
    )


@pytest.fixture
def trained(opened_home, monkeypatch) -> Iterator[list[dict[str, Any]]]:
    """What was trained, where nobody has a champion and 762 files have a label; the warehouse is held as by a night."""
    calls: list[dict[str, Any]] = []

    def train_champion(night: Night, outcome: OutcomeDefinition, model: Any, **given: Any) -> Any:
        calls.append({"as_of_date": night.as_of_date, "outcome": outcome, "model": model, **given})
        return record(model.family)

    monkeypatch.setattr(champions, "train_champion", train_champion)
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: (762, 114))
    monkeypatch.setattr(lookback, "first_day", lambda *_, **__: date(2023, 1, 1))
    monkeypatch.setattr(history, "build_snapshots", lambda *_, **__: None)
    known(monkeypatch)
    with writer(purpose="test"):
        yield calls


def known(monkeypatch, **records: Any) -> None:
    monkeypatch.setattr(registry, "champion", lambda *_, family, **__: records.get(family))


def ensure(definition: str | None = None) -> None:
    champions.ensure_champions(NIGHT, definition=definition, horizon_days=365)


def test_the_first_night_trains_all_families_on_the_same_knowledge(trained):
    ensure()
    assert [call["model"] for call in trained] == [
        FIRST,
        VotingEnsembleSettings(),
        WideDeepSettings(),
        ScorecardSettings(),
    ]
    for call in trained:
        assert (call["as_of_date"], call["outcome"]) == (DAY, OutcomeDefinition("dpd90", 365))
        assert call["built"]
    assert [call["snapshots"] for call in trained] == [2, 2, 2, 2]
    assert [call["repeats"] for call in trained] == [None, 1, 1, None]


def test_a_family_whose_earlier_snapshot_has_too_few_learns_from_the_last_alone(trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")

    def labelled(
        *_: Any, snapshot_dates: tuple[date, ...], coverage: tuple[str, ...], **__: Any
    ) -> tuple[int, int]:
        earlier = snapshot_dates == (date(2024, 6, 30),)
        return (300, 29) if earlier and coverage == ("thick",) else (762, 114)

    monkeypatch.setattr(matrix, "labelled", labelled)
    ensure()
    assert [call["snapshots"] for call in trained] == [2, 1, 2, 2]
    both = "762 labelled files of 2024-06-30, 114 defaults; 762 labelled files of 2025-06-30, 114 defaults"
    few = "300 labelled files of 2024-06-30, 29 defaults, 38 of each kind are needed"
    assert [one for one in caplog.messages if "learns from" in one] == [
        f"champion    operational_risk learns from two snapshots: {both}",
        f"champion    voting_ensemble learns from 2025-06-30 alone: {few}",
        f"champion    wide_deep learns from two snapshots: {both}",
        f"champion    scorecard learns from two snapshots: {both}",
    ]


def test_a_portfolio_that_was_not_there_a_year_before_learns_from_one_snapshot(trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")

    def build(dates: tuple[date, ...], *_: Any, **__: Any) -> None:
        if dates == (date(2024, 6, 30),):
            raise Refused("p has no enterprise known on 2024-06-30; load its feeds first")

    monkeypatch.setattr(history, "build_snapshots", build)
    ensure()
    assert [call["snapshots"] for call in trained] == [1, 1, 1, 1]
    assert (
        "operational_risk learns from 2025-06-30 alone: p has no enterprise known on 2024-06-30"
        in caplog.text
    )


def test_a_record_shorter_than_the_lookback_at_the_earlier_snapshot_is_no_history(
    trained, monkeypatch, caplog
):
    caplog.set_level("INFO", logger="nightledger")
    monkeypatch.setattr(lookback, "first_day", lambda *_, **__: date(2024, 6, 1))
    ensure()
    assert [call["snapshots"] for call in trained] == [1, 1, 1, 1]
    assert "learns from 2025-06-30 alone: the record begins on 2024-06-01, within 390 days of" in caplog.text


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
    ensure("charge_off")
    # on what counts as default for the champion that it stands beside, whatever the night was asked
    assert [(call["model"], call["snapshots"], call["outcome"]) for call in trained] == [
        (VotingEnsembleSettings(), 2, OUTCOME),
        (ScorecardSettings(), 2, OUTCOME),
    ]


def test_what_was_withdrawn_is_not_trained_again(trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")
    known(monkeypatch, operational_risk=record("operational_risk"))
    withdrawn = record("voting_ensemble")
    withdrawn.role = "retired"
    monkeypatch.setattr(registry, "records", lambda *_, **__: (withdrawn,))
    ensure()
    assert [call["model"] for call in trained] == [WideDeepSettings(), ScorecardSettings()]
    assert "champion    no voting_ensemble: 7 of the same knowledge is retired" in caplog.messages


EARLIER = date(2026, 6, 29)


@pytest.mark.parametrize(
    ("champion", "tonight", "begins", "tried"),
    [
        ("operational_risk", {"thick", "transaction", "thin", "unscoreable"}, date(2023, 1, 1), []),
        ("voting_ensemble", {"thick", "unscoreable"}, date(2023, 1, 1), []),
        ("voting_ensemble", {"thick"}, None, []),
        # payments are delivered: 389 days of them lie before a date with known outcomes, then 390
        ("voting_ensemble", {"thick", "thin"}, date(2024, 6, 6), []),
        ("voting_ensemble", {"thick", "thin"}, date(2024, 6, 5), ["operational_risk"]),
        (
            "voting_ensemble",
            {"transaction"},
            date(2023, 1, 1),
            ["operational_risk", "wide_deep", "scorecard"],
        ),
        ("wide_deep", {"thick", "transaction", "thin"}, date(2023, 1, 1), ["operational_risk"]),
        # a champion that leads no class keeps nobody from joining
        ("scorecard", {"transaction"}, date(2023, 1, 1), ["operational_risk", "wide_deep"]),
    ],
)
def test_a_later_night_trains_only_for_borrowers_whom_no_champion_covers(  # noqa: PLR0917
    champion, tonight, begins, tried, trained, monkeypatch
):
    known(monkeypatch, **{champion: record(champion, EARLIER)})
    monkeypatch.setattr(matrix, "coverages", lambda *_: tonight)
    monkeypatch.setattr(lookback, "first_day", lambda *_, **__: begins)
    ensure()
    assert [call["model"].family for call in trained] == tried
    assert {call["outcome"] for call in trained} <= {OUTCOME}


def test_a_champion_that_leads_by_choice_alone_keeps_others_from_joining(trained, monkeypatch):
    known(monkeypatch, scorecard=record("scorecard", EARLIER))
    monkeypatch.setattr(matrix, "coverages", lambda *_: {"transaction"})
    choice = {
        "portfolio": "p",
        "coverage": "transaction",
        "model_family": "scorecard",
        "effective_from": EARLIER,
    }
    with writer(purpose="test") as con:
        class_leaders.record(con, [LeaderRecord(**choice, reason="one page", approver="c", run_id="r")])
    ensure()
    assert trained == []
    assert lineup.find_lineup(NIGHT).headline_family("transaction") == "scorecard"
    assert lineup.find_lineup(NIGHT.on(date(2026, 6, 28))).leaders == {}


def test_a_snapshot_that_cannot_be_built_stops_no_night_that_has_a_champion(trained, monkeypatch, caplog):
    known(monkeypatch, voting_ensemble=record("voting_ensemble", EARLIER))
    monkeypatch.setattr(matrix, "coverages", lambda *_: {"thin"})

    def build(*_: Any, **__: Any) -> None:
        raise Refused("p has no enterprise known on 2025-06-30; load its feeds first")

    monkeypatch.setattr(history, "build_snapshots", build)
    ensure()
    assert trained == []
    assert (
        "champion    no operational_risk: p has no enterprise known on 2025-06-30; load its feeds first"
        in caplog.messages
    )
    known(monkeypatch)
    with pytest.raises(Refused, match="load its feeds first"):
        ensure()


@pytest.mark.parametrize("untrainable", [["operational_risk"], ["voting_ensemble", "wide_deep"]])
def test_a_family_that_cannot_be_trained_is_one_line(untrainable, trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")
    train = champions.train_champion

    def refuse_some(night: Night, outcome: OutcomeDefinition, model: Any, **given: Any) -> Any:
        if model.family in untrainable:
            raise NotTrainable(f"p, {model.family}, dpd90", "no column holds two different values")
        return train(night, outcome, model, **given)

    monkeypatch.setattr(champions, "train_champion", refuse_some)
    ensure()
    assert {call["model"].family for call in trained} == set(ALL) - set(untrainable)
    assert [line for line in caplog.messages if line.startswith("champion    no ")] == [
        f"champion    no {family}: no column holds two different values" for family in untrainable
    ]


def test_a_night_that_nobody_can_score_names_each_family_with_its_reason(trained, monkeypatch):
    def labelled(*_: Any, coverage: tuple[str, ...], **__: Any) -> tuple[int, int]:
        return {("thick",): (57, 9), ("thick", "transaction"): (0, 0)}.get(coverage, (762, 114))

    def refuse(_night: Night, _outcome: OutcomeDefinition, model: Any, **_: Any) -> Any:
        raise NotTrainable(f"p, {model.family}, dpd90", "no column holds two different values")

    monkeypatch.setattr(matrix, "labelled", labelled)
    monkeypatch.setattr(champions, "train_champion", refuse)
    with pytest.raises(Refused) as refusal:
        ensure()
    assert str(refusal.value) == (
        "p has no champion as of 2026-06-30, and no family can be trained on its dpd90 outcomes: "
        "operational_risk: no column holds two different values; voting_ensemble: 57 labelled thick files with "
        "9 defaults, 38 of each kind are needed; wide_deep: of 762 labelled borrowers of 2025-06-30 none has a "
        "thick or transaction file; scorecard: of 762 labelled borrowers of 2025-06-30 none has a thick or "
        "transaction file. Deliver more feeds or a longer history, or name another --definition"
    )
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: (0, 0))
    with pytest.raises(Refused, match="operational_risk: no borrower of 2025-06-30 has a label; voting_ens"):
        ensure()
    # what is no matter of the data is no family's absence
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: (762, 114))
    monkeypatch.setattr(champions, "train_champion", lambda *_, **__: (_ for _ in ()).throw(Refused("disk")))
    with pytest.raises(Refused, match=r"^disk$"):
        ensure()


@pytest.mark.parametrize(("labelled", "defaults"), [(57, 20), (40, 27)])
def test_too_few_files_are_said_in_one_line(labelled, defaults, trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: (labelled, defaults))
    ensure()
    assert len(trained) == 1
    both = "thick and transaction"
    files = {"voting_ensemble": "thick", "wide_deep": both, "scorecard": both}
    assert [one for one in caplog.messages if " no " in one] == [
        f"champion    no {family}: {labelled} labelled {kinds} files with {defaults} defaults, "
        "38 of each kind are needed"
        for family, kinds in files.items()
    ]


def test_a_cross_section_trains_the_widest_that_can_be_and_hears_nothing_of_the_others(
    trained, monkeypatch, caplog
):
    caplog.set_level("INFO", logger="nightledger")
    ensure("cross_section")
    monkeypatch.setattr(matrix, "labelled", lambda *_, **__: pytest.fail("nothing to count"))
    known(monkeypatch, operational_risk=record("operational_risk", outcome=CROSS_SECTION))
    ensure()
    assert "voting_ensemble" not in caplog.text
    assert "wide_deep" not in caplog.text
    assert [call["model"] for call in trained] == [FIRST]


def test_a_cross_section_without_payments_trains_the_next_widest(trained, monkeypatch, caplog):
    caplog.set_level("INFO", logger="nightledger")

    def labelled(*_: Any, coverage: tuple[str, ...], **__: Any) -> tuple[int, int]:
        return (0, 0) if "thin" in coverage and "unscoreable" not in coverage else (762, 114)

    monkeypatch.setattr(matrix, "labelled", labelled)
    ensure("cross_section")
    assert [call["model"] for call in trained] == [WideDeepSettings()]
    reason = "of 762 labelled borrowers of 2026-06-30 none has a thick or transaction or thin file"
    assert [line for line in caplog.messages if " no " in line] == [
        f"champion    no operational_risk: {reason}"
    ]


def headline_classes(family: str, having: Any, **given: Any) -> tuple[str, ...]:
    return champion_rule.headline_classes(family, having, FAMILIES, **given)


def test_the_first_family_of_a_class_that_has_a_champion_gives_its_headline():
    assert headline_classes("voting_ensemble", ALL) == ("thick",)
    assert headline_classes("wide_deep", ALL) == ("transaction",)
    assert headline_classes("operational_risk", ALL) == ("thin",)
    assert headline_classes("operational_risk", ["operational_risk"]) == ("thick", "transaction", "thin")
    assert headline_classes("voting_ensemble", ["operational_risk"]) == ()
    for some in (ALL[:count] for count in range(len(ALL) + 1)):
        told = [coverage for family in some for coverage in headline_classes(family, some)]
        assert len(told) == len(set(told))
    orders = {coverage: champion_rule.order(coverage, FAMILIES) for coverage in champion_rule.COVERAGES}
    assert orders == {
        "thick": ("voting_ensemble", "operational_risk", "wide_deep", "scorecard"),
        "transaction": ("wide_deep", "operational_risk", "scorecard"),
        "thin": ("operational_risk",),
    }


def test_a_family_that_is_shown_to_be_worse_is_kept_beside_the_headline():
    worse = (("wide_deep", "transaction"),)
    assert headline_classes("wide_deep", ALL, worse=worse) == ()
    assert headline_classes("operational_risk", ALL, worse=worse) == ("transaction", "thin")
    # with nobody else to give it, it gives it all the same
    assert headline_classes("wide_deep", ["wide_deep"], worse=worse) == ("thick", "transaction")


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


@pytest.mark.parametrize(("low", "told"), [(0.01, (("wide_deep", "transaction"),)), (-0.01, ())])
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
    assert "voting_ensemble and operational_risk share no unseen thick files" in caplog.text
    known(monkeypatch, voting_ensemble=record("voting_ensemble"))
    assert lineup.find_lineup(NIGHT).worse == ()


SUBSETS = [names for size in range(1, len(ALL) + 1) for names in itertools.combinations(ALL, size)]


@pytest.mark.parametrize("champion_names", SUBSETS, ids="-".join)
def test_whoever_has_a_champion_each_class_that_one_covers_has_one_headline(champion_names):
    covered = {coverage for name in champion_names for coverage in FAMILIES[name].covers}
    reference = champion_rule.stand_in(champion_names, FAMILIES)
    assert reference in champion_names
    assert len(FAMILIES[reference].covers) == max(len(FAMILIES[name].covers) for name in champion_names)
    compared = champion_rule.compared_classes(champion_names, FAMILIES)
    assert reference not in compared
    for name, classes in compared.items():
        assert classes
        assert set(classes) <= set(FAMILIES[name].leads) & set(FAMILIES[reference].covers)
    pairs = [(name, coverage) for name, classes in compared.items() for coverage in classes]
    for size in range(len(pairs) + 1):
        for worse in itertools.combinations(pairs, size):
            given = [
                c for name in champion_names for c in headline_classes(name, champion_names, worse=worse)
            ]
            assert sorted(given) == sorted(covered)
            for coverage in covered:
                head = champion_rule.headline_family(coverage, champion_names, FAMILIES, worse=worse)
                assert coverage in FAMILIES[head].covers
                assert (head, coverage) not in worse
    left = [coverage for coverage in champion_rule.COVERAGES if coverage not in covered]
    assert champion_rule.uncovered(champion_rule.COVERAGES, champion_names, FAMILIES) == left


@given(st.data())
def test_a_family_leads_by_what_it_declares_or_by_choice_and_never_by_its_name_or_place(data):
    classes = st.sets(st.sampled_from(champion_rule.COVERAGES), min_size=1)
    families = {}
    for name in ("a", "b", "c", "d"):
        covers = data.draw(classes)
        leads = data.draw(st.sets(st.sampled_from(sorted(covers))))
        families[name] = replace(
            VOTING_ENSEMBLE, name=name, covers=tuple(sorted(covers)), leads=tuple(sorted(leads))
        )
    having = sorted(data.draw(st.sets(st.sampled_from("abcd"), min_size=1)))
    leaders = data.draw(st.dictionaries(st.sampled_from(champion_rule.COVERAGES), st.sampled_from("abcd")))
    compared = champion_rule.compared_classes(having, families, leaders=leaders)
    pairs = [(name, coverage) for name, told in compared.items() for coverage in told]
    worse = sorted(data.draw(st.sets(st.sampled_from(sorted(pairs))))) if pairs else []
    reference = families[champion_rule.stand_in(having, families)]
    for coverage in champion_rule.COVERAGES:
        head = champion_rule.headline_family(coverage, having, families, leaders=leaders, worse=worse)
        covering = [name for name in having if coverage in families[name].covers]
        if not covering:
            assert head is None
            continue
        assert head in covering
        assert (head, coverage) not in worse
        chosen = leaders.get(coverage)
        if chosen in covering and (chosen, coverage) not in worse:
            assert head == chosen
        if chosen not in families or coverage not in families[chosen].covers:
            plain = champion_rule.order(coverage, families)
            assert champion_rule.order(coverage, families, leaders=leaders) == plain
        if reference.name not in covering:
            assert head == champion_rule.headline_family(coverage, having, families, leaders=leaders)


def test_a_family_is_worse_only_where_it_was_compared():
    leader = replace(VOTING_ENSEMBLE, name="leader", covers=("thick", "thin"), leads=("thick", "thin"))
    other = replace(VOTING_ENSEMBLE, name="other", covers=("thin",), leads=())
    wide = replace(VOTING_ENSEMBLE, name="wide", covers=("thick", "transaction"), leads=())
    families = {family.name: family for family in (wide, other, leader)}
    worse = [("leader", "thick")]
    assert champion_rule.stand_in(families, families) == "wide"
    assert champion_rule.compared_classes(families, families) == {"leader": ("thick",)}
    assert champion_rule.headline_family("thick", families, families, worse=worse) == "wide"
    assert champion_rule.headline_family("thin", families, families, worse=worse) == "leader"


CARD_LEADS = {"thick": "scorecard", "transaction": "scorecard"}


def test_a_family_that_the_lender_chose_leads_before_the_one_that_is_meant_for_the_class():
    orders = {
        coverage: champion_rule.order(coverage, FAMILIES, leaders=CARD_LEADS)
        for coverage in champion_rule.COVERAGES
    }
    assert orders == {
        "thick": ("scorecard", "voting_ensemble", "operational_risk", "wide_deep"),
        "transaction": ("scorecard", "wide_deep", "operational_risk"),
        "thin": ("operational_risk",),
    }
    assert headline_classes("scorecard", ALL, leaders=CARD_LEADS) == ("thick", "transaction")
    # without a champion of it, all is as without the choice
    others = [name for name in ALL if name != "scorecard"]
    for name in others:
        assert headline_classes(name, others, leaders=CARD_LEADS) == headline_classes(name, others)
    # a choice for a class that the family does not cover, as of a version that covered it, leads nothing
    assert champion_rule.order("thin", FAMILIES, leaders={"thin": "scorecard"}) == ("operational_risk",)


def test_a_chosen_leader_is_judged_class_by_class_like_any_other():
    compared = champion_rule.compared_classes(ALL, FAMILIES, leaders=CARD_LEADS)
    assert compared == {
        "voting_ensemble": ("thick",), "wide_deep": ("transaction",), "scorecard": ("thick", "transaction")
    }  # fmt: skip
    # the stand-in may be chosen too: it is compared with nobody
    only = {"thick": "operational_risk"}
    assert "operational_risk" not in champion_rule.compared_classes(ALL, FAMILIES, leaders=only)
    assert headline_classes("operational_risk", ALL, leaders=only) == ("thick", "thin")
    worse = [("scorecard", "thick")]
    assert headline_classes("scorecard", ALL, leaders=CARD_LEADS, worse=worse) == ("transaction",)
    assert headline_classes("voting_ensemble", ALL, leaders=CARD_LEADS, worse=worse) == ("thick",)
    worse.append(("voting_ensemble", "thick"))
    assert headline_classes("operational_risk", ALL, leaders=CARD_LEADS, worse=worse) == ("thick", "thin")
    lines = champion_rule.headline_lines(
        {("thick", "operational_risk"): 57, ("transaction", "scorecard"): 4},
        FAMILIES, leaders=CARD_LEADS, worse=worse,
    )  # fmt: skip
    assert lines == [
        "thick            57  operational_risk, which stands in for scorecard: that is worse beyond noise",
        "transaction       4  scorecard",
    ]


def test_who_is_covered_by_no_champion_is_told_what_to_train():
    lines = champion_rule.headline_lines(
        {("thick", "voting_ensemble"): 57, ("transaction", None): 4, ("unscoreable", None): 1}, FAMILIES
    )
    told = (
        "no champion covers them until one of wide_deep, operational_risk, scorecard is trained "
        "(python -m flows train)"
    )
    assert lines == [
        "thick            57  voting_ensemble",
        f"transaction       4  no model: {told}",
        "unscoreable       1  no model",
    ]


def test_a_family_that_stands_in_is_named():
    lines = champion_rule.headline_lines(
        {
            ("thick", "operational_risk"): 57,
            ("transaction", "operational_risk"): 4,
            ("thin", "operational_risk"): 3,
            ("unscoreable", None): 1,
        },
        FAMILIES,
        worse=[("wide_deep", "transaction")],
    )
    assert lines == [
        "thick            57  operational_risk, which stands in for voting_ensemble: that has no champion yet",
        "transaction       4  operational_risk, which stands in for wide_deep: that is worse beyond noise",
        "thin              3  operational_risk",
        "unscoreable       1  no model",
    ]
