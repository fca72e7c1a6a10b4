"""Measure how much a fitted model relies on each feature, and hold its trees to shap."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl
from sklearn.ensemble import RandomForestClassifier
from xgboost import XGBClassifier

from models.explaining.importance import Importance, importance_of, shap_importance
from models.explaining.shap_check import ShapCheck, check_with_shap
from models.operational_risk.classifier import OperationalRiskClassifier
from models.operational_risk.learners import raw_probability
from models.operational_risk.settings import OperationalRiskSettings


def feature_importance(classifier: OperationalRiskClassifier, sample: pl.DataFrame) -> Importance:
    """Return the share of importance of each feature, strongest first; the shares add up to one.

    XGBoost: number of splits on it (the F-score of the paper's Figure 4). Random forest: decrease of
    impurity. Logistic regression: absolute coefficient on the [0, 1] scale. A support vector machine has no such
    figure: size of the contributions to its score, by shap. A category, or the mark of a gap, counts for its feature.

    Parameters
    ----------
    classifier : fitted OperationalRiskClassifier
    sample : polars.DataFrame
        A few training rows, for the learner that has no figure of its own.
    """
    learner, sources = classifier.learner_, classifier.preparation_.sources_out_
    features = classifier.feature_names_in_.tolist()
    if hasattr(learner, "get_booster"):
        counts = learner.get_booster().get_score(importance_type="weight")
        how, weights = "splits", np.array([counts.get(f"f{place}", 0.0) for place in range(len(sources))])
    elif hasattr(learner, "feature_importances_"):
        how, weights = "decrease of impurity", np.asarray(learner.feature_importances_)
    elif hasattr(learner, "coef_"):
        how, weights = "absolute coefficients", np.abs(np.asarray(learner.coef_)).ravel()
    else:
        rows = classifier.preparation_.transform(sample)
        return shap_importance(partial(raw_probability, learner), rows, sources=sources, features=features)
    return importance_of(how, weights, sources=sources, features=features)


def shap_check(classifier: OperationalRiskClassifier, sample: pl.DataFrame) -> ShapCheck | None:
    """Return how far the contributions of the learner's trees are from shap's; None for a learner without trees.

    Raises
    ------
    ModelError
        They differ by more than what is allowed.
    """
    learner = classifier.learner_
    if not isinstance(learner, XGBClassifier | RandomForestClassifier):
        return None
    name = (classifier.settings or OperationalRiskSettings()).learner
    return check_with_shap({name: learner}, classifier.preparation_.transform(sample))
