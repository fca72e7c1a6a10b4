"""The interval of a PD holds the true default rate at its score as often as it says, and says the same to everybody."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit, logit

from models.calibration import Calibrator
from models.errors import TooFewRowsError
from models.pd_interval import LEVEL, PdInterval, Tenth, tenths

SCORES = np.linspace(0.005, 0.9, 200)


def true_rate(scores):
    """A rate that bends: flat among the safe, steep among the risky; no slope and intercept of the logit give it."""
    return 0.02 + 0.7 * scores**1.5


def drawn(rows: int, *, seed: int):
    rng = np.random.default_rng(seed)
    scores = rng.beta(0.7, 2.5, rows)
    return scores, (rng.random(rows) < true_rate(scores)).astype(np.int64)


def fitted(rows: int, *, seed: int):
    scores, labels = drawn(rows, seed=seed)
    return Calibrator(method="platt").fit(scores, labels), PdInterval().fit(scores, labels, np.arange(rows))


def coverage(rows: int, *, portfolios: int, narrowed: float = 1.0) -> float:
    """The share of borrowers whose interval, narrowed on request, holds the true rate at their score."""
    held = []
    for seed in range(portfolios):
        calibrator, interval = fitted(rows, seed=seed)
        there, _ = drawn(500, seed=10_000 + seed)
        pd = calibrator.predict(there)
        lower, upper = interval.predict(there, pd)
        middle = (lower + upper) / 2
        half = narrowed * (upper - lower) / 2
        held.append(np.mean(np.abs(true_rate(there) - middle) <= half))
    return float(np.mean(held))


@pytest.mark.parametrize("rows", [300, 2_000])
def test_it_holds_the_true_rate_at_a_score_as_often_as_it_says(rows):
    reached = coverage(rows, portfolios=40)
    assert LEVEL - 0.03 < reached <= 1.0
    assert coverage(rows, portfolios=40, narrowed=0.5) < LEVEL - 0.1  # a wrong interval would be found out


def test_the_calibrator_alone_would_not():
    """Why the rate bends: the interval of slope and intercept misses where the true map is no such line."""
    missed = []
    for seed in range(30):
        scores, labels = drawn(2_000, seed=seed)
        pd = Calibrator(method="platt").fit(scores, labels).predict(scores)
        design = np.stack([logit(scores), np.ones(len(scores))], axis=1)
        covariance = np.linalg.inv((design * (pd * (1 - pd))[:, None]).T @ design)
        half = 1.96 * np.sqrt(np.einsum("ij,jk,ik->i", design, covariance, design))
        missed.append(np.mean(np.abs(logit(true_rate(scores)) - logit(pd)) > half))
    assert np.mean(missed) > 0.3


def test_more_rows_make_it_narrower():
    widths = []
    for rows in (300, 3_000, 30_000):
        calibrator, interval = fitted(rows, seed=1)
        lower, upper = interval.predict(SCORES, calibrator.predict(SCORES))
        widths.append(float(np.median(upper - lower)))
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


def test_it_always_holds_its_pd_and_stays_inside():
    _, interval = fitted(400, seed=2)
    for pd in (np.full(200, 1e-6), np.full(200, 1 - 1e-6), np.full(200, 0.3)):
        lower, upper = interval.predict(SCORES, pd)
        assert ((lower > 0) & (lower <= pd) & (pd <= upper) & (upper < 1)).all()


def test_a_borrower_has_the_same_bounds_to_the_bit_whoever_is_beside_it():
    calibrator, interval = fitted(500, seed=3)
    scores, _ = drawn(1_003, seed=4)
    whole = interval.predict(scores, calibrator.predict(scores))
    for part in (slice(0, 1), slice(1, 18), slice(18, 1_003)):
        some = interval.predict(scores[part], calibrator.predict(scores[part]))
        assert some.lower.tolist() == whole.lower[part].tolist()
        assert some.upper.tolist() == whole.upper[part].tolist()


def test_what_it_fitted_is_plain_json():
    calibrator, interval = fitted(500, seed=3)
    again = PdInterval()
    kept = {name: value for name, value in vars(interval).items() if name.endswith("_")}
    for name, value in json.loads(json.dumps(kept)).items():
        setattr(again, name, value)
    pd = calibrator.predict(SCORES)
    assert again.predict(SCORES, pd).upper.tolist() == interval.predict(SCORES, pd).upper.tolist()


def test_a_borrower_with_several_rows_counts_once():
    scores, labels = drawn(400, seed=5)
    once = PdInterval().fit(scores, labels, np.arange(400))
    twice = PdInterval().fit(np.tile(scores, 2), np.tile(labels, 2), np.tile(np.arange(400), 2))
    as_if_more = PdInterval().fit(np.tile(scores, 2), np.tile(labels, 2), np.arange(800))
    pd = true_rate(SCORES)
    assert twice.n_samples_ == once.n_samples_ == 400
    width, same, less = (
        float(np.median(np.subtract(*interval.predict(SCORES, pd)[::-1])))
        for interval in (once, twice, as_if_more)
    )
    assert same == pytest.approx(width, rel=0.02)
    assert less < 0.8 * width


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_few_distinct_scores_still_have_an_interval(levels):
    rng = np.random.default_rng(6)
    scores = rng.choice(np.linspace(0.2, 0.8, levels), 300)
    labels = (rng.random(300) < scores / 2).astype(np.int64)
    interval = PdInterval().fit(scores, labels, np.arange(300))
    lower, upper = interval.predict(scores, np.full(300, labels.mean()))
    assert np.isfinite(lower).all()
    assert np.isfinite(upper).all()
    assert (upper - lower > 0.02).all()


def test_a_score_that_separates_the_classes_still_has_an_interval():
    scores = np.linspace(0.01, 0.99, 200)
    interval = PdInterval().fit(scores, (scores > 0.8).astype(np.int64), np.arange(200))
    pd = np.full(200, 0.3)
    lower, upper = interval.predict(scores, pd)
    assert ((lower > 0) & (lower <= pd) & (pd <= upper) & (upper < 1)).all()
    assert upper[scores.searchsorted(0.8)] - lower[scores.searchsorted(0.8)] > 0.5


def test_scores_beyond_those_of_the_calibration_count_as_the_outermost():
    _, interval = fitted(2_000, seed=7)
    low, high = expit(interval.edges_)
    pd = np.full(2, 0.3)
    assert interval.predict(np.array([0.0, low]), pd).upper.tolist()[0] == pytest.approx(
        interval.predict(np.array([low, low]), pd).upper.tolist()[0]
    )
    assert np.isfinite(interval.predict(np.array([high, 1.0]), pd).lower).all()


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_refused(label):
    with pytest.raises(TooFewRowsError, match="one class tells no interval"):
        PdInterval().fit(SCORES, np.full(200, label), np.arange(200))


def test_the_tenths_of_unseen_rows_find_a_wrong_interval_out():
    scores, labels = drawn(3_000, seed=8)
    calibrator, borrowers = Calibrator(method="platt").fit(scores, labels), np.arange(3_000)
    parts = tenths(scores, labels, calibrator.predict(scores), borrowers)
    assert sum(part.rows for part in parts) == 3_000
    assert sum(part.holds for part in parts) <= sum(part.agrees for part in parts)
    assert sum(part.agrees for part in parts) >= 9
    saw = np.array(
        [0.02, 0.25, 0.04, 0.3, 0.06, 0.5, 0.1, 0.6, 0.2, 0.8]
    )  # no spline of four knots follows it
    rate = saw[scores.argsort().argsort() // 300]
    steps = (np.random.default_rng(8).random(3_000) < rate).astype(np.int64)
    pd = Calibrator(method="platt").fit(scores, steps).predict(scores)
    assert sum(part.agrees for part in tenths(scores, steps, pd, borrowers)) <= 5


def test_the_bounds_of_a_borrower_are_fitted_on_others(monkeypatch):
    judged = []

    class Watched(PdInterval):
        def fit(self, scores, labels, borrowers):
            self.fitted_on = set(borrowers)
            return super().fit(scores, labels, borrowers)

        def predict(self, scores, pd):
            here = {borrower for borrower, score in zip(names, known, strict=True) if score in scores}
            assert not here & self.fitted_on
            judged.extend(here)
            return super().predict(scores, pd)

    monkeypatch.setattr("models.pd_interval.PdInterval", Watched)
    known, labels = drawn(400, seed=9)
    names = np.tile(np.arange(200), 2)
    tenths(known, labels, known, names)
    assert sorted(judged) == list(range(200))


@pytest.mark.parametrize(
    ("rate", "holds", "agrees"), [(0.15, True, True), (0.22, False, True), (0.5, False, False)]
)
def test_a_tenth_allows_for_the_luck_of_its_rows(rate, holds, agrees):
    tenth = Tenth(lower=0.1, upper=0.2, default_rate=rate, rows=200)
    assert (tenth.holds, tenth.agrees) == (holds, agrees)
