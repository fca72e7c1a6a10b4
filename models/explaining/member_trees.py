"""Read the trees of a fitted member of the voting ensemble, in one form for all seven kinds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from lightgbm import LGBMClassifier
from scipy.special import expit, logit
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from xgboost import XGBClassifier

from models.errors import ModelError
from models.explaining.tree_shapley import Branches, Floats, Tree

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MemberTrees:
    """A fitted member as a sum of trees: its probability is ``link(offset + sum of the trees)``.

    Parameters
    ----------
    trees : tuple of Tree
    offset : float
    margin : bool
        The sum is a log-odds (boosting), not a probability (forests).
    single : bool
        The library compares values as 32-bit floats.
    """

    trees: tuple[Tree, ...]
    offset: float
    margin: bool
    single: bool

    @property
    def base(self) -> float:
        """The sum when no feature is known."""
        return self.offset + sum(tree.expected for tree in self.trees)

    def probability(self, total: Floats) -> Floats:
        """Return the member's probability for each sum."""
        return np.asarray(expit(total) if self.margin else total, dtype=np.float64)

    def contributions(self, X: Matrix) -> Matrix:
        """Return the contribution of each column to the sum of each row, shape (n_samples, n_columns).

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns)
        """
        columns: npt.NDArray[Any] = np.ascontiguousarray(X.T, dtype=np.float32 if self.single else np.float64)
        values = np.zeros(columns.shape)
        for tree in self.trees:
            tree.add(columns, values)
        return values.T


def member_trees(estimator: Any) -> MemberTrees:
    """Return the trees of a fitted member, with leaves scaled so that they add up.

    Raises
    ------
    ModelError
        The member is not one of the seven kinds, has more than two classes, or has a part beyond its trees.
    """
    match estimator:
        case XGBClassifier():
            return _xgboost(estimator)
        case LGBMClassifier():
            return _lightgbm(estimator)
        case GradientBoostingClassifier():
            return _gradient_boosting(estimator)
        case AdaBoostClassifier():
            return _adaboost(estimator)
        case RandomForestClassifier() | ExtraTreesClassifier():
            all_columns = np.arange(estimator.n_features_in_)
            return _forest(estimator.estimators_, [all_columns] * len(estimator.estimators_))
        case BaggingClassifier():
            return _forest(estimator.estimators_, estimator.estimators_features_)
        case _:
            raise ModelError(f"{type(estimator).__name__} has no trees that models.explanation can read")


def _xgboost(estimator: XGBClassifier) -> MemberTrees:
    learner = json.loads(estimator.get_booster().save_raw(raw_format="json"))["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        raise ModelError(f"XGBoost with booster {learner['gradient_booster']['name']} is not a sum of trees")
    base_score = json.loads(learner["learner_model_param"]["base_score"])
    trees = []
    for stored in learner["gradient_booster"]["model"]["trees"]:
        if any(stored["split_type"]):
            raise ModelError("XGBoost with categorical splits cannot be explained: encode the categories")
        left = np.array(stored["left_children"])
        conditions = np.array(stored["split_conditions"], dtype=np.float32)
        trees.append(
            Tree(
                Branches(
                    feature=np.array(stored["split_indices"]),
                    # XGBoost sends a value left when it is below the condition
                    threshold=np.nextafter(conditions, np.float32(-np.inf)).astype(np.float64),
                    missing_left=np.array(stored["default_left"], dtype=bool),
                    left=left,
                    right=np.array(stored["right_children"]),
                    cover=np.array(stored["sum_hessian"], dtype=np.float64),
                    value=np.where(left < 0, conditions, 0).astype(np.float64),
                )
            )
        )
    return MemberTrees(tuple(trees), float(logit(np.ravel(base_score)[0])), margin=True, single=True)


def _lightgbm(estimator: LGBMClassifier) -> MemberTrees:
    text = estimator.booster_.model_to_string()
    blocks = text.split("\nTree=")[1:]
    return MemberTrees(tuple(_lightgbm_tree(block) for block in blocks), 0.0, margin=True, single=False)


def _lightgbm_tree(block: str) -> Tree:
    """Read one tree from LightGBM's text form: splits first, then leaves, which it numbers -1, -2 and so on."""
    fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)

    def numbers(name: str) -> Floats:
        return np.array(fields[name].split(), dtype=np.float64)

    value = numbers("leaf_value")
    leaves, splits = len(value), len(value) - 1
    no_child, zeros = np.full(leaves, -1), np.zeros(leaves)
    if splits == 0:
        return Tree(Branches(no_child, zeros, zeros > 0, no_child, no_child, np.ones(1), value))
    if fields["num_cat"] != "0" or fields["is_linear"] != "0":
        raise ModelError(
            "LightGBM with categorical or linear trees cannot be explained: encode the categories"
        )
    kind = numbers("decision_type").astype(np.int64)
    threshold, missing = numbers("threshold"), kind >> 2 & 3
    if (missing == 1).any():
        raise ModelError("LightGBM with zero_as_missing cannot be explained: give it zeros as they are")
    left, right = numbers("left_child").astype(np.int64), numbers("right_child").astype(np.int64)
    return Tree(
        Branches(
            feature=np.concatenate([numbers("split_feature").astype(np.int64), no_child]),
            threshold=np.concatenate([threshold, zeros]),
            # without gaps in training LightGBM takes a later gap for a zero
            missing_left=np.concatenate(
                [np.where(missing == 2, kind >> 1 & 1 == 1, threshold >= 0), zeros > 0]
            ),
            left=np.concatenate([np.where(left < 0, splits - left - 1, left), no_child]),
            right=np.concatenate([np.where(right < 0, splits - right - 1, right), no_child]),
            cover=np.concatenate([numbers("internal_count"), numbers("leaf_count")]),
            value=np.concatenate([np.zeros(splits), value]),
        )
    )


