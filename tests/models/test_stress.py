"""Shifted PDs are those of the published formulas, paths agree with years, and the quantile is that of a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import ndtr, ndtri

from models.stress import Path, StressSettings, constant_curve, correlations, over_path, vasicek_pd

PDS = np.array([0.0, 1e-6, 0.002, 0.05, 0.4, 0.97, 1.0])


@pytest.mark.parametrize(
    ("basel", "published"),
    # Basel Committee (2006), annex 5: illustrative risk weights, LGD 45%, maturity 2.5 years, PDs below; sme has a
    # turnover of 5 million euros. Compared with copies of the annex on 2026-11-29: all at 0.03%, 0.1% and 1%, and that
    # of corporates at 5%. The others are from memory; the copies that were found end before them
    [
        ("corporate", [14.44, 29.65, 92.32, 149.86, 238.23]),
        ("sme", [11.30, 23.30, 72.40, 112.27, 188.42]),
        ("retail", [4.45, 11.16, 45.77, 66.42, 100.28]),
    ],
)
def test_the_severe_year_of_basel_gives_its_published_risk_weights(basel, published):
    pd = np.array([0.0003, 0.001, 0.01, 0.05, 0.2])
    settings = StressSettings(basel=basel)
    shifted = vasicek_pd(pd, settings.severity, correlations(pd, settings))
    slope = (0.11852 - 0.05478 * np.log(pd)) ** 2
    maturity = np.ones(5) if basel == "retail" else 1 / (1 - 1.5 * slope)
    assert 0.45 * (shifted - pd) * maturity * 12.5 * 100 == pytest.approx(published, abs=0.011)


def test_one_severity_one_correlation_and_their_defaults():
    assert StressSettings().severity == pytest.approx(-3.0902, abs=1e-4)
    assert StressSettings().one_correlation == 0.15
    assert StressSettings().lgd is None
    assert StressSettings(factor=-2).level == pytest.approx(0.97725, abs=1e-5)
    assert StressSettings(quantile=0.99).level == pytest.approx(0.99)
    for both in ({"correlation": 0.1, "basel": "sme"}, {"quantile": 0.99, "factor": -2}):
        with pytest.raises(ValidationError, match="not both"):
            StressSettings(**both)
    for wrong in ({"correlation": 1.0}, {"correlation": -0.1}, {"quantile": 1.0}, {"lgd": 1.2}):
        with pytest.raises(ValidationError):
            StressSettings(**wrong)


@pytest.mark.parametrize("correlation", [0.0, 0.15, 0.9999])
@pytest.mark.parametrize("factor", [-4.0, -1.0, 0.0, 2.0])
def test_a_path_that_stays_the_same_gives_the_shifted_pd_of_the_year(correlation, factor):
    rho = np.full(PDS.shape, correlation)
    stressed = over_path(constant_curve(PDS, 24), Path("flat", 1.0, (factor,) * 24), rho)
    year = vasicek_pd(PDS, factor, rho)
    assert stressed.pd_year == pytest.approx(year, abs=1e-9)
    assert stressed.pd_horizon == pytest.approx(1 - (1 - year) ** 2, abs=1e-9)


def test_without_correlation_a_path_changes_nothing_whatever_the_curve():
    start = np.array([[0.001, 0.004, 0.02], [0.0, 0.0, 0.0], [0.1, 1.0, 1.0]])
    curve = np.hstack([start, np.repeat(start[:, 2:], 11, axis=1)])
    told = over_path(curve, Path("any", 1.0, (-3.0, 2.0) * 7), np.zeros(3))
    assert told.pd_year == pytest.approx(curve[:, 11], abs=1e-12)
    assert told.pd_horizon == pytest.approx(curve[:, 13], abs=1e-12)


def test_months_behind_a_short_path_are_as_scored():
    curve = constant_curve(np.array([0.1]), 12)
    told = over_path(curve, Path("short", 1.0, (-3.0,) * 6), np.array([0.15]))
    half = 1 - (1 - vasicek_pd(np.array([0.1]), -3.0, np.array([0.15]))) ** 0.5
    assert told.pd_horizon == pytest.approx(half)
    assert told.pd_year == pytest.approx(1 - (1 - half) * 0.9**0.5)


def test_worse_times_never_lower_a_pd_and_everyone_is_certain_in_the_end():
    rho = np.full(PDS.shape, 0.2)
    by_factor = np.array([vasicek_pd(PDS, factor, rho) for factor in (2, 0, -2, -8)])
    assert (np.diff(by_factor, axis=0) >= 0).all()
    assert by_factor[:, 0].tolist() == [0.0] * 4
    assert by_factor[:, -1].tolist() == [1.0] * 4


def test_the_loss_of_the_severe_year_is_the_quantile_of_many_simulated_years():
    draws = np.random.default_rng(18)
    pd = draws.uniform(0.005, 0.2, size=3000)
    rho, threshold = 0.15, ndtri(pd)
    years = np.array(
        [
            (np.sqrt(rho) * factor + np.sqrt(1 - rho) * draws.standard_normal(pd.size) < threshold).mean()
            for factor in draws.standard_normal(8000)
        ]
    )
    for level in (0.5, 0.9, 0.99):
        settings = StressSettings(quantile=level, correlation=rho)
        told = vasicek_pd(pd, settings.severity, correlations(pd, settings)).mean()
        within = 4 * np.sqrt(level * (1 - level) / years.size)  # of the simulated quantile's own place
        low, high = np.quantile(years, [level - within, min(level + within, 1.0)])
        assert low - 0.002 < told < high + 0.002  # 3,000 borrowers are many, not infinitely many
    assert years.mean() == pytest.approx(pd.mean(), abs=4 * years.std() / np.sqrt(years.size))


def test_few_borrowers_stray_beyond_the_severe_year_more_often_than_it_says():
    draws = np.random.default_rng(19)
    told = vasicek_pd(np.array([0.02]), StressSettings().severity, np.array([0.15]))[0]
    shifted = ndtri(0.02) - np.sqrt(0.15) * draws.standard_normal(100_000)
    defaults = ndtr(shifted / np.sqrt(0.85))
    few, many = ((draws.binomial(of, defaults) / of > told).mean() for of in (20, 20_000))
    assert many == pytest.approx(0.001, abs=0.0005)
    assert few > 3 * many
