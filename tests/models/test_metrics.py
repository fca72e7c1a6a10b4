"""Every measure against scikit-learn or a value computed by hand; intervals against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from models import metrics


def draw(seed: int, rows: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.3).astype(np.int64)
    scores = np.round(np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0.01, 0.99), 2)
    return labels, scores


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_measures_agree_with_scikit_learn(seed):
    labels, scores = draw(seed)
    called = (scores >= 0.5).astype(int)
    found = metrics.measure(labels, scores)
    false, true, _ = reference.roc_curve(labels, scores)
    expected = {
        "accuracy": reference.accuracy_score(labels, called),
        "precision": reference.precision_score(labels, called, zero_division=0),
        "recall": reference.recall_score(labels, called),
        "auc": reference.roc_auc_score(labels, scores),
        "ks": np.max(true - false),
        "brier": reference.brier_score_loss(labels, scores),
        "log_loss": reference.log_loss(labels, scores),
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        # KS is the largest distance in either direction; these scores rank the right way round
        assert found[name] == pytest.approx(value, abs=1e-9), name


def test_auc_never_exceeds_what_ks_allows():
    for seed in range(20):
        labels, scores = draw(seed)
        assert metrics.auc(labels, scores) <= 1 - (1 - metrics.ks(labels, scores)) ** 2 / 2 + 1e-12


def test_corrected_interval_by_hand():
    values = [0.8, 0.9, 0.85, 0.8, 0.9]
    error = np.sqrt((1 / 5 + 0.2 / 0.8) * np.var(values, ddof=1))
    reach = stats.t.ppf(0.975, 4) * error
    interval = metrics.corrected_interval(values, test_share=0.2)
    assert interval == pytest.approx((0.85, 0.85 - reach, 0.85 + reach))
    plain = stats.t.ppf(0.975, 4) * np.std(values, ddof=1) / np.sqrt(5)
    assert interval.high - interval.mean > plain


def test_one_value_has_no_interval():
    assert np.isnan(metrics.corrected_interval([0.8], test_share=0.2).low)


def test_delong_agrees_with_the_definition():
    labels, scores = draw(3)
    bad, good = scores[labels == 1], scores[labels == 0]
    wins = (bad[:, None] > good[None, :]) + 0.5 * (bad[:, None] == good[None, :])
    variance = wins.mean(axis=1).var(ddof=1) / len(bad) + wins.mean(axis=0).var(ddof=1) / len(good)
    interval = metrics.delong_interval(labels, scores)
    assert interval.mean == pytest.approx(wins.mean())
    assert interval.high - interval.mean == pytest.approx(stats.norm.ppf(0.975) * np.sqrt(variance))


def test_the_difference_of_two_aucs_agrees_with_the_definition():
    labels, left = draw(3)
    right = left + np.random.default_rng(1).normal(size=len(left))
    found = metrics.auc_difference(labels, left, right)
    assert found.mean == pytest.approx(metrics.auc(labels, left) - metrics.auc(labels, right))
    gaps = np.zeros((int(labels.sum()), int((1 - labels).sum())))
    for scores, sign in ((left, 1), (right, -1)):
        bad, good = scores[labels == 1][:, None], scores[labels == 0][None, :]
        gaps += sign * ((bad > good) + 0.5 * (bad == good))
    variance = gaps.mean(axis=1).var(ddof=1) / gaps.shape[0] + gaps.mean(axis=0).var(ddof=1) / gaps.shape[1]
    assert found.high - found.mean == pytest.approx(stats.norm.ppf(0.975) * np.sqrt(variance))
    assert metrics.auc_difference(labels, left, left) == (0.0, 0.0, 0.0)


def test_the_difference_of_two_log_losses_is_the_mean_of_pairs():
    labels = draw(5)[0]
    left, right = np.random.default_rng(2).uniform(0.05, 0.95, (2, len(labels)))
    found = metrics.log_loss_difference(labels, left, right)
    assert found.mean == pytest.approx(metrics.log_loss(labels, left) - metrics.log_loss(labels, right))
    gaps = np.log(np.where(labels, right, 1 - right)) - np.log(np.where(labels, left, 1 - left))
    assert found.high - found.low == pytest.approx(
        2 * stats.norm.ppf(0.975) * gaps.std(ddof=1) / np.sqrt(len(gaps))
    )


def test_bootstrap_contains_the_estimate_and_repeats():
    labels, scores = draw(5)
    first = metrics.bootstrap_intervals(labels, scores, draws=100)
    assert first == metrics.bootstrap_intervals(labels, scores, draws=100)
    for name, interval in first.items():
        assert interval.low <= interval.mean <= interval.high, name
        assert interval.mean == pytest.approx(metrics.METRICS[name](labels, scores))


@given(st.integers(0, 10_000), st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_ks_is_the_very_statistic_of_scipy_also_with_ties(seed, digits):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, (rng.random(int(rng.integers(0, 60))) < 0.3).astype(np.int64)]
    scores = np.round(rng.random(len(labels)), digits)
    exact = stats.ks_2samp(scores[labels == 1], scores[labels == 0], method="exact")
    assert metrics.ks(labels, scores) == exact.statistic


def test_bootstrap_measures_the_drawn_rows_themselves():
    labels, scores = draw(7)
    rng = np.random.default_rng(3)
    bad, good = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    drawn = []
    for _ in range(50):
        rows = np.concatenate([rng.choice(bad, len(bad)), rng.choice(good, len(good))])
        drawn.append(metrics.measure(labels[rows], scores[rows]))
    intervals = metrics.bootstrap_intervals(labels, scores, draws=50, random_state=3)
    for name in set(metrics.METRICS) - {"auc"}:
        low, high = np.percentile([measured[name] for measured in drawn], (2.5, 97.5))
        assert (intervals[name].low, intervals[name].high) == (low, high), name


def test_intervals_ask_for_no_p_value(monkeypatch):
    monkeypatch.setattr(stats, "ks_2samp", lambda *_, **__: pytest.fail("a p-value that nobody reads"))
    metrics.bootstrap_intervals(*draw(5), draws=10)


@pytest.mark.slow
def test_delong_covers_the_true_auc():
    true = stats.norm.cdf(1.0 / np.sqrt(2.0))
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        labels = np.r_[np.ones(60, dtype=int), np.zeros(200, dtype=int)]
        interval = metrics.delong_interval(labels, rng.normal(labels * 1.0))
        hits += interval.low <= true <= interval.high
    assert 0.92 <= hits / 400 <= 0.98
