"""Bagged SMOTE is taken where it helps beyond noise, left elsewhere, and said; nothing is judged on rows it saw."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import logit

from models.calibration import Calibrator
from models.errors import ModelError
from models.metrics import clustered_interval, log_loss
from models.runner import Job, threads
from models.voting_ensemble import artefact
from models.voting_ensemble import classifier as voting_ensemble
from models.voting_ensemble.bagging import BaggedSmote
from models.voting_ensemble.card import card_lines, choices, oversampling
from models.voting_ensemble.classifier import VotingEnsembleClassifier
from models.voting_ensemble.oversampling import balance, decide, with_prior
from models.voting_ensemble.selection import select
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.voting_ensemble.tuning import Tuned
from models.voting_ensemble.voting import Combiner

SETTINGS = VotingEnsembleSettings(
    members=("lightgbm", "extra_trees"), bags=1, smote_neighbors=3, folds=3, minimum_positives=10
)
NESTS = 6


def nests(rows: int, each: int, *, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    """Defaults in a few dense nests, fewer in each than a leaf must hold; SMOTE fills the nests and only them."""
    centres = np.random.default_rng(2).uniform(-0.9, 0.9, (NESTS, 3))
    rng = np.random.default_rng(seed)
    labels = (np.arange(rows) < NESTS * each).astype(np.int64)
    X = rng.uniform(-1, 1, (rows, 3))
    X[labels == 1] = np.repeat(centres, each, axis=0) + rng.normal(0, 0.05, (NESTS * each, 3))
    order = rng.permutation(rows)
    names = [f"E{number:04d}" for number in range(rows)]
    return pl.DataFrame({"enterprise_id": names, **{f"x{k}": X[order, k] for k in range(3)}}), labels[order]


def slope(rows: int = 400, *, told: float = 1.0, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """Defaults that a score tells from the others at every level: there is nothing for SMOTE to fill."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.1).astype(np.int64)
    names = [f"E{number:04d}" for number in range(rows)]
    columns = {f"x{k}": rng.normal(told * labels, 1.0) for k in range(3)}
    return pl.DataFrame({"enterprise_id": names, **columns}), labels


def fit(
    frame: pl.DataFrame, labels: np.ndarray, runner: Any = None, **changed: Any
) -> VotingEnsembleClassifier:
    chosen = SETTINGS.model_copy(update=changed)
    return VotingEnsembleClassifier(settings=chosen, runner=runner).fit(frame, labels)


HELPED, HELPED_LABELS = nests(1000, 12, seed=2)
SLOPE, SLOPE_LABELS = slope()


@pytest.fixture(scope="module")
def helped() -> VotingEnsembleClassifier:
    return fit(HELPED, HELPED_LABELS)


@pytest.fixture(scope="module")
def plain() -> VotingEnsembleClassifier:
    return fit(SLOPE, SLOPE_LABELS)


def test_it_is_taken_where_it_helps_on_rows_that_the_decision_never_saw(helped):
    assert helped.oversampled_
    assert helped.oversampling_.difference.high < 0
    never = fit(HELPED, HELPED_LABELS, oversample=False)
    half, half_labels = nests(2000, 24, seed=11)
    unseen, labels = nests(2000, 24, seed=12)
    losses = []
    for model in (helped, never):
        calibrator = Calibrator(method="platt").fit(model.predict_proba(half)[:, 1], half_labels)
        losses.append(log_loss(labels, calibrator.predict(model.predict_proba(unseen)[:, 1])))
    assert losses[0] < losses[1] - 0.005


def test_it_is_left_where_it_does_not_help_and_the_model_is_that_without_it(plain):
    assert not plain.oversampled_
    assert plain.oversampling_.difference.high > 0
    never = fit(SLOPE, SLOPE_LABELS, oversample=False)
    assert np.array_equal(plain.predict_proba(SLOPE), never.predict_proba(SLOPE))
    assert plain.selection_ == never.selection_


def test_taken_the_model_is_that_of_always_on_the_scale_of_the_default_rate(helped):
    always = fit(HELPED, HELPED_LABELS, oversample=True)
    assert always.oversampling_ is None
    assert helped.selection_ == always.selection_
    moved, raw = (model.predict_proba(HELPED)[:, 1] for model in (helped, always))
    shift = 0.0 if helped.combiner_.kind == "stack" else logit(HELPED_LABELS.mean())
    assert np.allclose(logit(moved), logit(raw) + shift, atol=1e-8)


