"""Each member is its library's default, fits the same every time, and says clearly why a fit failed."""

from __future__ import annotations

import numpy as np
import pytest
from lightgbm import LGBMClassifier
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from xgboost import XGBClassifier

from models.errors import ModelError
from models.metrics import auc
from models.runner import threads
from models.voting_ensemble.levels import LEVELS, round_to_levels
from models.voting_ensemble.members import (
    MEMBERS,
    PUBLISHED_NAMES,
    MemberError,
    fit_member,
    make_member,
    member_probability,
    smoothed,
)
from models.voting_ensemble.out_of_fold import Prepared, longest_first, out_of_fold

LIBRARY_DEFAULTS = {
    "xgboost": XGBClassifier(random_state=3, n_jobs=1),
    "gbdt": GradientBoostingClassifier(random_state=3),
    "adaboost": AdaBoostClassifier(random_state=3),
    "random_forest": RandomForestClassifier(random_state=3),
    "lightgbm": LGBMClassifier(random_state=3, n_jobs=1, verbosity=-1),
    "bagging": BaggingClassifier(random_state=3),
    "extra_trees": ExtraTreesClassifier(random_state=3),
}


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = (np.arange(300) % 3 == 0).astype(np.int64)
    return rng.normal(size=(300, 6)) + 0.7 * labels[:, None], labels


class Broken(ClassifierMixin, BaseEstimator):
    """A classifier that refuses, or answers with nonsense, when the rows hold a marked one."""

    def __init__(self, *, answer: float | None = None, marked: float = np.inf) -> None:
        self.answer = answer
        self.marked = marked

    def fit(self, X, y):
        if self.answer is None and not (X[:, 0] == self.marked).any():
            raise RuntimeError("no luck today\nand a second line")
        return self

    def predict_proba(self, X):
        answer = 0.5 if self.answer is None else self.answer
        return np.full((len(X), 2), answer)


def test_every_member_has_a_published_name():
    assert set(PUBLISHED_NAMES) == set(MEMBERS) == set(LIBRARY_DEFAULTS)


@pytest.mark.parametrize("member", MEMBERS)
def test_the_paper_profile_is_the_library_default(member, rows):
    X, y = rows
    ours = fit_member(member, make_member(member, random_state=3), X, y)
    theirs = LIBRARY_DEFAULTS[member].fit(X, y)
    assert member_probability(member, ours, X) == pytest.approx(theirs.predict_proba(X)[:, 1], abs=1e-12)


@pytest.mark.parametrize("member", MEMBERS)
def test_two_fits_are_equal_beside_each_other(member, rows):
    X, y = rows
    folds = np.arange(len(y)) % 2
    members = {"one": make_member(member, random_state=1), "two": make_member(member, random_state=1)}
    found = out_of_fold(plain(X, y), members, y, folds, runner=threads(4))
    assert np.array_equal(found.probabilities[:, 0], found.probabilities[:, 1])


@pytest.mark.parametrize("member", MEMBERS)
def test_in_the_night_no_tree_grows_with_the_rows(member):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 4000)
    X = rng.normal(size=(4000, 6)) + 0.2 * labels[:, None]
    fitted = fit_member(member, make_member(member, profile="night", random_state=3), X, labels)
    if member in ("random_forest", "bagging", "extra_trees"):
        assert max(tree.get_n_leaves() for tree in fitted.estimators_) == 64
        leaves = [tree.tree_.n_node_samples[tree.tree_.children_left == -1] for tree in fitted.estimators_]
        assert min(sizes.min() for sizes in leaves) >= 5  # ten drawn rows, some of them the same
    elif member == "gbdt":
        assert max(tree.get_n_leaves() for tree in fitted.estimators_.ravel()) == 8
        assert {tree.max_features_ for tree in fitted.estimators_.ravel()} == {2}  # of six columns
    else:  # bounded by their library already
        paper = make_member(member, random_state=3)
        assert repr(make_member(member, profile="night", random_state=3)) == repr(paper)


def test_parameters_replace_defaults():
    bagging = make_member("bagging", profile={"estimator__max_depth": 4, "n_estimators": 7}, random_state=0)
    assert (bagging.estimator.max_depth, bagging.n_estimators) == (4, 7)


@pytest.mark.parametrize("name", ["depth", "n_jobs", "random_state"])
def test_parameters_that_are_not_the_profiles_are_refused(name):
    with pytest.raises(ModelError, match=f"xgboost has no parameter {name}"):
        make_member("xgboost", profile={name: 3}, random_state=0)


def test_a_failing_fit_names_the_member_in_one_line(rows):
    with pytest.raises(
        MemberError, match=r"^member mine could not be fitted on 300 rows by 6 columns: no luck today$"
    ):
        fit_member("mine", Broken(), *rows)


