"""Describe what an operational-risk model chose: the learner's parameters, and the features it leans on."""

from __future__ import annotations

from typing import Any

from models.operational_risk.classifier import OperationalRiskClassifier
from models.operational_risk.importance import feature_importance, group_importance
from models.training import Training

STRONGEST = 10


def choices(training: Training) -> dict[str, Any]:
    """Return the parameters that the grid search chose."""
    classifier: Any = training.model.classifier
    return {"best_params": classifier.best_params_}


def importance(classifier: OperationalRiskClassifier) -> dict[str, float] | None:
    """Return the share of each feature, strongest first, or None for a support vector machine."""
    settings = classifier.settings
    return None if settings is not None and settings.learner == "svm" else feature_importance(classifier)


def card_lines(classifier: OperationalRiskClassifier) -> list[str]:
    """Return the chosen parameters, and the importance of groups and of the strongest features, in Markdown."""
    chosen = ", ".join(f"{name} = {value}" for name, value in classifier.best_params_.items())
    shares = importance(classifier)
    if shares is None:
        return [f"Chosen: {chosen}."]
    groups = ", ".join(f"{name} {share:.0%}" for name, share in group_importance(classifier).items())
    return [
        f"Chosen: {chosen}.",
        f"Importance by group: {groups}.",
        "",
        "| feature | importance |",
        "|---|--:|",
        *[f"| {name} | {share:.1%} |" for name, share in list(shares.items())[:STRONGEST]],
    ]
