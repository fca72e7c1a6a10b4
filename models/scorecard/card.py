"""Describe a scorecard: how many features, its bins and points, and the same as rows of ops.scorecard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from models.explaining.importance import Importance, importance_of
from models.scorecard.bins import Bin
from models.scorecard.classifier import ScorecardClassifier
from models.scoring import CalibratedModel
from models.training import Training

ROWS: Mapping[str, pl.DataType] = {
    "place": pl.Int32(),
    "feature": pl.String(),
    "bin": pl.Int32(),
    "kind": pl.String(),
    "lower": pl.Float64(),
    "upper": pl.Float64(),
    "levels": pl.List(pl.String()),
    "borrowers": pl.Int64(),
    "defaults": pl.Int64(),
    "weight_of_evidence": pl.Float64(),
    "information_value": pl.Float64(),
    "direction": pl.Int32(),
    "weight": pl.Float64(),
    "points": pl.Int64(),
    "base_points": pl.Int64(),
    "points_to_double": pl.Int64(),
    "anchor_points": pl.Int64(),
    "anchor_odds": pl.Float64(),
    "slope_low": pl.Float64(),
    "slope_high": pl.Float64(),
    "intercept": pl.Float64(),
}
"""Columns of ops.scorecard, without the key of the model."""


def card_rows(model: CalibratedModel) -> pl.DataFrame:
    """Return one row a feature and bin of a calibrated scorecard, with all that its PDs are computed from.

    Returns
    -------
    polars.DataFrame
        The columns of `ROWS`; features in the order in which they entered.
    """
    classifier: Any = model.classifier
    card, scale, calibrator = classifier.card_, classifier.scale, model.calibrator
    shared = (
        card.base, scale.points_to_double, scale.anchor_points, scale.anchor_odds,
        calibrator.slope_low_, calibrator.slope_high_, calibrator.intercept_,
    )  # fmt: skip
    directions = classifier.directions or {}
    rows = [
        (
            place, feature.name, number, part.kind, part.lower, part.upper, list(part.levels), part.rows,
            part.defaults, part.evidence, feature.information, directions.get(feature.name), weight, points, *shared,
        )
        for place, (feature, weight, of_feature) in enumerate(
            zip(classifier.preparation_.features, card.weights, card.points, strict=True), start=1
        )
        for number, (part, points) in enumerate(zip(feature.bins, of_feature, strict=True), start=1)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=ROWS, orient="row")


def choices(training: Training) -> dict[str, Any]:
    """Return the points that everybody begins with, and the information value of each feature in order of entry."""
    classifier: Any = training.model.classifier
    values = {feature.name: feature.information for feature in classifier.preparation_.features}
    return {"base_points": classifier.card_.base, "information_values": values}


def importance(classifier: ScorecardClassifier, sample: pl.DataFrame) -> Importance:  # noqa: ARG001
    """Return the share of each feature in the mean size of the points that training rows have."""
    sizes = {
        feature.name: sum(part.rows * abs(point) for part, point in zip(feature.bins, points, strict=True))
        for feature, points in zip(classifier.preparation_.features, classifier.card_.points, strict=True)
    }
    names = classifier.feature_names_in_.tolist()
    return importance_of(
        "mean size of the points of training rows",
        pl.Series([float(sizes[name]) for name in names]).to_numpy(),
        sources=names,
        features=names,
    )


def in_words(part: Bin) -> str:
    """Return what a bin holds.

    Examples
    --------
    >>> in_words(Bin("interval", 9, 1, 0.0, None, 2.5)), in_words(Bin("other", 9, 1, 0.0))
    ('below 2.5', 'any other')
    """
    if part.kind == "missing":
        return "missing"
    if part.kind == "other":
        return "any other"
    if part.kind == "category":
        return ", ".join(part.levels)
    if part.lower is None:
        return "any value" if part.upper is None else f"below {part.upper:g}"
    return f"from {part.lower:g}" if part.upper is None else f"{part.lower:g} to {part.upper:g}"


def card_lines(classifier: ScorecardClassifier) -> list[str]:
    """Return the whole card as lines of Markdown."""
    card, scale = classifier.card_, classifier.scale
    lines = [
        (
            f"Everybody begins with {card.base} points; {scale.points_to_double} points double the odds of no default, "
            f"and {scale.anchor_points} points are odds of {scale.anchor_odds:g} to 1 before calibration. "
            "Features stand in the order in which they entered."
        ),
        "",
        "| feature | bin | rows | defaults | weight of evidence | points |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for feature, points in zip(classifier.preparation_.features, card.points, strict=True):
        lines += [
            f"| {feature.name} | {in_words(part)} | {part.rows:,} | {part.defaults:,} | {part.evidence:+.2f} "
            f"| {point:+d} |"
            for part, point in zip(feature.bins, points, strict=True)
        ]
    return lines