def _gradient_boosting(estimator: GradientBoostingClassifier) -> MemberTrees:
    if estimator.n_classes_ != 2 or estimator.loss != "log_loss" or estimator.init is not None:
        raise ModelError("gradient boosting is explained with two classes, log loss and its own start only")
    trees = tuple(
        _scikit(tree.tree_, tree.tree_.value[:, 0, 0] * estimator.learning_rate)
        for tree in estimator.estimators_[:, 0]
    )
    return MemberTrees(trees, float(logit(estimator.init_.class_prior_[1])), margin=True, single=True)


def _adaboost(estimator: AdaBoostClassifier) -> MemberTrees:
    """Read SAMME: every tree votes with its whole weight, and the log-odds are twice the mean vote."""
    total = float(estimator.estimator_weights_.sum())
    trees = tuple(
        _scikit(tree.tree_, (2.0 * _is_default(tree) - 1.0) * 2.0 * weight / total)
        for tree, weight in zip(estimator.estimators_, estimator.estimator_weights_, strict=False)
    )
    return MemberTrees(trees, 0.0, margin=True, single=True)


def _is_default(tree: Any) -> Floats:
    """Return 1 at the nodes where a tree predicts class 1, shape (n_nodes,)."""
    return np.asarray(tree.classes_[tree.tree_.value[:, 0, :].argmax(axis=1)] == 1, dtype=np.float64)


def _forest(estimators: Sequence[Any], features: Sequence[npt.NDArray[Any]]) -> MemberTrees:
    """Read the mean of the trees' shares of class 1; a bag of one class has that class only."""
    trees = []
    for tree, columns in zip(estimators, features, strict=True):
        share = tree.tree_.value[:, 0, tree.classes_ == 1].sum(axis=1)
        trees.append(_scikit(tree.tree_, share / len(estimators), columns))
    return MemberTrees(tuple(trees), 0.0, margin=False, single=True)


def _scikit(tree: Any, value: Floats, columns: npt.NDArray[Any] | None = None) -> Tree:
    feature = np.maximum(tree.feature, 0)
    return Tree(
        Branches(
            feature=feature if columns is None else np.asarray(columns)[feature],
            threshold=tree.threshold.astype(np.float64),
            missing_left=tree.missing_go_to_left.astype(bool),
            left=tree.children_left.astype(np.int64),
            right=tree.children_right.astype(np.int64),
            cover=tree.weighted_n_node_samples.astype(np.float64),
            value=np.asarray(value, dtype=np.float64),
        )
    )
