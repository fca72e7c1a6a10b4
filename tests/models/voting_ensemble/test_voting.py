"""Weights are the best on the simplex, every combination is judged on unseen rows, and the simplest wins."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from models.calibration import EDGE
from models.errors import ModelError, TooFewRowsError
from models.metrics import auc, log_loss
from models.voting_ensemble import voting
from models.voting_ensemble.candidates import RULES, Candidate
from models.voting_ensemble.selection import select
from models.voting_ensemble.voting import Combiner, fit_platt, optimise_weights

NAMES = ("xgboost", "gbdt", "adaboost", "random_forest", "lightgbm", "bagging", "extra_trees")


def said(rows: int, strengths, *, seed: int = 0, noise: float = 0.8, shared: float = 0.8):
    """Members that see the same risk with noise of their own; the third speaks near one half, as AdaBoost does."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.2).astype(np.int64)
    risk = rng.normal(size=rows) * shared
    columns = [expit(s * (2 * labels - 1) + risk + rng.normal(size=rows) * noise) for s in strengths]
    if len(columns) > 2:
        columns[2] = 0.5 + 0.05 * (columns[2] - 0.5)
    return np.column_stack(columns), labels


def mapped_loss(probabilities, labels, weights) -> float:
    """Log loss of a vote after its best Platt map, by another method."""
    shape = logit(np.clip(probabilities @ weights, EDGE, 1 - EDGE))

    def loss(point):
        return log_loss(labels, expit(point[0] * shape + point[1]))

    return float(
        minimize(loss, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}).fun
    )


def test_weights_are_those_of_a_fine_grid():
    probabilities, labels = said(800, (0.9, 0.5, 0.7))
    found = optimise_weights(probabilities, labels)
    # the third member's range is a twentieth, so that the grid must be fine near one
    ours = mapped_loss(probabilities, labels, found.weights)
    steps = np.concatenate([np.linspace(0, 0.9, 7), np.linspace(0.91, 1, 7)])
    grid = [np.array([(1 - w) * v, (1 - w) * (1 - v), w]) for w in steps for v in np.linspace(0, 1, 9)]
    assert found.converged
    assert ours == pytest.approx(found.loss, abs=2e-5)  # weights below 0.001 became zero
    assert ours <= min(mapped_loss(probabilities, labels, weights) for weights in grid) + 1e-6


def test_weights_match_another_optimiser():
    probabilities, labels = said(600, (0.9, 0.6, 0.8, 0.7), seed=3)
    found = optimise_weights(probabilities, labels)

    def loss(point):
        shape = logit(np.clip(probabilities @ point[:4], EDGE, 1 - EDGE))
        return log_loss(labels, expit(point[4] * shape + point[5]))

    other = minimize(
        loss,
        [0.25] * 4 + [1.0, -1.0],
        method="SLSQP",
        bounds=[(0, 1)] * 4 + [(0, None), (None, None)],
        constraints={"type": "eq", "fun": lambda point: point[:4].sum() - 1},
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert found.loss == pytest.approx(other.fun, abs=1e-5)


def test_the_gradient_is_exact(monkeypatch):
    probabilities, labels = said(200, (0.9, 0.5, 0.7))
    seen = {}
    monkeypatch.setattr(
        voting, "minimize", lambda loss, point, **how: seen.update(loss=loss) or minimize(loss, point, **how)
    )
    optimise_weights(probabilities, labels)
    for point in (np.array([0.2, 0.3, 0.5, 1.4, -0.8]), np.array([0.0, 2.0, 0.1, 3.0, 0.2])):
        value, gradient = seen["loss"](point)
        shifted = approx_fprime(point + 1e-6, lambda at: seen["loss"](at)[0], 1e-7)
        assert gradient == pytest.approx(shifted, abs=1e-4)
        assert np.isfinite(value)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 7), st.integers(40, 200))
def test_weights_are_always_on_the_simplex(seed, members, rows):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, rows - 2)]
    probabilities = rng.random((rows, members)).round(rng.integers(1, 4))
    found = optimise_weights(probabilities, labels)
    assert found.weights.sum() == pytest.approx(1)
    assert found.weights.min() >= 0
    assert np.isfinite([found.slope, found.intercept, found.loss]).all()


def test_a_useless_member_gets_exactly_nothing():
    probabilities, labels = said(1500, (1.2, 1.0))
    noise = np.random.default_rng(9).random(1500)
    noise[labels == 1] *= 0.7  # worse than useless
    assert optimise_weights(np.column_stack([probabilities, noise]), labels).weights[2] == 0.0


def test_a_shifted_prior_moves_neither_loss_nor_order():
    probabilities, labels = said(1000, (1.0,))
    shifted = expit(logit(probabilities) + 1.5)  # as balancing does
    plain, moved = optimise_weights(probabilities, labels), optimise_weights(shifted, labels)
    assert moved.loss == pytest.approx(plain.loss, abs=1e-6)
    assert moved.slope == pytest.approx(plain.slope, abs=1e-2)


