"""The search finds better parameters where there are any, and only ever looks inside the rows it is given."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold, cross_val_score

from models.errors import TooFewRowsError
from models.runner import threads
from models.voting_ensemble import tuning
from models.voting_ensemble.members import MEMBERS, NIGHT, make_member
from models.voting_ensemble.out_of_fold import Prepared
from models.voting_ensemble.tuning import SPACES, tune


def noisy(rows: int = 240):
    rng = np.random.default_rng(0)
    labels = (np.arange(rows) % 3 == 0).astype(np.int64)
    return rng.normal(size=(rows, 4)) + 0.8 * labels[:, None], labels


def plain(X, y):
    return lambda train: Prepared(X[train], y[train], lambda others: X[others])


def search(X, y, member="bagging", **more):
    spaces = {member: {"n_estimators": (1, 60)}}
    choices = {"random_state": 0, "runner": threads(1), "spaces": spaces, "points": 3} | more
    return tune(plain(X, y), [member], y, **choices)[member]


def test_every_point_of_every_space_can_be_made():
    for member in MEMBERS:
        for name, values in SPACES[member].items():
            for value in values:
                made = make_member(member, profile={name: value}, random_state=0)
                assert made.get_params()[name] == value


def test_the_best_point_is_that_of_scikit_learn():
    X, y = noisy(480)
    found = search(X, y)
    by_hand = {
        trees: cross_val_score(
            make_member("bagging", profile=NIGHT["bagging"] | {"n_estimators": trees}, random_state=0),
            X,
            y,
            scoring="roc_auc",
            cv=StratifiedKFold(3, shuffle=True, random_state=0),
        ).mean()
        for trees in (1, 10, 60)
    }
    assert found.auc == pytest.approx(max(by_hand.values()))
    assert found.night_auc == pytest.approx(by_hand[10])
    assert found.parameters == NIGHT["bagging"] | {"n_estimators": max(by_hand, key=by_hand.get)}
    assert found.tried == 3


def test_the_defaults_stay_when_nothing_is_better():
    X, y = noisy()
    found = search(X, y, spaces={"bagging": {"n_estimators": (1,)}})
    assert found.parameters == NIGHT["bagging"]
    assert found.auc == found.night_auc


def test_the_halving_keeps_the_best_third_and_the_defaults(monkeypatch):
    X, y = noisy(600)
    monkeypatch.setattr(tuning, "FEWEST_ROWS", 100)
    sizes = []

    def runner(jobs):
        sizes.append([job.name for job in jobs])
        return [job.work() for job in jobs]

    spaces = {"extra_trees": {"n_estimators": (5, 6, 7, 8), "max_depth": (1, 2)}}
    search(X, y, member="extra_trees", spaces=spaces, points=6, runner=runner)
    # prepare and fit, on a third of the rows with all six points, then on all rows with two or three
    assert [len(names) for names in sizes[:2]] == [3, 18]
    assert len(sizes[3]) in (6, 9)
    assert {"extra_trees point 0 fold 0"} <= set(sizes[3])


def test_rows_beyond_those_given_are_never_asked_for(monkeypatch):
    X, y = noisy(600)
    monkeypatch.setattr(tuning, "FEWEST_ROWS", 100)
    pairs = []

    def prepare(train):
        def transform(others):
            pairs.append((train, others))
            return X[others]

        return Prepared(X[train], y[train], transform)

    tune(prepare, ["extra_trees"], y, random_state=0, runner=threads(1), points=2)
    assert len(pairs) == 6
    assert all(not set(train) & set(others) for train, others in pairs)
    few = np.concatenate([others for _, others in pairs[:3]])
    assert len(few) == len(set(few)) == 200
    assert sorted(np.concatenate([others for _, others in pairs[3:]])) == list(range(600))


def test_the_result_does_not_depend_on_the_runner():
    X, y = noisy()
    assert search(X, y, runner=threads(1)) == search(X, y, runner=threads(3))


def test_a_point_that_cannot_be_fitted_is_told_and_passed_over():
    X, y = noisy(480)
    found = search(X, y, spaces={"bagging": {"n_estimators": (0, 60)}})
    assert found.parameters == NIGHT["bagging"] | {"n_estimators": 60}
    assert len(found.failed) == 1
    assert "bagging point" in found.failed[0]
    assert "could not be fitted" in found.failed[0]


def test_too_few_rows_of_a_class_are_refused():
    X, y = noisy()
    y[:] = 0
    y[:2] = 1
    with pytest.raises(TooFewRowsError, match="2 defaults among 240 rows do not fill 3 folds"):
        search(X, y)
