"""Measure what a trained model says of itself: reasons, contributions beside shap's, directions, intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from models.evaluation import borrowers_of
from models.explaining.direction_check import check_directions, direction_figures
from models.explaining.reason_check import check_reasons
from models.family import Family
from models.pd_interval import LEVEL, Tenth, tenths
from models.training import Training

ROWS = 50  # shap takes seconds for so many
SEED = 7


def examined(
    training: Training,
    family: Family,
    frame: pl.DataFrame,
    labels: npt.ArrayLike,
    directions: Mapping[str, int],
) -> Training:
    """Return the training with what was measured of the model's explanations and of the intervals of its PDs.

    Parameters
    ----------
    training : Training
    family : Family
    frame : polars.DataFrame
        Training rows; `ROWS` of them, drawn with the seed `SEED`, are shown to shap.
    labels : array-like of shape (n_samples,)
    directions : mapping of str to int
        1 for features that raise the risk as they rise, -1 for those that lower it: which the model goes against is
        counted, whether or not it was held to them.

    Raises
    ------
    ModelError
        The contributions are not those of shap.
    """
    model = training.model
    drawn = np.random.default_rng(SEED).choice(frame.height, min(ROWS, frame.height), replace=False)
    return replace(
        training,
        reasons=check_reasons(model, frame, labels) if model.classifier.unexplained is None else None,
        shap_check=family.shap_check(model.classifier, frame[drawn]),
        directions=check_directions(model, frame, directions),
        importance=family.importance(model.classifier, frame[drawn]),
        tenths=_tenths(training, frame),
    )


def _tenths(training: Training, frame: pl.DataFrame) -> tuple[Tenth, ...]:
    unseen = training.evaluation.unseen
    borrowers = np.array(borrowers_of(frame) or range(frame.height))[unseen["row"].to_numpy()]
    scores, labels, pd = (unseen[name].to_numpy() for name in ("pd_raw", "label", "pd"))
    return tenths(scores, labels, pd, borrowers)


def figures(training: Training) -> dict[str, Any]:
    """Return what was measured, as the registry keeps it; plain JSON."""
    reasons, trees, importance = training.reasons, training.shap_check, training.importance
    measured: dict[str, Any] = {}
    if reasons is not None:
        measured["reason_check"] = {
            "rows": reasons.rows,
            "raised": reasons.raised,
            "passed": reasons.passed,
            "share": None if reasons.share is None else reasons.share._asdict(),
        }
        measured["reference_values"] = dict(reasons.references)
    if trees is not None:
        measured["shap_check"] = {
            "rows": trees.rows,
            "largest": trees.largest,
            "differences": dict(trees.differences),
        }
    if training.directions is not None:
        measured["direction_check"] = direction_figures(training.directions)
    if importance is not None:
        measured["importance"] = {"how": importance.how, "shares": dict(importance.shares)}
    if training.tenths is not None:
        measured["pd_interval"] = {
            "level": LEVEL,
            "holds": sum(tenth.holds for tenth in training.tenths),
            "agrees": sum(tenth.agrees for tenth in training.tenths),
            "tenths": [tenth._asdict() for tenth in training.tenths],
        }
    return measured
