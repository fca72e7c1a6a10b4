"""Make and fit the seven base classifiers of the voting ensemble; a failing fit becomes one clear error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from lightgbm import LGBMClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from models.errors import ModelError
from models.monotone import Signs, hold
from models.voting_ensemble.levels import round_to_levels

Member = Literal["xgboost", "gbdt", "adaboost", "random_forest", "lightgbm", "bagging", "extra_trees"]
MEMBERS: tuple[Member, ...] = get_args(Member)
FREE_ONLY: tuple[Member, ...] = ("gbdt",)  # these cannot be held to a direction; see `models.monotone.hold`

Parameter = float | int | str | bool | None
Parameters = Mapping[str, Parameter]
Profile = Literal["night", "paper"] | Parameters

PUBLISHED_NAMES: dict[Member, str] = {
    "xgboost": "XGBoost",
    "gbdt": "GBDT",
    "adaboost": "AdaBoost",
    "random_forest": "RF",
    "lightgbm": "LightGBM",
    "bagging": "Bagging",
    "extra_trees": "ExtraTree",
}

# The libraries let the trees of forests and bags grow until each leaf is pure: ever more leaves with ever more rows,
# and a night walks through all of them to explain a row. Gradient boosting looks at every column for every split, which
# took more than half of all fits. Bounded, some members rank worse alone; the vote of them does not
# (docs/decisions/0080).
NIGHT: dict[Member, dict[str, Parameter]] = {
    "gbdt": {"max_features": "sqrt"},
    "random_forest": {"max_leaf_nodes": 64, "min_samples_leaf": 10},
    "bagging": {"estimator__max_leaf_nodes": 64, "estimator__min_samples_leaf": 10},
    "extra_trees": {"max_leaf_nodes": 64, "min_samples_leaf": 10},
}

# these sort every column at every node; the others group values themselves, or draw thresholds at random
_SORTING = (GradientBoostingClassifier, AdaBoostClassifier, RandomForestClassifier, BaggingClassifier)
_GIVEN = frozenset({"n_jobs", "random_state", "verbosity", "verbose"})  # set by the factory, not by a profile


class MemberError(ModelError):
    """A base classifier could not be fitted, or returns no probabilities."""


def make_member(member: Member, *, profile: Profile = "paper", random_state: int) -> Any:
    """Return an unfitted base classifier that works on one thread and gives the same fit every time.

    One thread a fit: members and folds run beside each other instead. The paper (section IV.C) names no
    parameters, so its profile is each library's defaults: XGBoost 3 (100 trees of depth 6, rate 0.3),
    scikit-learn's gradient boosting (100 trees of depth 3, rate 0.1), AdaBoost (50 stumps), random
    forest and extra trees (100 full trees), bagging (10 full trees on all columns), LightGBM (100 trees
    of 31 leaves, rate 0.1). Two differences to the paper's years: AdaBoost of scikit-learn 1.6 and later knows
    SAMME only (SAMME.R, the default before, is gone), and its probabilities lie near one half; XGBoost
    builds histograms of 256 bins where it once searched small data exactly.

    The ``night`` profile bounds the leaves of the members whose trees grow without end, and the columns that gradient
    boosting looks at for a split (`NIGHT`). The ``tuned`` profile has no fixed values; `models.voting_ensemble.tuning`
    searches them within the training rows of each fit and passes them as a mapping.

    Parameters
    ----------
    member : one of `MEMBERS`
    profile : "paper", "night" or mapping
        The library's defaults, those within bounds, or parameters that replace some of the defaults. Those of
        the tree inside AdaBoost and bagging are written ``estimator__max_depth`` and so on.
    random_state : int

    Raises
    ------
    ModelError
        A parameter that the member does not have, or that a profile may not choose.

    Examples
    --------
    >>> make_member("extra_trees", profile={"min_samples_leaf": 2}, random_state=0)
    ExtraTreesClassifier(min_samples_leaf=2, n_jobs=1, random_state=0)
    """
    estimator = _bare(member).set_params(random_state=random_state)
    if isinstance(profile, str):
        profile = NIGHT.get(member, {}) if profile == "night" else {}
    known = set(estimator.get_params()) - _GIVEN
    unknown = sorted(set(profile) - known)
    if unknown:
        raise ModelError(f"{member} has no parameter {', '.join(unknown)} to set; it knows {sorted(known)}")
    return estimator.set_params(**profile)


def _bare(member: Member) -> Any:
    """Return the member with its library's defaults, set up so that its fit is the same every time."""
    match member:
        case "xgboost":
            estimator = XGBClassifier(n_jobs=1)
        case "gbdt":
            estimator = GradientBoostingClassifier()
        case "adaboost":
            estimator = AdaBoostClassifier(estimator=DecisionTreeClassifier(max_depth=1))
        case "random_forest":
            estimator = RandomForestClassifier(n_jobs=1)
        case "lightgbm":
            # column-wise: otherwise LightGBM times both ways on every fit, and the faster one decides the sums
            estimator = LGBMClassifier(n_jobs=1, verbosity=-1, deterministic=True, force_col_wise=True)
        case "bagging":
            estimator = BaggingClassifier(estimator=DecisionTreeClassifier(), n_jobs=1)
        case "extra_trees":
            estimator = ExtraTreesClassifier(n_jobs=1)
    return estimator


