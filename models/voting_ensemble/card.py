"""What a voting ensemble decided, told to people: candidates, votes, inflation of the enhanced features."""

from __future__ import annotations

import math

from models.voting_ensemble.candidates import Candidate
from models.voting_ensemble.classifier import VotingEnsembleClassifier


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
    found = classifier.selection_
    shown = {
        "chosen": found.chosen,
        "best single": found.best_single,
        "equal weights": found.equal,
        "best optimised": found.optimised,
        "stacked": found.stacked,
    }
    lines = [
        (
            f"Votes: {votes(classifier)} ({found.chosen.rule}; selection {found.selection}, "
            f"{len(found.candidates)} candidates on out-of-fold probabilities, parameters cross-fitted)."
        ),
        "",
        "| candidate | members | log loss | Brier | AUC | log loss above the best (± standard error) |",
        "|---|---|--:|--:|--:|--:|",
        *[f"| {name} | {_row(candidate)} |" for name, candidate in shown.items()],
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


def _row(one: Candidate) -> str:
    names = ", ".join(one.combiner.members)
    return f"{names} | {one.log_loss:.4f} | {one.brier:.4f} | {one.auc:.4f} | {one.gap:.4f} ± {one.gap_error:.4f}"


def _factor(factor: float) -> str:
    if math.isnan(factor):
        return "constant"
    return "infinite" if math.isinf(factor) else f"{factor:.1f}"
