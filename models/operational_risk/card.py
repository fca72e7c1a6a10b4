"""Describe what an operational-risk model chose: the learner's parameters."""

from __future__ import annotations

from typing import Any

from models.operational_risk.classifier import OperationalRiskClassifier
from models.training import Training


def choices(training: Training) -> dict[str, Any]:
    """Return the parameters that the grid search chose."""
    classifier: Any = training.model.classifier
    return {"best_params": classifier.best_params_}


def card_lines(classifier: OperationalRiskClassifier) -> list[str]:
    """Return the chosen parameters in one line, and how many features it is held to follow."""
    chosen = ", ".join(f"{name} = {value}" for name, value in classifier.best_params_.items())
    held = [f"Held to the directions of {len(classifier.held_)} features."] if classifier.held_ else []
    return [f"Chosen: {chosen}.", *held]