def fit_member(
    name: str, estimator: Any, X: npt.NDArray[Any], y: npt.NDArray[np.int64], signs: Signs = ()
) -> Any:
    """Fit a member and return it; any failure becomes one line that names the member.

    Members that sort columns get them stored column by column in their trees' own number format, which changes no
    fit and makes gradient boosting 10% to 20% faster; many rows (`models.voting_ensemble.levels.ROWS_ABOVE`) are also
    rounded to 255 values a column.

    The caller decides what a failure means: `models.voting_ensemble.out_of_fold` leaves a failing member out, records
    it, and gives up only if none remains.

    Parameters
    ----------
    name : str
    estimator : unfitted classifier
    X : ndarray of shape (n_samples, n_columns)
        Prepared and balanced training rows.
    y : ndarray of shape (n_samples,), 0 or 1
    signs : tuple of int, default=()
        Direction of each column that the member is held to; none: of no column.

    Raises
    ------
    MemberError
    """
    failure = f"member {name} could not be fitted on {X.shape[0]} rows by {X.shape[1]} columns"
    if len(np.unique(y)) < 2:
        raise MemberError(f"{failure}: the rows hold one class only")
    try:
        return hold(estimator, signs).fit(_by_columns(X) if isinstance(estimator, _SORTING) else X, y)
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise MemberError(f"{failure}: {reason}") from error


def _by_columns(X: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return the rows as 32-bit numbers stored by column, rounded to few values if there are many rows."""
    return np.asfortranarray(round_to_levels(X), dtype=np.float32)


def member_probability(name: str, fitted: Any, X: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return a member's own probability of default of each row, shape (n_samples,), not calibrated.

    Raises
    ------
    MemberError
        A probability is not a number between 0 and 1.
    """
    probability = np.asarray(fitted.predict_proba(X)[:, 1], dtype=np.float64)
    bad = int((~((probability >= 0) & (probability <= 1))).sum())
    if bad:
        raise MemberError(f"member {name} gives no probability for {bad} of {len(X)} rows")
    return probability


def smoothed(fitted: Any, probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the probability of a member that counts trees as if one more tree had been undecided.

    A forest or bag of T trees predicts exactly 0 where no tree saw a default, which has no logit. With
    ``(p T + 1/2) / (T + 1)`` (Krichevsky & Trofimov's estimate) the order of the rows is the same. Boosted
    members keep their probabilities.

    Parameters
    ----------
    fitted : fitted member
    probability : ndarray of shape (n_samples,)
    """
    if not isinstance(fitted, RandomForestClassifier | ExtraTreesClassifier | BaggingClassifier):
        return probability
    trees = len(fitted.estimators_)
    return (probability * trees + 0.5) / (trees + 1)
