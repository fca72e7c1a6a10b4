"""The tests of calibration against calculations by hand and published examples, and their size under calibration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from models.watching.backtest import by_grade, holm, hosmer_lemeshow, jeffreys, spiegelhalter
from models.watching.vintage import Tally


def graded(labels, pd, bounds=(0.05, 0.1, 0.2, 0.4)):
    place = np.digitize(pd, bounds)
    return [
        Tally(str(grade), int(inside.sum()), int(labels[inside].sum()), float(pd[inside].mean()))
        for grade in np.unique(place)
        for inside in [place == grade]
    ]


def test_hosmer_lemeshow_by_hand():
    # two groups of 100: 10 expected and 14 seen, 30 expected and 24 seen
    pd = np.repeat([0.1, 0.3], 100)
    labels = np.zeros(200, dtype=np.int64)
    labels[:14] = 1
    labels[100:124] = 1
    found = hosmer_lemeshow(labels, pd, groups=2)
    by_hand = (14 - 10) ** 2 / (10 * 0.9) + (24 - 30) ** 2 / (30 * 0.7)
    assert found.statistic == pytest.approx(by_hand)
    assert (found.groups, found.critical) == (2, pytest.approx(5.991465))
    assert found.p_value == pytest.approx(np.exp(-by_hand / 2))  # chi-square with two degrees of freedom


def test_groups_that_expect_too_few_defaults_are_joined_and_too_few_groups_say_nothing():
    pd = np.repeat([0.01, 0.2], 100)  # 1 expected, then 20
    labels = np.repeat([0, 1], [180, 20])
    assert hosmer_lemeshow(labels, pd, groups=2) is None
    assert hosmer_lemeshow(labels, pd, groups=2, minimum=0.5).groups == 2


def test_spiegelhalter_by_hand():
    pd, labels = np.array([0.1, 0.2, 0.8]), np.array([0, 1, 1])
    above = (0 - 0.1) * 0.8 + (1 - 0.2) * 0.6 + (1 - 0.8) * -0.6
    below = 0.64 * 0.09 + 0.36 * 0.16 + 0.36 * 0.16
    found = spiegelhalter(labels, pd)
    assert found.statistic == pytest.approx(above / below**0.5)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(found.statistic))
    assert spiegelhalter(np.array([0, 1]), np.array([0.5, 0.5])) is None


def test_holm_by_hand_and_never_above_one():
    assert holm([0.02, 0.9, 0.01, 0.3]) == pytest.approx((0.06, 0.9, 0.04, 0.6))
    assert holm([0.8, 0.9]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("rows", "defaults", "pd", "p_value"),
    [
        (401, 36, 0.10, 0.748739),
        (489, 73, 0.15, 0.511781),
        (110, 23, 0.20, 0.397158),
    ],
)
def test_jeffreys_as_another_implementation_prints_it(rows, defaults, pd, p_value):
    """The example in the documentation of the Python package meliora; that of `jeffreys` is from a textbook.

    Rösch & Scheule (2020), Deep Credit Risk: six borrowers, two defaults, a PD of 0.0367.
    """
    assert jeffreys(Tally("A", rows, defaults, pd)) == pytest.approx(p_value, abs=1e-6)


def test_jeffreys_is_low_for_too_many_defaults_only():
    assert jeffreys(Tally("A", 1000, 20, 0.01)) < 0.01
    assert jeffreys(Tally("A", 1000, 0, 0.01)) > 0.99


def test_each_grade_is_tested_against_its_own_mean_pd():
    tallies = [Tally("A", 4, 1, 0.25), Tally("B", 4, 4, 0.4)]
    best, worst = by_grade(tallies, correlation=0)
    assert best.tally == tallies[0]
    # all four of four at 0.4, and as far on the other side
    assert worst.one_factor == pytest.approx(2 * 0.4**4)
    assert worst.corrected == pytest.approx(4 * 0.4**4)
    assert worst.rate.low == pytest.approx(0.025 ** (1 / 4))  # Clopper and Pearson for all of n
    assert worst.rate.high == 1.0
    assert by_grade(tallies)[1].one_factor > worst.one_factor


@pytest.mark.parametrize("name", ["grades", "hosmer_lemeshow", "spiegelhalter"])
def test_calibrated_pds_of_independent_borrowers_are_called_wrong_no_more_often_than_the_level(name):
    """200 portfolios of 600 calibrated PDs: Holm at most 5% with any grade, the other two about 5%."""
    rng, runs = np.random.default_rng(3), 200
    wrong = 0
    for _ in range(runs):
        pd = rng.beta(1.5, 8.0, 600)
        labels = (rng.random(600) < pd).astype(np.int64)
        if name == "grades":
            wrong += min(test.corrected for test in by_grade(graded(labels, pd), correlation=0)) < 0.05
        elif name == "hosmer_lemeshow":
            wrong += hosmer_lemeshow(labels, pd).p_value < 0.05
        else:
            wrong += spiegelhalter(labels, pd).p_value < 0.05
    low, high = stats.binomtest(wrong, runs).proportion_ci(0.999)
    assert low <= 0.05, wrong / runs
    assert name == "grades" or high >= 0.05, wrong / runs


def test_pds_that_are_twice_too_high_are_found():
    rng = np.random.default_rng(4)
    pd = rng.beta(1.5, 8.0, 2000)
    labels = (rng.random(2000) < pd / 2).astype(np.int64)
    assert min(test.corrected for test in by_grade(graded(labels, pd), correlation=0)) < 0.001
    assert hosmer_lemeshow(labels, pd).p_value < 0.001
    assert spiegelhalter(labels, pd).p_value < 0.001
