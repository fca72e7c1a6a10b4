"""Describe what a voting ensemble chose: oversampling, candidates, votes, inflation of the enhanced features."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from models.metrics import plain
from models.training import Training
from models.voting_ensemble.candidates import Candidate
from models.voting_ensemble.classifier import VotingEnsembleClassifier
from models.voting_ensemble.oversampling import Oversampling


def choices(training: Training) -> dict[str, Any]:
    """Return the selection of members and votes, inflation, decisions and the challenger's figures."""
    classifier: Any = training.model.classifier
    selection, challenger = classifier.selection_, training.challenger
    candidates = {
        "chosen": selection.chosen,
        "best_single": selection.best_single,
        "equal": selection.equal,
        "optimised": selection.optimised,
        "stacked": selection.stacked,
    }
    return {
        "selection": {name: asdict(candidate) for name, candidate in candidates.items()},
        "oversampled": classifier.oversampled_,
        "oversampling": None if classifier.oversampling_ is None else _plain(classifier.oversampling_),
        "decisions": list(classifier.decisions_),
        "variance_inflation": {
            name: factor if math.isfinite(factor) else str(factor) for name, factor in classifier.vif_.items()
        },
        "without_resampling": None
        if challenger is None
        else {"raw": plain(challenger.raw), "pd": plain(challenger.pd)},
    }


def _plain(found: Oversampling) -> dict[str, Any]:
    """Return how oversampling was decided, for JSON."""
    return {
        "taken": found.taken,
        "without": found.without,
        "after": found.after,
        "difference": found.difference._asdict(),
    }


def oversampling(classifier: VotingEnsembleClassifier) -> str:
    """Return in words whether bagged SMOTE was taken, and on what evidence."""
    taken = "bagged SMOTE" if classifier.oversampled_ else "without"
    found = classifier.oversampling_
    if found is None:
        return f"Oversampling: {taken}, as the settings have it."
    mean, low, high = found.difference
    return (
        f"Oversampling: {taken}. Out of fold, in the training rows, its log loss is {found.without:.4f} without and "
        f"{found.after:.4f} after bagged SMOTE, a difference of {mean:+.4f} (95% {low:+.4f} to {high:+.4f}); "
        f"it is taken only where all of that lies below zero.{_searched(classifier)}"
    )


def _searched(classifier: VotingEnsembleClassifier) -> str:
    """Return a warning where the figures are not those of the parameters that were then searched."""
    return " Decided before the search of parameters, on those of the night." if classifier.tuned_ else ""


def votes(classifier: VotingEnsembleClassifier) -> str:
    """Return who votes with what weight, or how they are stacked, in one line."""
    combiner = classifier.combiner_
    shares = ", ".join(
        f"{name} {weight:.2f}" for name, weight in zip(combiner.members, combiner.weights, strict=True)
    )
    if len(combiner.members) == 1:
        return f"{combiner.members[0]} alone"
    return (
        shares if combiner.kind == "vote" else f"stacked logits, {shares}, intercept {combiner.intercept:.2f}"
    )


def card_lines(classifier: VotingEnsembleClassifier) -> list[str]:
    """Return the card's lines on selection, enhanced features and decisions, in Markdown."""
    selection = classifier.selection_
    candidates = {
        "chosen": selection.chosen,
        "best single": selection.best_single,
        "equal weights": selection.equal,
        "best optimised": selection.optimised,
        "stacked": selection.stacked,
    }
    lines = [
        oversampling(classifier),
        "",
        *([f"Held to the directions of {len(classifier.held_)} features.", ""] if classifier.held_ else []),
        (
            f"Votes: {votes(classifier)} ({selection.chosen.rule}; selection {selection.selection}, "
            f"{len(selection.candidates)} candidates on out-of-fold probabilities, parameters cross-fitted)."
        ),
        "",
        "| candidate | members | log loss | Brier | AUC | log loss above the best (± standard error) |",
        "|---|---|--:|--:|--:|--:|",
        *[f"| {name} | {_row(candidate)} |" for name, candidate in candidates.items()],
    ]
    if classifier.vif_:
        lines += [
            "",
            "| enhanced feature | variance inflation |",
            "|---|--:|",
            *[f"| {name} | {_factor(factor)} |" for name, factor in classifier.vif_.items()],
        ]
    if classifier.decisions_:
        lines += ["", "Decided on the way:", "", *[f"- {decision}" for decision in classifier.decisions_]]
    return lines


def _row(candidate: Candidate) -> str:
    names = ", ".join(candidate.combiner.members)
    figures = f"{candidate.log_loss:.4f} | {candidate.brier:.4f} | {candidate.auc:.4f}"
    return f"{names} | {figures} | {candidate.gap:.4f} ± {candidate.gap_error:.4f}"


def _factor(factor: float) -> str:
    if math.isnan(factor):
        return "constant"
    return "infinite" if math.isinf(factor) else f"{factor:.1f}"