def chosen(probabilities: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> Any:
    return select(probabilities, labels, members=("a", "b"), folds=folds)


def votes(labels: np.ndarray, told: float, *, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 1 / (1 + np.exp(-rng.normal(told * (2 * labels[:, None] - 1), 1.0, (len(labels), 2))))


def test_within_noise_the_cheaper_is_taken():
    labels, folds = np.tile([0, 0, 0, 1], 100), np.repeat(np.arange(4), 100)
    one, other = (chosen(votes(labels, 1.0, seed=seed), labels, folds) for seed in (1, 2))
    same = decide(one, one, labels)
    assert (same.without, tuple(same.difference), same.taken) == (same.after, (0.0, 0.0, 0.0), False)
    luck, turned = decide(one, other, labels), decide(other, one, labels)
    assert min(luck.difference.mean, turned.difference.mean) < 0  # one of them looks better, by luck
    assert not luck.taken
    assert not turned.taken
    better = chosen(votes(labels, 2.0, seed=3), labels, folds)
    assert decide(one, better, labels).taken
    assert not decide(better, one, labels).taken


def test_snapshots_of_one_borrower_count_once():
    """Each row eight times says no more than once: the interval is that of the borrowers, and the verdict too."""
    labels, folds = np.tile([0, 0, 0, 1], 30), np.repeat(np.arange(3), 40)
    sides = [votes(labels, told, seed=seed) for told, seed in ((0.5, 1), (0.8, 4))]
    repeated = [np.tile(side, (8, 1)) for side in sides]
    many, dealt = np.tile(labels, 8), np.tile(folds, 8)
    selections = [chosen(side, many, dealt) for side in repeated]
    borrowers = [f"E{row}" for row in range(120)] * 8
    apart, together = decide(*selections, many), decide(*selections, many, borrowers)
    assert apart.difference.mean == together.difference.mean
    assert apart.taken
    assert not together.taken
    width = together.difference.high - together.difference.low
    assert width / (apart.difference.high - apart.difference.low) == pytest.approx(8**0.5, rel=0.02)


def test_the_interval_by_cluster_holds_the_truth_as_often_as_it_says():
    rng, held, alone = np.random.default_rng(0), 0, 0
    clusters = np.repeat(np.arange(60), 4)
    for _ in range(400):
        values = rng.normal(size=60)[clusters] + 0.3 * rng.normal(size=240)
        low, high = clustered_interval(values, clusters)[1:]
        held += low < 0 < high
        low, high = clustered_interval(values, np.arange(240))[1:]
        alone += low < 0 < high
    assert 0.92 <= held / 400 <= 0.98
    assert alone / 400 < 0.8


def test_noise_is_not_taken_for_help_as_it_would_be_had_synthetic_rows_crossed_the_folds():
    """Labels that nothing tells: out of fold no side beats the base rate; SMOTE before the split seems to."""
    frame, labels = slope(told=0.0, seed=3)
    honest = fit(frame, labels)
    rate = labels.mean()
    entropy = -rate * np.log(rate) - (1 - rate) * np.log(1 - rate)
    assert not honest.oversampled_
    assert min(honest.oversampling_.without, honest.oversampling_.after) > entropy - 0.01
    X = frame.drop("enterprise_id").to_numpy()
    rows, balanced, _ = balance(X, labels, SETTINGS.model_copy(update={"oversample": True}))
    leaking = pl.DataFrame({f"x{k}": rows[:, k] for k in range(3)})
    before = fit(leaking, balanced, oversample=False)  # synthetic rows on both sides of its folds
    assert before.selection_.chosen.log_loss < np.log(2) - 0.1


def test_each_fold_is_balanced_once_and_the_last_fit_only_if_taken(monkeypatch, helped, plain):
    seen: list[int] = []
    honest = BaggedSmote.fit_resample

    def spy(self, X, y):
        seen.append(len(y))
        return honest(self, X, y)

    monkeypatch.setattr(BaggedSmote, "fit_resample", spy)
    fit(SLOPE, SLOPE_LABELS)
    assert len(seen) == SETTINGS.inner_folds
    assert max(seen) < len(SLOPE_LABELS)
    seen.clear()
    fit(HELPED, HELPED_LABELS)
    assert len(seen) == SETTINGS.inner_folds + 1
    assert seen[-1] == len(HELPED_LABELS)


def backwards(work: Sequence[Job]) -> list[Any]:
    return [job.work() for job in reversed(work)][::-1]


def test_the_runner_changes_neither_decision_nor_model(helped):
    for runner in (threads(2), backwards):
        again = fit(HELPED, HELPED_LABELS, runner)
        assert again.oversampling_ == helped.oversampling_
        assert np.array_equal(again.predict_proba(HELPED), helped.predict_proba(HELPED))


def test_a_search_of_parameters_comes_after_the_decision_and_on_the_side_that_was_taken(monkeypatch):
    asked = []

    def searched(prepare, members, labels, **_):
        asked.append(prepare(np.arange(len(labels))))
        return {name: Tuned({"n_estimators": 20}, 0.8, 0.8, 1, ()) for name in members}

    monkeypatch.setattr(voting_ensemble, "tune", searched)
    for frame, labels, taken in ((HELPED, HELPED_LABELS, True), (SLOPE, SLOPE_LABELS, False)):
        found = fit(frame, labels, profile="tuned")
        assert found.oversampled_ == taken
        assert (len(asked.pop().y) > len(labels)) == taken
        assert all(member.get_params()["n_estimators"] == 20 for member in found.members_.values())
        assert oversampling(found).endswith("Decided before the search of parameters, on those of the night.")


def test_the_card_and_the_registry_say_what_was_decided_and_why(helped, plain):
    found = plain.oversampling_
    mean, low, high = found.difference
    assert card_lines(plain)[0].startswith(
        f"Oversampling: without. Out of fold, in the training rows, its log loss is {found.without:.4f} without and "
        f"{found.after:.4f} after bagged SMOTE, a difference of {mean:+.4f} (95% {low:+.4f} to {high:+.4f})"
    )
    assert card_lines(helped)[0].startswith("Oversampling: bagged SMOTE. Out of fold")
    never = fit(SLOPE, SLOPE_LABELS, oversample=False)
    assert card_lines(never)[0] == "Oversampling: without, as the settings have it."
    training = SimpleNamespace(model=SimpleNamespace(classifier=plain), challenger=None)
    kept = json.loads(json.dumps(choices(training)))
    assert kept["oversampled"] is kept["oversampling"]["taken"] is False
    assert kept["oversampling"]["difference"].keys() == {"mean", "low", "high"}
    assert kept["without_resampling"] is None


def test_stored_and_read_back_with_its_decision(helped):
    about, files = artefact.dump(helped)
    again = artefact.load(json.loads(json.dumps(about)), files)
    assert (again.oversampled_, again.oversampling_) == (True, helped.oversampling_)
    assert np.array_equal(again.predict_proba(HELPED), helped.predict_proba(HELPED))


def test_a_model_stored_before_this_was_decided_still_loads():
    always = fit(SLOPE, SLOPE_LABELS, oversample=True)
    about, files = artefact.dump(always)
    older = {name: value for name, value in about.items() if not name.startswith("oversampl")}
    again = artefact.load(json.loads(json.dumps(older)), files)
    assert (again.oversampled_, again.oversampling_) == (True, None)
    assert np.array_equal(again.predict_proba(SLOPE), always.predict_proba(SLOPE))


def test_contributions_add_up_to_the_pd_of_a_vote_on_the_scale_of_the_default_rate(helped):
    vote = VotingEnsembleClassifier(settings=SETTINGS)
    vote.__dict__.update(helped.__dict__)
    vote.members_ = helped.members_
    names = tuple(helped.members_)
    vote.combiner_ = with_prior(Combiner("vote", names, (1 / len(names),) * len(names)), 0.07)
    raw = vote.predict_proba(HELPED)[:, 1]
    calibrator = Calibrator(method="beta").fit(raw, HELPED_LABELS)
    explained = vote.explain(HELPED[:50], calibrator)
    total = explained.base_value + explained.contributions.sum(axis=1)
    assert np.allclose(total, calibrator.predict(raw[:50]), atol=1e-9)


def test_votes_of_balanced_members_come_down_to_the_default_rate_and_stacks_stay():
    stack = Combiner("stack", ("a",), (1.0,), -2.0)
    assert with_prior(stack, 0.1) is stack
    vote = with_prior(Combiner("vote", ("a",), (1.0,)), 0.2)
    assert vote.combine(np.array([[0.5], [0.0], [1.0]])).round(9).tolist() == [0.2, 0.0, 1.0]
    assert Combiner("vote", ("a",), (1.0,)).combine(np.array([[0.0], [1.0]])).tolist() == [0.0, 1.0]


def test_rows_are_not_balanced_before_it_is_decided():
    with pytest.raises(ModelError, match="not decided yet"):
        balance(np.zeros((4, 1)), np.array([0, 0, 1, 1]), SETTINGS)
