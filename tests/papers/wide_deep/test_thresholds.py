"""Thresholds are the best there are, averages are scikit-learn's, weights give the population its share."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from papers.wide_deep.thresholds import best_threshold, calls, class_weights


def draw(seed: int, rows: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.4).astype(np.int64)
    return labels, np.round(rng.normal(labels, 1.0), 1)  # rounded: many ties


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("average", "theirs"), [("defaults", "binary"), ("classes", "weighted")])
@pytest.mark.parametrize("share", [None, 0.175])
def test_figures_are_those_of_scikit_learn(seed, average, theirs, share):
    labels, scores = draw(seed)
    weights = class_weights(labels, share)
    told = calls(labels, scores, 0.5, weights=weights, average=average)
    want = precision_recall_fscore_support(
        labels, (scores >= 0.5).astype(int), average=theirs, sample_weight=weights
    )
    assert list(told.values()) == pytest.approx(want[:3])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("average", ["defaults", "classes"])
def test_no_threshold_is_better(seed, average):
    labels, scores = draw(seed)
    weights = class_weights(labels, 0.3)
    best = best_threshold(labels, scores, weights=weights, average=average)
    f1 = {t: calls(labels, scores, t, weights=weights, average=average)["f1"] for t in np.unique(scores)}
    assert f1[best] == pytest.approx(max(f1.values()))


def test_weights_give_the_share_of_the_population():
    labels, _ = draw(1)
    weights = class_weights(labels, 0.175)
    assert weights[labels == 1].sum() / weights.sum() == pytest.approx(0.175)
    assert weights.sum() == pytest.approx(len(labels))


def test_an_average_over_classes_can_have_an_f1_below_precision_and_recall():
    """What the published rows show, and what no single class can."""
    labels = np.array([1] * 60 + [0] * 40)
    scores = np.array([1.0] * 57 + [0.0] * 3 + [1.0] * 30 + [0.0] * 10)
    told = calls(labels, scores, 0.5, weights=np.ones(100), average="classes")
    assert told["f1"] < min(told["precision"], told["recall"])
    one = calls(labels, scores, 0.5, weights=np.ones(100), average="defaults")
    assert one["precision"] <= one["f1"] <= one["recall"]


def test_calling_nobody_is_no_division_by_zero():
    labels, scores = draw(2)
    told = calls(labels, scores, 99.0, weights=np.ones(len(labels)), average="defaults")
    assert told == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
