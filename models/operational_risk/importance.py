"""Measure how much a fitted model relies on each feature and on each group of features."""

from __future__ import annotations

import numpy as np

from models.operational_risk.classifier import OperationalRiskClassifier


def feature_importance(classifier: OperationalRiskClassifier) -> dict[str, float]:
    """Return the share of importance of each feature, strongest first; the shares add up to one.

    XGBoost: number of splits on it (the F-score of the paper's Figure 4). Random forest: decrease of
    impurity. Logistic regression: absolute coefficient on the [0, 1] scale. A category, or the mark of a
    gap, counts for its feature.

    Parameters
    ----------
    classifier : fitted OperationalRiskClassifier

    Raises
    ------
    ValueError
        The learner has no importance of its own (support vector machine with a curved kernel).
    """
    learner = classifier.learner_
    if hasattr(learner, "get_booster"):
        counts = learner.get_booster().get_score(importance_type="weight")
        weights = np.array(
            [counts.get(f"f{place}", 0.0) for place in range(len(classifier.preparation_.sources_out_))]
        )
    elif hasattr(learner, "feature_importances_"):
        weights = np.asarray(learner.feature_importances_)
    elif hasattr(learner, "coef_"):
        weights = np.abs(np.asarray(learner.coef_)).ravel()
    else:
        raise ValueError(f"{type(learner).__name__} has no importance of its own")
    total = float(weights.sum()) or 1.0
    shares: dict[str, float] = dict.fromkeys(classifier.feature_names_in_.tolist(), 0.0)
    for source, weight in zip(classifier.preparation_.sources_out_, weights, strict=True):
        shares[source] += float(weight) / total
    return dict(sorted(shares.items(), key=lambda pair: -pair[1]))


def group_importance(classifier: OperationalRiskClassifier) -> dict[str, float]:
    """Return the share of importance of each group in the model, strongest first."""
    groups = classifier.groups or {}
    shares: dict[str, float] = {}
    for name, share in feature_importance(classifier).items():
        group = groups.get(name, "all")
        shares[group] = shares.get(group, 0.0) + share
    return dict(sorted(shares.items(), key=lambda pair: -pair[1]))
