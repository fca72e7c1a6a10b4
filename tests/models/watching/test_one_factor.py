"""Correlated defaults against tables of the Basel Committee, a simulation, and the limits that are known exactly."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import special, stats

from models.watching.backtest import holm
from models.watching.one_factor import asset_correlation, default_rate_quantile, tails


@pytest.mark.parametrize(
    ("pd", "risk_weight"),
    [
        (0.0003, 4.45), (0.0005, 6.63), (0.001, 11.16), (0.0025, 21.15), (0.004, 28.42), (0.005, 32.36),
        (0.0075, 40.10), (0.01, 45.77), (0.013, 50.80), (0.015, 53.37), (0.02, 57.99), (0.025, 60.90),
    ],
)  # fmt: skip
def test_quantile_and_correlation_give_the_risk_weights_of_basel(pd, risk_weight):
    """Basel Committee (2006), Basel II, annex 5: other retail exposures, LGD 45%, percent; compared on 2026-11-29."""
    weight = 12.5 * 0.45 * (default_rate_quantile(pd, 0.999) - pd)
    assert 100 * weight == pytest.approx(risk_weight, abs=0.01)


@pytest.mark.parametrize(
    ("correlation", "critical"), [(0.0, 19), (0.05, 35), (0.10, 49), (0.15, 63), (0.20, 77)]
)
def test_the_critical_numbers_of_defaults_of_working_paper_14(correlation, critical):
    """Basel Committee (2005), Working Paper 14, appendix: PD 1%, 1,000 borrowers, 99%."""
    at, below = (tails(count, [1000], [0.01], correlation=correlation) for count in (critical, critical - 1))
    assert at.at_least <= 0.01 < below.at_least


def test_tails_of_several_grades_against_a_simulation_of_their_borrowers():
    """200,000 years of three grades that share the factor, each with the correlation of Basel."""
    rng, years = np.random.default_rng(14), 200_000
    rows, pd = [300, 500, 200], np.array([0.005, 0.02, 0.08])
    rho = asset_correlation(pd)
    factor = rng.standard_normal((years, 1))
    given = special.ndtr((special.ndtri(pd) + np.sqrt(rho) * factor) / np.sqrt(1 - rho))
    defaults = rng.binomial(rows, given).sum(axis=1)
    for count in (5, 10, 27, 60, 90):
        found = tails(count, rows, pd.tolist())
        for p_value, hits in ((found.at_most, defaults <= count), (found.at_least, defaults >= count)):
            error = (p_value * (1 - p_value) / years) ** 0.5
            assert hits.mean() == pytest.approx(p_value, abs=4 * error + 0.001), count


@pytest.mark.parametrize("count", [0, 3, 12, 100])
def test_without_correlation_the_tails_are_those_of_the_binomial(count):
    found = tails(count, [100], [0.05], correlation=0)
    assert found.at_most == pytest.approx(stats.binom.cdf(count, 100, 0.05))
    assert found.at_least == pytest.approx(stats.binom.sf(count - 1, 100, 0.05))


def test_a_grade_without_end_has_the_quantile_of_vasicek():
    """A million borrowers, whose tail is a step of the factor; the error is at most one in fifty."""
    rate = default_rate_quantile(0.05, 0.99, correlation=0.05)
    assert tails(round(1e6 * rate), [1_000_000], [0.05], correlation=0.05).at_least == pytest.approx(
        0.01, rel=0.02
    )


def test_pds_at_the_ends_have_certain_outcomes():
    assert tails(0, [10], [0.0]).two_sided == pytest.approx(1)
    assert tails(10, [10], [1.0]).two_sided == pytest.approx(1)
    assert tails(1, [10], [0.0]).two_sided == 0


@pytest.mark.parametrize(("share", "independent"), [(0.0, 0.0), (0.25, 0.15), (1.0, 0.5)])
def test_calibrated_pds_are_called_wrong_no_more_often_than_the_level(share, independent):
    """400 years of five grades that move with one factor, with a share of the correlation of Basel.

    `independent` is what the binomial test calls wrong at least.
    """
    rng, years = np.random.default_rng(90), 400
    pd = np.array([0.01, 0.03, 0.07, 0.14, 0.28])
    rho = share * asset_correlation(pd)

    @cache
    def two_sided(grade, count, correlation):
        return tails(count, [400], [pd[grade]], correlation=correlation).two_sided

    wrong = {None: 0, 0.0: 0}
    for _ in range(years):
        given = special.ndtr((special.ndtri(pd) + np.sqrt(rho) * rng.standard_normal()) / np.sqrt(1 - rho))
        defaults = rng.binomial(400, given).tolist()
        for correlation in wrong:
            wrong[correlation] += (
                min(holm([two_sided(*pair, correlation) for pair in enumerate(defaults)])) < 0.05
            )
    assert stats.binomtest(wrong[None], years).proportion_ci(0.999).low <= 0.05
    assert wrong[0.0] / years >= independent
