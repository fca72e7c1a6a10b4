"""The published tables are those of the paper, and the bounds that its rows break hold for real scores."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics import accuracy, auc, brier, ks, log_loss
from papers.voting_ensemble.tables import (
    FINAL_ROW,
    accuracy_of_nobody,
    contradictions,
    highest_auc,
    published_figures,
    published_rows,
)


def test_figures_are_those_of_the_paper():
    told = published_figures("Polish 1")
    assert told["4", "XGBoost", "auc"] == 0.92326
    assert told["6", "LightGBM", "brier"] == 0.02082
    assert told["8", FINAL_ROW, "auc"] == 0.9589
    assert [name for (table, name, _), value in told.items() if table == "7" and value] == [
        "XGBoost", "AdaBoost", "LightGBM",
    ]  # fmt: skip
    assert told["2", "positives", "count"] == 271
    assert published_figures("simulated-5000-7")["5", "RF", "auc"] == 0.80149
    assert len(list(published_rows())) == 2 * 6 * 7 + 7 + 6


@pytest.mark.parametrize("seed", range(20))
def test_real_scores_never_contradict_themselves(seed):
    rng = np.random.default_rng(seed)
    labels = (np.arange(80) % 4 == 0).astype(np.int64)
    scores = np.clip(rng.normal(0.4 + rng.uniform(0, 0.5) * labels, 0.2), 0.001, 0.999)
    measured = {
        "accuracy": accuracy(labels, scores),
        "auc": auc(labels, scores),
        "log_loss": log_loss(labels, scores),
        "brier": brier(labels, scores),
        "ks": ks(labels, scores),
    }
    assert contradictions(measured) == ()


def test_the_bound_on_the_auc_is_reached():
    # one half of the defaults above every other, the rest below: the curve rises, then runs flat, then rises
    labels = np.array([1] * 50 + [0] * 100 + [1] * 50)
    scores = np.concatenate([np.full(50, 0.9), np.full(100, 0.5), np.full(50, 0.1)])
    assert auc(labels, scores) <= highest_auc(ks(labels, scores))
    # ties along the line parallel to the diagonal touch it
    tied = np.concatenate([np.full(50, 0.9), np.full(50, 0.5), np.full(50, 0.5), np.full(50, 0.1)])
    order = np.array([1] * 50 + [1] * 50 + [0] * 50 + [0] * 50)
    assert auc(order, tied) == pytest.approx(highest_auc(ks(order, tied)))


def test_nearly_every_published_row_contradicts_itself():
    broken = {row[:3]: contradictions(row.figures) for row in published_rows() if contradictions(row.figures)}
    assert len(broken) == 89
    assert sum(any("AUC" in why for why in found) for found in broken.values()) == 89
    assert [key for key, found in broken.items() if any("Brier" in why for why in found)] == [
        ("Polish 1", "6", "Bagging"),
        ("Polish 2", "6", "Bagging"),
        ("Polish 3", "6", "Bagging"),
    ]
    assert all((dataset, "8", FINAL_ROW) in broken for dataset in ("Polish 1", "Australian", "Taiwan"))


def test_accuracy_of_calling_nobody_a_default():
    assert accuracy_of_nobody("Taiwan") == pytest.approx(0.7788)
