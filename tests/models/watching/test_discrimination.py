"""Gini, KS and their trend; and the promise of PDs against what drawn outcomes measure."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from models.metrics import auc, brier, ks
from models.watching.discrimination import expected_performance, gini, ks_interval, slope, standard_error


def outcomes(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    pd = rng.beta(1.5, 8.0, rows).round(3).clip(0.001, 0.999)
    return (rng.random(rows) < pd).astype(np.int64), pd


def test_gini_and_ks_are_those_of_the_measures():
    labels, pd = outcomes(500, 1)
    assert gini(labels, pd).mean == pytest.approx(2 * auc(labels, pd) - 1)
    assert ks_interval(labels, pd).mean == pytest.approx(ks(labels, pd))


@pytest.mark.parametrize("measure", [gini, ks_interval])
def test_intervals_hold_the_truth_about_as_often_as_they_say(measure):
    """300 samples of 800; the truth is measured on 400,000 rows. KS: careful, so never less often."""
    labels, pd = outcomes(400_000, 2)
    truth, runs = measure(labels, pd).mean, 300
    held = 0
    for seed in range(runs):
        found = measure(*outcomes(800, 100 + seed))
        held += found.low <= truth <= found.high
    assert stats.binomtest(held, runs).proportion_ci(0.999).high >= 0.95, held / runs


def test_a_slope_by_hand_and_its_direction():
    found = slope([0.0, 1.0, 2.0, 3.0], [0.60, 0.55, 0.52, 0.47], [0.02] * 4)
    assert found.a_year.mean == pytest.approx(-0.042)
    assert found.a_year.low < found.a_year.mean < found.a_year.high
    # across = 5; the points lie closer to the line than their errors allow, so the errors count
    assert found.a_year.high - found.a_year.mean == pytest.approx(stats.t.ppf(0.975, 2) * 0.02 / 5**0.5)


def test_a_point_without_much_evidence_weighs_little():
    steady = slope([0.0, 1.0, 2.0], [0.5, 0.5, 0.2], [0.01, 0.01, 1.0])
    assert abs(steady.a_year.mean) < 0.001


@pytest.mark.parametrize("years", [[], [0.0, 1.0], [0.0, 0.0, 1.0]])
def test_two_points_in_time_have_no_slope(years):
    assert slope(years, [0.5] * len(years), [0.1] * len(years)) is None


def test_the_promised_gini_by_all_pairs():
    pd = np.array([0.05, 0.1, 0.1, 0.4, 0.7])
    won = pairs = 0.0
    for one in range(5):
        for two in range(5):
            if one != two:
                weight = pd[one] * (1 - pd[two])  # one defaults, two does not
                pairs += weight
                won += weight * (1.0 if pd[one] > pd[two] else 0.5 if pd[one] == pd[two] else 0.0)
    found = expected_performance(pd)
    assert found["gini"].mean == pytest.approx(2 * won / pairs - 1)
    assert found["brier"].mean == pytest.approx(float((pd * (1 - pd)).mean()))


def test_what_calibrated_pds_promise_is_what_is_measured_later():
    inside = 0
    for seed in range(60):
        labels, pd = outcomes(600, 500 + seed)
        found = expected_performance(pd, random_state=seed)
        inside += found["gini"].low <= 2 * auc(labels, pd) - 1 <= found["gini"].high
        assert abs(found["brier"].mean - brier(labels, pd)) < 0.03
    assert stats.binomtest(inside, 60).proportion_ci(0.999).high >= 0.95


def test_one_borrower_promises_nothing():
    with pytest.raises(ValueError, match="two PDs at least"):
        expected_performance(np.array([0.5]))


def test_the_error_behind_an_interval():
    labels, pd = outcomes(500, 1)
    found = gini(labels, pd)
    assert found.mean + 1.959964 * standard_error(found) == pytest.approx(found.high, abs=1e-6)
