"""Show a model just trained: its card in Markdown, pictures, and a few lines for a terminal."""

from __future__ import annotations

import base64
from itertools import islice
from typing import Any

from models.explaining.direction_check import direction_figures
from models.explaining.importance import group_importance
from models.family import Family
from models.metrics import METRICS, Interval
from models.pd_interval import LEVEL
from models.telling import plots
from models.training import Training

STRONGEST = 10  # features on the card

_NAMES = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "auc": "AUC",
    "ks": "KS (two-sample)",
    "brier": "Brier score",
    "log_loss": "log loss",
}


def protocol(training: Training) -> str:
    """Return in words how the model was evaluated."""
    evaluation = training.evaluation
    if evaluation.protocol == "out_of_time":
        return f"out of time, {evaluation.rows:,} later rows, bootstrap intervals (DeLong for the AUC)"
    times = f"{evaluation.repeats} x " if evaluation.repeats > 1 else ""
    return (
        f"{times}{evaluation.folds} stratified folds by borrower, every choice made inside the training folds, "
        "corrected resampled-t intervals"
    )


def lines(training: Training) -> tuple[str, ...]:
    """Return the figures that matter most as a few lines of text."""
    evaluation, classifier = training.evaluation, training.model.classifier
    return (
        f"{training.rows:,} labelled rows{_drawn(training)}, {training.positives:,} defaults; {protocol(training)}",
        (
            f"AUC {_span(evaluation.raw['auc'])}, Brier {evaluation.raw['brier'].mean:.3f} raw and "
            f"{evaluation.pd['brier'].mean:.3f} calibrated on {training.model.calibrated_on}"
        ),
        (
            f"groups: {', '.join(classifier.groups_) or 'all'}; {classifier.n_features_in_} features, "
            f"{len(classifier.left_out_)} columns left out"
        ),
    )


def card(training: Training, family: Family, *, title: str) -> str:
    """Return the model card: data, figures before and after calibration, choices, groups, importance."""
    evaluation, classifier = training.evaluation, training.model.classifier
    rows = "\n".join(
        f"| {_NAMES[name]} | {_span(evaluation.raw[name])} | {_span(evaluation.pd[name])} |"
        for name in METRICS
    )
    return "\n".join(
        [
            f"# {title}",
            "",
            (
                f"{training.rows:,} labelled rows{_drawn(training)}, {training.positives:,} defaults "
                f"({classifier.base_rate_:.1%})."
            ),
            f"Evaluation: {protocol(training)}. Calibrated on {training.model.calibrated_on}.",
            "",
            "| measure | score of the learner | calibrated PD |",
            "|---|---|---|",
            rows,
            "",
            "Accuracy, precision and recall call a borrower default from one half on.",
            f"Trained on the groups {', '.join(classifier.groups_) or 'all'}: {classifier.n_features_in_} features.",
            *[f"Left out, {reason}: {len(names)} columns." for reason, names in training.left_out.items()],
            *_interval(training),
            *_beside(training),
            *_reasons(training),
            *_shap_check(training),
            *_directions(training),
            *_importance(training),
            "",
            *family.card_lines(classifier),
        ]
    )


def pictures(training: Training) -> dict[str, str]:
    """Return ROC, reliability and, where the learner has one, importance as PNG data URIs."""
    evaluation = training.evaluation
    curves = {"before calibration": evaluation.reliability_raw, "after": evaluation.reliability_pd}
    if training.challenger is not None:
        curves["without resampling"] = training.challenger.reliability_pd
    charts = {
        "roc": plots.roc({"out of sample": (evaluation.labels, evaluation.scores)}),
        "reliability": plots.reliability(curves),
    }
    if training.importance is not None:
        charts["importance"] = plots.importance(training.importance.shares)
    return {
        name: f"data:image/png;base64,{base64.b64encode(plots.png(chart)).decode()}"
        for name, chart in charts.items()
    }


def _drawn(training: Training) -> str:
    """Return how many rows there were, if not all of them were taken."""
    if training.drawn_from is None:
        return ""
    return f" (of {training.drawn_from:,}, drawn by snapshot and label)"


def _interval(training: Training) -> list[str]:
    """Return how often the interval of the PD holds the observed default rate of a tenth of the unseen rows."""
    if training.tenths is None:
        return []
    holds, agrees = (sum(getattr(tenth, name) for tenth in training.tenths) for name in ("holds", "agrees"))
    return [
        (
            f"Interval of the PD ({LEVEL:.0%}), fitted on other borrowers: in {holds} of {len(training.tenths)} tenths "
            "of the unseen rows by PD the observed default rate lies between the mean bounds; its own Wilson interval "
            f"meets them in {agrees}."
        )
    ]


def _beside(training: Training) -> list[str]:
    """Return the figures of the challenger, such as the family without resampling, on the same rows."""
    if training.challenger is None:
        return []
    plain = training.challenger.pd
    return [
        (
            f"Without resampling, on the same rows and calibrated: AUC {_span(plain['auc'])}, "
            f"Brier {_span(plain['brier'])}, log loss {_span(plain['log_loss'])}."
        )
    ]


def _reasons(training: Training) -> list[str]:
    """Return how often the first reason, set to its reference value, lowers the PD."""
    checked = training.reasons
    if checked is None:
        return []
    if checked.share is None:
        return [f"Reasons: in none of {checked.rows:,} sampled training rows does a feature raise the PD."]
    return [
        (
            f"Reasons: of {checked.raised:,} sampled training rows with a feature that raises the PD, setting the "
            "strongest one to its reference value (median, or most frequent value, of the rows without default) "
            f"lowers the PD in {checked.passed:,}: {_span(checked.share)}, Wilson interval."
        )
    ]


def _shap_check(training: Training) -> list[str]:
    """Return how far contributions are from shap's, member by member."""
    checked = training.shap_check
    if checked is None:
        return []
    members = ", ".join(f"{name} {difference:.0e}" for name, difference in checked.differences.items())
    return [
        (
            f"Contributions of the trees, held to shap's own code on {checked.rows} training rows: the largest "
            f"difference is {checked.largest:.0e} ({members})."
        )
    ]


def _directions(training: Training) -> list[str]:
    """Return how many directions of features the PD goes against, and where it does so most."""
    if not training.directions:
        return []
    found = direction_figures(training.directions)
    if not found["against"]:
        return [f"Directions: the PD follows those of all {found['features']} features that have one."]
    first = found["furthest"][0]
    return [
        (
            f"Directions: {found['features']} features have one by the catalogue. With all others as they are, the PD "
            f"goes against {found['against']} of them somewhere by more than {found['tolerance']:.1%}, and has "
            f"{found['whole']} the wrong way round as a whole; the furthest: {first['feature']}, "
            f"{first['largest']:.1%}."
        )
    ]


def _importance(training: Training) -> list[str]:
    """Return the share of each group and of the strongest features, and how they were measured."""
    importance = training.importance
    classifier: Any = training.model.classifier
    if importance is None:
        return []
    groups = group_importance(importance.shares, classifier.groups or {})
    return [
        "",
        f"Importance ({importance.how}) by group: {', '.join(f'{name} {part:.0%}' for name, part in groups.items())}.",
        "",
        "| feature | importance |",
        "|---|--:|",
        *[f"| {name} | {part:.1%} |" for name, part in islice(importance.shares.items(), STRONGEST)],
    ]


def _span(interval: Interval) -> str:
    """Return mean and interval, cut at 0 and 1: the t interval knows no bounds."""
    return f"{interval.mean:.3f} ({max(interval.low, 0.0):.3f} to {min(interval.high, 1.0):.3f})"
