"""Calibration never reorders, stays inside (0, 1), is right on average and undoes the prior of SMOTE."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from models.calibration import Calibrator, reliability
from models.errors import TooFewRowsError


def shifted(rows: int, *, seed: int = 0, slope: float = 1.0, shift: float = 0.0):
    """True probabilities, labels drawn from them, and scores that distort them as oversampling does."""
    rng = np.random.default_rng(seed)
    true = expit(rng.normal(-2.0, 1.2, rows))
    labels = (rng.random(rows) < true).astype(np.int64)
    return true, labels, expit(slope * logit(true) + shift)


@pytest.mark.parametrize("method", ["platt", "beta"])
@given(seed=st.integers(0, 1000), shift=st.floats(-3, 3))
@settings(max_examples=25, deadline=None)
def test_monotone_inside_the_unit_interval_and_right_on_average(method, seed, shift):
    _, labels, scores = shifted(400, seed=seed, shift=shift)
    calibrator = Calibrator(method=method).fit(scores, labels)
    pd = calibrator.predict(scores)
    assert pd.mean() == pytest.approx(labels.mean(), abs=1e-4)
    ladder = calibrator.predict(np.linspace(0.0, 1.0, 1001))
    assert (np.diff(ladder) >= 0).all()
    assert ((ladder > 0) & (ladder < 1)).all()


@pytest.mark.parametrize("method", ["platt", "beta"])
def test_undoes_the_prior_of_oversampling(method):
    true, labels, scores = shifted(20_000, shift=1.7)
    assert scores.mean() > 2 * labels.mean()
    pd = Calibrator(method=method).fit(scores, labels).predict(scores)
    assert np.abs(pd - true).mean() < 0.01


def test_platt_finds_slope_and_intercept():
    _, labels, scores = shifted(50_000, slope=2.0, shift=0.5)
    calibrator = Calibrator(method="platt").fit(scores, labels)
    assert calibrator.slope_low_ == calibrator.slope_high_ == pytest.approx(0.5, abs=0.03)
    assert calibrator.intercept_ == pytest.approx(-0.25, abs=0.06)


def test_method_follows_the_number_of_defaults():
    _, labels, scores = shifted(1000)
    assert Calibrator().fit(scores, labels).method_ == "platt"
    _, labels, scores = shifted(10_000)
    assert labels.sum() >= 500
    assert Calibrator().fit(scores, labels).method_ == "beta"


def test_scores_that_rank_backwards_give_everyone_the_base_rate():
    labels = np.array([0, 0, 1, 1] * 10)
    pd = Calibrator().fit(np.array([0.9, 0.8, 0.2, 0.1] * 10), labels).predict(np.array([0.1, 0.9]))
    assert pd == pytest.approx([0.5, 0.5], abs=1e-6)


def test_separated_and_extreme_scores_stay_finite():
    labels, scores = np.array([0] * 20 + [1] * 20), np.array([0.0] * 20 + [1.0] * 20)
    pd = Calibrator().fit(scores, labels).predict(scores)
    assert ((pd > 0) & (pd < 1)).all()


def test_one_class_cannot_calibrate():
    with pytest.raises(TooFewRowsError):
        Calibrator().fit(np.array([0.1, 0.2]), np.array([0, 0]))


def test_reliability_bins_hold_every_row_once():
    _, labels, scores = shifted(1003)
    bins = reliability(labels, scores)
    assert sum(one.rows for one in bins) == 1003
    assert [one.mean_pd for one in bins] == sorted(one.mean_pd for one in bins)
    assert sum(one.default_rate * one.rows for one in bins) == pytest.approx(labels.sum())
