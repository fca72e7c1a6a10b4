"""Hold trees to the directions of their columns: the risk never falls as a column rises that raises it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from lightgbm import LGBMClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    RandomForestClassifier,
)
from xgboost import XGBClassifier

from models.errors import ModelError
from models.schema import schema_of

Signs = tuple[int, ...]


def held_to(frame: pl.DataFrame, directions: Mapping[str, int] | None, *, monotone: bool) -> dict[str, int]:
    """Return the directions of the numbers of a frame, which trees are held to; none unless they are to be monotone.

    Parameters
    ----------
    frame : polars.DataFrame of shape (n_samples, n_features)
        Features that enter the model.
    directions : mapping of str to int, or None
        1 for features that raise the risk as they rise, -1 for those that lower it.
    monotone : bool

    Raises
    ------
    ModelError
        They are to be monotone and no number has a direction.
    """
    if not monotone:
        return {}
    numbers = [column.name for column in schema_of(frame) if column.kind == "number"]
    held = {name: directions[name] for name in numbers if name in directions} if directions else {}
    if not held:
        raise ModelError(
            f"monotone, but none of the {len(numbers)} numbers of the training rows has a direction in the feature "
            "catalogue: give one to those that point one way, or train without monotone"
        )
    return held


def signs_of(columns: Sequence[str], directions: Mapping[str, int]) -> Signs:
    """Return 1, -1 or 0 (free) for each column of a prepared matrix.

    A number that is only scaled keeps the name and the direction of its feature. What is made of a feature otherwise,
    a mark of its gaps or a level of a category, has a name of its own and is free.

    Parameters
    ----------
    columns : sequence of str
        Columns of the matrix, in order.
    directions : mapping of str to int
        1 for features that raise the risk as they rise, -1 for those that lower it.

    Examples
    --------
    >>> signs_of(("age", "arrears", "missing:arrears"), {"arrears": 1, "age": -1})
    (-1, 1, 0)
    """
    return tuple(directions.get(name, 0) for name in columns)


def hold(estimator: Any, signs: Signs) -> Any:
    """Return the unfitted trees, which can then only be fitted so that their probability follows the signs.

    XGBoost and LightGBM take the signs themselves, scikit-learn's forests too, and AdaBoost and bagging for the trees
    inside: AdaBoost adds up their votes with weights above zero, bagging their probabilities, so that the sum follows
    where each tree does.

    Parameters
    ----------
    estimator : unfitted classifier
    signs : tuple of int, one for each column of its rows
        Without a single direction the estimator stays as it is.

    Raises
    ------
    ModelError
        The estimator cannot be held, as gradient boosting of scikit-learn: it has no such parameter, and sets the
        values of its leaves anew after each tree.

    Examples
    --------
    >>> hold(ExtraTreesClassifier(), (1, 0)).monotonic_cst
    [1, 0]
    """
    if not any(signs):
        return estimator
    match estimator:
        case BaggingClassifier() if estimator.max_features != 1.0:
            raise ModelError(
                "bagging that draws columns for each tree cannot be held to a direction of all columns"
            )
        case XGBClassifier():
            return estimator.set_params(monotone_constraints=signs)
        case LGBMClassifier():
            return estimator.set_params(monotone_constraints=list(signs))
        case RandomForestClassifier() | ExtraTreesClassifier():
            return estimator.set_params(monotonic_cst=list(signs))
        case AdaBoostClassifier() | BaggingClassifier():
            return estimator.set_params(estimator__monotonic_cst=list(signs))
        case _:
            raise ModelError(f"{type(estimator).__name__} cannot be held to a direction")
