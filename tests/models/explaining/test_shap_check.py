"""A trained member's contributions are held to shap's own code, and one that differs is refused."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pytest
from sklearn.datasets import make_classification

from models.errors import ModelError
from models.explaining import member_sums, shap_check
from models.explaining.shap_check import ShapCheck, check_with_shap
from models.explaining.tree_shapley import Tree
from models.voting_ensemble.members import MEMBERS, make_member

X, Y = make_classification(300, 6, n_informative=4, n_redundant=1, weights=[0.7], flip_y=0.1, random_state=5)


@pytest.fixture(scope="module")
def fitted():
    return {
        name: make_member(name, profile={"n_estimators": 8}, random_state=0).fit(X, Y) for name in MEMBERS
    }


def test_all_seven_members_give_what_shap_gives(fitted):
    checked = check_with_shap(fitted, X[:50])
    assert checked.rows == 50
    assert tuple(checked.differences) == MEMBERS
    assert checked.largest == max(checked.differences.values())
    assert checked.differences.pop("xgboost") < 1e-6  # its covers are kept in 32 bits
    assert checked.largest < 1e-12


def test_shap_sums_the_trees_itself_and_does_not_ask_their_library(fitted, monkeypatch):
    monkeypatch.setattr(type(fitted["lightgbm"].booster_), "predict", lambda *_, **__: pytest.fail("asked"))
    member = fitted["lightgbm"]
    values = shap_check.shap_values(member, X[:5])
    np.testing.assert_allclose(values, shap_check.member_trees(member).contributions(X[:5]), atol=1e-12)


def test_trees_without_a_split_give_nothing():
    flat = make_member("lightgbm", profile={"n_estimators": 3}, random_state=0).fit(np.ones((60, 2)), Y[:60])
    assert check_with_shap({"lightgbm": flat}, np.ones((4, 2))).largest == 0.0


@pytest.mark.parametrize("name", ["gbdt", "random_forest", "lightgbm", "xgboost"])
def test_covers_that_are_misread_are_refused_although_the_sums_add_up(fitted, monkeypatch, name):
    """Every split goes both ways by halves: base and contributions still add up to what the member predicts."""

    def halves(tree: Tree) -> np.ndarray:
        return np.where(np.arange(len(tree.branches.cover)) == 0, 1.0, 0.5)

    misread = cached_property(halves)
    misread.__set_name__(Tree, "ratio")
    monkeypatch.setattr(Tree, "ratio", misread)
    member = fitted[name]
    sums = member_sums.member_sums(name, member, X[:50], member.predict_proba(X[:50])[:, 1])
    assert sums.decision is None
    with pytest.raises(
        ModelError,
        match=rf"^the contributions of {name} differ from shap's by up to .* in 50 rows, and 1e-05 is allowed: ",
    ) as refusal:
        check_with_shap({name: member}, X[:50])
    assert "\n" not in str(refusal.value)


def test_a_difference_that_is_no_number_is_refused(fitted, monkeypatch):
    monkeypatch.setattr(shap_check, "shap_values", lambda member, rows: np.full(rows.shape, np.nan))
    with pytest.raises(ModelError, match="differ from shap's by up to nan"):
        check_with_shap({"gbdt": fitted["gbdt"]}, X[:5])


def test_the_largest_difference_is_that_of_the_worst_member():
    assert ShapCheck(50, {"gbdt": 1e-15, "xgboost": 3e-8}).largest == 3e-8
