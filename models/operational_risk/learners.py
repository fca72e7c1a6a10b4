"""Make the four learners of the paper's Table 4, each with the small grid that is searched for it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from xgboost import XGBClassifier

Learner = Literal["xgboost", "logistic_regression", "svm", "random_forest"]
Grid = dict[str, tuple[float | int | str | None, ...]]

TREES: tuple[Learner, ...] = ("xgboost", "random_forest")  # these can be held to a direction

PUBLISHED_NAMES: dict[Learner, str] = {
    "logistic_regression": "Logistic Regression",
    "svm": "Support Vector Machine",
    "random_forest": "Random Forest",
    "xgboost": "XGBoost",
}

# The paper names neither the parameters nor the values that it searched. These are few on purpose: with a few
# hundred borrowers a wide search picks noise.
GRIDS: dict[Learner, Grid] = {
    "xgboost": {"max_depth": (2, 4), "learning_rate": (0.05, 0.15)},
    "logistic_regression": {"C": (0.03, 0.1, 0.3, 1.0)},
    "svm": {"C": (0.3, 3.0)},
    "random_forest": {"max_depth": (5, 12)},
}


def make_learner(learner: Learner, *, random_state: int) -> Any:
    """Return an unfitted learner that works on one thread.

    One thread a fit: the fits of a grid and of folds run beside each other instead, which is faster on
    small data and makes results independent of the number of threads.
    """
    match learner:
        case "xgboost":
            return XGBClassifier(
                n_estimators=100,
                subsample=0.8,
                colsample_bytree=0.5,
                min_child_weight=2.0,
                reg_lambda=5.0,
                tree_method="hist",
                max_bin=64,
                n_jobs=1,
                random_state=random_state,
            )
        case "logistic_regression":
            return LogisticRegression(max_iter=2000)
        case "svm":
            return SVC(kernel="rbf", cache_size=256)
        case "random_forest":
            return RandomForestClassifier(
                n_estimators=200, min_samples_leaf=3, n_jobs=1, random_state=random_state
            )


def raw_probability(fitted: Any, matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the learner's own probability of default of each row, shape (n_samples,), not calibrated.

    A support vector machine has no probability: its signed distance goes through the logistic function, which puts
    its decision boundary at one half, and calibration does the rest.
    """
    if hasattr(fitted, "predict_proba"):
        return np.asarray(fitted.predict_proba(matrix)[:, 1], dtype=np.float64)
    return np.asarray(expit(fitted.decision_function(matrix)), dtype=np.float64)