def test_a_search_that_does_not_converge_says_so_and_weighs_equally(monkeypatch):
    probabilities, labels = said(500, (0.9, 0.5, 0.7))
    monkeypatch.setattr(voting, "MAXIMUM_ITERATIONS", 1)
    found = optimise_weights(probabilities, labels)
    assert not found.converged
    assert found.weights.tolist() == [1 / 3] * 3
    selection = select(probabilities, labels, members=NAMES[:3], folds=np.arange(500) % 5)
    failed = [one for one in selection.candidates if not one.converged]
    assert {one.rule for one in failed} == {"optimised"}
    assert len(selection.decisions) == len(failed) > 0
    assert "did not converge: equal weights stand in their place" in selection.decisions[0]


def test_a_platt_map_of_counted_scores_is_that_of_the_rows():
    probabilities, labels = said(400, (1.0,))
    scores = probabilities[:, 0].round(1)
    values, place = np.unique(scores, return_inverse=True)
    counted = fit_platt(values, np.bincount(place).astype(float), np.bincount(place, labels).astype(float))
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(
        logit(np.clip(scores, EDGE, 1 - EDGE))[:, None], labels
    )
    assert counted.slope == pytest.approx(theirs.coef_[0, 0], abs=1e-3)
    assert counted.intercept == pytest.approx(theirs.intercept_[0], abs=1e-3)


@pytest.fixture(scope="module")
def seven():
    probabilities, labels = said(600, (0.9, 0.75, 0.85, 0.9, 1.0, 0.6, 0.5), noise=1.5, shared=0.3)
    folds = np.arange(600) % 5
    return probabilities, labels, folds, select(probabilities, labels, members=NAMES, folds=folds)


def test_every_combination_of_at_least_two_is_scored(seven):
    candidates = seven[3].candidates
    rules = {rule: {one.combiner.members for one in candidates if one.rule == rule} for rule in RULES}
    everything = {c for size in range(2, 8) for c in combinations(NAMES, size)}
    assert len(everything) == 120
    assert rules["single"] == {(name,) for name in NAMES}
    assert rules["equal"] == everything
    # each combination was scored itself, or its best weights left out members
    assert all(any(set(best) <= set(all_of) for best in rules["optimised"]) for all_of in everything)
    # stacks: the members of the best optimised combination, then one fewer each time
    stacks = sorted(rules["stacked"], key=len, reverse=True)
    assert stacks[0] == seven[3].optimised.combiner.members
    assert [len(members) for members in stacks] == list(range(len(stacks[0]), 1, -1))
    assert all(set(smaller) < set(larger) for larger, smaller in pairwise(stacks))


def test_skipped_combinations_gain_nothing():
    probabilities, labels = said(700, (1.2, 0.4, 1.0, 0.3), seed=5)
    selection = select(probabilities, labels, members=NAMES[:4], folds=np.arange(700) % 5)
    scored = {
        one.combiner.members: one.combiner.weights for one in selection.candidates if one.rule == "optimised"
    }
    skipped = [
        c
        for size in (2, 3, 4)
        for c in combinations(range(4), size)
        if tuple(NAMES[k] for k in c) not in scored
    ]
    assert skipped
    for chosen in skipped:
        own = optimise_weights(probabilities[:, chosen], labels).loss
        inside = [
            mapped_loss(probabilities[:, [NAMES.index(name) for name in names]], labels, np.array(weights))
            for names, weights in scored.items()
            if {NAMES.index(name) for name in names} <= set(chosen)
        ]
        assert min(inside) <= own + 2e-5


def test_weights_are_judged_on_rows_they_did_not_see(seven):
    probabilities, labels, folds, selection = seven
    best = selection.optimised
    columns = probabilities[:, [NAMES.index(name) for name in best.combiner.members]]
    by_hand = np.empty(len(labels))
    for number in range(5):
        test = folds == number
        by_hand[test] = optimise_weights(columns[~test], labels[~test]).probability(columns[test])
    assert best.log_loss == pytest.approx(log_loss(labels, by_hand), abs=2e-5)
    assert best.fold_aucs == pytest.approx(
        [auc(labels[folds == number], by_hand[folds == number]) for number in range(5)], abs=1e-3
    )
    assert best.auc == pytest.approx(np.mean(best.fold_aucs))


def test_members_that_know_nothing_gain_nothing():
    """With labels drawn apart from the members, weights fitted and judged on the same rows would seem to gain."""
    rng = np.random.default_rng(4)
    labels, folds = (np.arange(200) % 4 == 0).astype(np.int64), np.arange(200) // 4 % 5
    selection = select(rng.random((200, 7)), labels, members=NAMES, folds=folds)
    seen = optimise_weights(np.random.default_rng(4).random((200, 7)), labels).loss
    base = log_loss(labels, np.full(200, 0.25))
    assert seen < base - 0.02 < selection.optimised.log_loss
    assert selection.chosen.rule in {"single", "equal"}


def test_the_simplest_within_noise_is_chosen(seven):
    candidates, chosen = seven[3].candidates, seven[3].chosen
    assert chosen.gap <= chosen.gap_error

    def simplicity(one: Candidate):
        return RULES.index(one.rule), len(one.combiner.members), one.log_loss

    assert all(one.gap > one.gap_error for one in candidates if simplicity(one) < simplicity(chosen))
    assert min(one.log_loss for one in candidates) == pytest.approx(chosen.log_loss - chosen.gap)