def test_one_class_names_the_member(rows):
    with pytest.raises(MemberError, match=r"member gbdt .* one class only"):
        fit_member("gbdt", make_member("gbdt", random_state=0), rows[0], np.zeros(300, dtype=np.int64))


def test_an_answer_that_is_no_probability_is_refused(rows):
    with pytest.raises(MemberError, match="member mine gives no probability for 300 of 300 rows"):
        member_probability("mine", Broken(answer=np.nan), rows[0])


def plain(X, y):
    """Prepare nothing."""
    return lambda train: Prepared(X[train], y[train], lambda others: X[others])


def test_out_of_fold_equals_a_loop_by_hand(rows):
    X, y = rows
    folds = np.arange(len(y)) // 3 % 3
    members = {name: make_member(name, random_state=0) for name in ("xgboost", "extra_trees")}
    found = out_of_fold(plain(X, y), members, y, folds, runner=threads(2))
    for column, estimator in enumerate(members.values()):
        for number in range(3):
            test = folds == number
            fitted = clone(estimator).fit(X[~test], y[~test])
            by_hand = smoothed(fitted, fitted.predict_proba(X[test])[:, 1])
            assert np.array_equal(found.probabilities[test, column], by_hand)


def test_a_counting_member_never_says_zero_and_keeps_its_order(rows):
    X, y = rows
    forest = make_member("random_forest", profile={"n_estimators": 9}, random_state=0).fit(X, y)
    raw = np.array([0.0, 1 / 9, 1.0])
    assert smoothed(forest, raw).tolist() == pytest.approx([0.05, 0.15, 0.95])
    booster = make_member("xgboost", random_state=0).fit(X, y)
    assert smoothed(booster, raw) is raw


def test_preparation_sees_training_rows_only_and_once_a_fold(rows):
    X, y = rows
    folds = np.arange(len(y)) // 3 % 3
    seen = []

    def prepare(train):
        seen.append(train)
        return plain(X, y)(train)

    members = {name: make_member(name, random_state=0) for name in ("xgboost", "lightgbm", "extra_trees")}
    out_of_fold(prepare, members, y, folds, runner=threads(1))
    assert [set(folds[train]) for train in seen] == [{1, 2}, {0, 2}, {0, 1}]


def test_a_member_that_fails_in_one_fold_is_left_out_with_its_reason(rows):
    X, y = rows
    folds = np.arange(len(y)) // 3 % 3
    members = {"mine": Broken(marked=X[4, 0]), "xgboost": make_member("xgboost", random_state=0)}
    found = out_of_fold(plain(X, y), members, y, folds, runner=threads(2))
    assert found.members == ("xgboost",)
    assert found.probabilities.shape == (300, 1)
    assert list(found.left_out) == ["mine"]
    assert found.left_out["mine"].startswith("fold 1: member mine could not be fitted")


def test_no_member_left_is_an_error(rows):
    X, y = rows
    with pytest.raises(ModelError, match="no member could be fitted; the first: fold 0: member mine"):
        out_of_fold(plain(X, y), {"mine": Broken()}, y, np.arange(300) % 2, runner=threads(1))


def test_other_names_go_first():
    assert longest_first(("lightgbm point 1", "mine", "gbdt point 0")) == (
        "mine",
        "gbdt point 0",
        "lightgbm point 1",
    )


def test_rounding_keeps_order_and_mean():
    rng = np.random.default_rng(1)
    X = np.column_stack(
        [rng.lognormal(size=4000), rng.integers(0, 5, 4000), np.where(rng.random(4000) < 0.9, 0, 1.5)]
    )
    X[:3000, 2] += rng.random(3000) * (X[:3000, 2] > 0)
    rounded = round_to_levels(X, rows_above=1000)
    order = np.argsort(X[:, 0])
    assert (np.diff(rounded[order, 0]) >= 0).all()
    assert 200 < len(np.unique(rounded[:, 0])) <= LEVELS
    assert rounded.mean(axis=0) == pytest.approx(X.mean(axis=0), rel=1e-5)
    assert np.array_equal(rounded[:, 1], X[:, 1])
    assert set(rounded[X[:, 2] == 0, 2]) == {0.0}


def test_a_forest_on_rounded_rows_ranks_as_well(rows):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(4000, 5))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=4000) > 1).astype(np.int64)
    exact, rounded = (
        make_member("gbdt", profile={"n_estimators": 30}, random_state=0).fit(matrix, y[:3000])
        for matrix in (X[:3000], round_to_levels(X[:3000], rows_above=100))
    )
    areas = [auc(y[3000:], model.predict_proba(X[3000:])[:, 1]) for model in (exact, rounded)]
    assert areas[1] == pytest.approx(areas[0], abs=0.01)
