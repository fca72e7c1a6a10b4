"""Describe a Wide & Deep training: where it stopped, what its parts see, what was decided."""

from __future__ import annotations

from typing import Any

from models.training import Training
from models.wide_deep.classifier import WideDeepClassifier


def choices(training: Training) -> dict[str, Any]:
    """Return the epoch whose weights were kept, the losses of all epochs, and the decisions."""
    classifier: Any = training.model.classifier
    return {
        "best_epoch": classifier.best_epoch_,
        "history": [epoch._asdict() for epoch in classifier.history_],
        "decisions": list(classifier.decisions_),
    }


def card_lines(classifier: WideDeepClassifier) -> list[str]:
    """Return the card's lines on training, inputs and decisions, in Markdown."""
    prepared, best = classifier.preparation_, classifier.history_[classifier.best_epoch_ - 1]
    lines = [
        (
            f"Weights of epoch {classifier.best_epoch_} of {len(classifier.history_)}: validation loss "
            f"{best.validation_loss:.4f}, AUC {best.validation_auc:.3f}, training loss {best.training_loss:.4f}."
        ),
        (
            f"The wide part has {len(prepared.fields_)} fields and {len(prepared.crosses_)} crosses with "
            f"{prepared.n_slots_:,} slots, the deep part {len(prepared.means_)} columns."
        ),
    ]
    if classifier.decisions_:
        lines += ["", "Decided on the way:", "", *[f"- {decision}" for decision in classifier.decisions_]]
    return lines