def test_twins_need_no_vote():
    probabilities, labels = said(600, (1.0, 0.2))
    twins = np.column_stack([probabilities[:, 0], probabilities[:, 0] * 0.999, probabilities[:, 1]])
    assert select(twins, labels, members=NAMES[:3], folds=np.arange(600) % 5).chosen.rule == "single"


def test_the_papers_rule_stacks_the_members_of_the_best_auc(seven):
    probabilities, labels, folds, _ = seven
    selection = select(probabilities, labels, members=NAMES, folds=folds, selection="paper")
    optimised = [one for one in selection.candidates if one.rule == "optimised"]
    assert selection.optimised.auc == max(one.auc for one in optimised)
    assert selection.chosen is selection.stacked
    assert selection.stacked.combiner.members == selection.optimised.combiner.members


def test_reported_beside_it(seven):
    selection = seven[3]
    assert selection.equal.combiner.weights == (1 / 7,) * 7
    singles = [one for one in selection.candidates if one.rule == "single"]
    assert selection.best_single.log_loss == min(one.log_loss for one in singles)


def test_a_stack_is_logistic_regression_on_logits(seven):
    probabilities, labels, _, selection = seven
    names = selection.stacked.combiner.members
    columns = probabilities[:, [NAMES.index(name) for name in names]]
    logits = logit(columns)
    centred = (logits - logits.mean(axis=0)) / logits.std(axis=0)
    theirs = LogisticRegression(C=1.0).fit(centred, labels).predict_proba(centred)[:, 1]
    assert selection.stacked.combiner.combine(columns) == pytest.approx(theirs, abs=1e-6)


def stackable(third):
    """Two members of independent noise, whose log-odds add up, and a third; a vote of them is beaten beyond noise."""
    rng = np.random.default_rng(0)
    labels = (rng.random(6000) < 0.3).astype(np.int64)
    logits = [2.5 * (0.8 * (2 * labels - 1) + 1.3 * rng.normal(size=6000)) for _ in range(2)]
    columns = expit(np.column_stack([*logits, third(rng, labels, logits[0])]))
    return columns, labels, np.arange(6000) % 3


def test_a_member_that_adds_nothing_beyond_noise_leaves_the_stack():
    columns, labels, folds = stackable(lambda rng, _, first: first + 0.6 * rng.normal(size=6000))
    kept = select(columns, labels, members=NAMES[:3], folds=folds, smaller_stacks=False).chosen
    assert (kept.rule, kept.combiner.members) == ("stacked", NAMES[:3])
    selection = select(columns, labels, members=NAMES[:3], folds=folds)
    assert (selection.chosen.rule, selection.chosen.combiner.members) == ("stacked", NAMES[:2])
    assert 0 < selection.chosen.gap <= selection.chosen.gap_error
    assert selection.stacked == kept  # reported beside it as before
    # the paper's rule knows one stack
    paper = select(columns, labels, members=NAMES[:3], folds=folds, selection="paper")
    assert sum(one.rule == "stacked" for one in paper.candidates) == 1


def test_a_member_that_adds_beyond_noise_stays_in_the_stack():
    columns, labels, folds = stackable(
        lambda rng, labels, _: 2.5 * (0.8 * (2 * labels - 1) + 1.3 * rng.normal(size=6000))
    )
    chosen = select(columns, labels, members=NAMES[:3], folds=folds).chosen
    assert (chosen.rule, chosen.combiner.members) == ("stacked", NAMES[:3])


def test_one_member_left_is_its_own_everything():
    probabilities, labels = said(300, (1.0,))
    selection = select(probabilities, labels, members=("xgboost",), folds=np.arange(300) % 3)
    assert selection.chosen.combiner == Combiner("vote", ("xgboost",), (1.0,))
    assert selection.equal.combiner == selection.optimised.combiner == selection.best_single.combiner


def test_a_fold_of_one_class_is_refused():
    probabilities, labels = said(300, (1.0, 0.8))
    with pytest.raises(TooFewRowsError, match="fold 0 holds one class only"):
        select(probabilities, labels, members=NAMES[:2], folds=labels)


def test_one_fold_is_refused():
    probabilities, labels = said(300, (1.0, 0.8))
    with pytest.raises(TooFewRowsError, match="two folds at least"):
        select(probabilities, labels, members=NAMES[:2], folds=np.zeros(300, dtype=np.int64))


def test_missing_probabilities_are_refused_by_name():
    probabilities, labels = said(300, (1.0, 0.8))
    probabilities[7, 1] = np.nan
    with pytest.raises(ModelError, match="missing for gbdt"):
        select(probabilities, labels, members=NAMES[:2], folds=np.arange(300) % 3)


def test_the_wrong_number_of_members_is_refused():
    probabilities, labels = said(300, (1.0, 0.8))
    with pytest.raises(ModelError, match="do not fit 300 rows by 3 members"):
        select(probabilities, labels, members=NAMES[:3], folds=np.arange(300) % 3)
