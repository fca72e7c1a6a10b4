"""Hold the contributions of a member's trees to shap's own code on a few rows, each time a model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from lightgbm import LGBMClassifier
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier

from models.errors import ModelError
from models.explaining.member_sums import member_sums
from models.explaining.member_trees import member_trees
from models.explaining.tree_shapley import Tree

Matrix = npt.NDArray[np.float64]

TOLERANCE = 1e-5  # of a log-odds or a probability; XGBoost keeps the cover of a node in 32 bits
GAME = "tree_path_dependent"


@dataclass(frozen=True)
class ShapCheck:
    """How far the contributions of each member with trees are from shap's.

    Parameters
    ----------
    rows : int
        Training rows that were compared.
    differences : mapping of str to float
        Largest difference of a contribution to the member's own sum, by member; at most `TOLERANCE`.
    """

    rows: int
    differences: Mapping[str, float]

    @property
    def largest(self) -> float:
        """The largest difference of all members."""
        return max(self.differences.values())


def check_with_shap(members: Mapping[str, Any], X: Matrix) -> ShapCheck:
    """Return how far the contributions that are published are from those of shap's own code.

    shap reads a member's trees by itself where it knows the member, so that reading and summing are both checked.
    AdaBoost and bagging it does not know: it is handed the trees as `models.explaining.member_trees` reads them.
    In both cases its own sums are asked for, not those of XGBoost and LightGBM, to which it would pass them on.

    Parameters
    ----------
    members : mapping of str to fitted member
        At least one, with trees.
    X : ndarray of shape (n_samples, n_columns)
        Prepared rows.

    Raises
    ------
    ModelError
        A contribution differs by more than `TOLERANCE`, so that the model cannot be explained as promised.

    References
    ----------
    Lundberg et al. (2020), From local explanations to global understanding with explainable AI for trees.
    Nature Machine Intelligence 2.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> X, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    >>> forest = RandomForestClassifier(n_estimators=3, random_state=0).fit(X, y)
    >>> check_with_shap({"random_forest": forest}, X).largest < TOLERANCE
    True
    """
    differences = {name: _difference(name, member, X) for name, member in members.items()}
    for name, difference in differences.items():
        if not difference <= TOLERANCE:
            raise ModelError(
                f"the contributions of {name} differ from shap's by up to {difference:.1e} in {len(X)} rows, and "
                f"{TOLERANCE:.0e} is allowed: train with the package versions of constraints.txt"
            )
    return ShapCheck(len(X), differences)


def _difference(name: str, member: Any, X: Matrix) -> float:
    ours = member_sums(name, member, X, member.predict_proba(X)[:, 1]).contributions
    return float(np.abs(ours - shap_values(member, X)).max())


def shap_values(member: Any, X: Matrix) -> Matrix:
    """Return shap's contribution of each column to the member's sum, shape (n_samples, n_columns)."""
    from shap import TreeExplainer

    if isinstance(member, AdaBoostClassifier | BaggingClassifier):
        trees: Any = {"trees": [_shap_tree(tree) for tree in member_trees(member).trees]}
    else:
        trees = TreeExplainer(member, feature_perturbation=GAME).model.trees
    rows = X if isinstance(member, LGBMClassifier) else X.astype(np.float32)
    values = TreeExplainer(trees, feature_perturbation=GAME).shap_values(rows, check_additivity=False)
    return np.asarray(values[:, :, 1] if values.ndim == 3 else values, dtype=np.float64)


def _shap_tree(tree: Tree) -> dict[str, npt.NDArray[Any]]:
    """Return one tree in the form that shap takes."""
    branches = tree.branches
    return {
        "children_left": branches.left,
        "children_right": branches.right,
        "children_default": np.where(branches.missing_left, branches.left, branches.right),
        "features": np.where(branches.left < 0, -1, branches.feature),
        "thresholds": branches.threshold,
        "values": branches.value[:, None],
        "node_sample_weight": branches.cover,
    }
