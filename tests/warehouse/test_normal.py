"""The normal distribution and Vasicek's PD in SQL are those of scipy, also at the ends."""

from __future__ import annotations

import duckdb
import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr, ndtri

from warehouse import normal
from warehouse.connection import reader
from warehouse.publishing import publish

INFINITY = float("inf")


@pytest.fixture(scope="module")
def macros():
    con = duckdb.connect()
    con.execute("create schema marts")
    normal.create_macros(con, "memory")
    return con


def told(macros, expression: str, **columns: np.ndarray) -> np.ndarray:
    rows = pl.DataFrame(columns)  # noqa: F841  (DuckDB reads it by its name)
    return macros.execute(f"select {expression} as told from rows").pl()["told"].to_numpy()


def test_distribution_function_and_quantile_are_those_of_scipy(macros):
    x = np.concatenate([np.linspace(-40, 40, 8001), np.nextafter(7.07106781186547, [-8, 8])])
    assert np.abs(told(macros, "marts.normal_cdf(x)", x=x) - ndtr(x)).max() < 1e-15
    p = np.concatenate([np.logspace(-300, -0.31, 4000), 1 - np.logspace(-15, -0.31, 4000), [0.075, 0.925]])
    apart = told(macros, "marts.normal_quantile(p)", p=p) - ndtri(p)
    assert np.abs(apart / np.maximum(1, np.abs(ndtri(p)))).max() < 1e-14


def test_both_rise_and_undo_one_another(macros):
    x = np.linspace(-12, 12, 20001)
    assert np.diff(told(macros, "marts.normal_cdf(x)", x=x)).min() >= 0
    p = np.linspace(1e-6, 1 - 1e-6, 20001)
    assert np.diff(told(macros, "marts.normal_quantile(p)", p=p)).min() > 0
    assert np.abs(told(macros, "marts.normal_cdf(marts.normal_quantile(p))", p=p) - p).max() < 1e-12


def test_vasicek_is_the_published_formula(macros):
    draws = np.random.default_rng(7)
    pd, factor, rho = (
        draws.uniform(size=4000),
        draws.normal(size=4000) * 2,
        draws.uniform(0, 0.999, size=4000),
    )
    expected = ndtr((ndtri(pd) - np.sqrt(rho) * factor) / np.sqrt(1 - rho))
    found = told(macros, "marts.vasicek_pd(pd, factor, rho)", pd=pd, factor=factor, rho=rho)
    assert np.abs(found - expected).max() < 1e-12
    month = told(macros, "marts.vasicek_month(pd, factor, rho)", pd=pd / 12, factor=factor, rho=rho)
    yearly = 1 - (1 - pd / 12) ** 12
    shifted = ndtr((ndtri(yearly) - np.sqrt(rho) * factor) / np.sqrt(1 - rho))
    assert np.abs(1 - (1 - month) ** 12 - shifted).max() < 1e-12


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("normal_cdf(0)", 0.5),
        ("normal_cdf('-inf'::double)", 0),
        ("normal_cdf('inf'::double)", 1),
        ("normal_cdf(null)", None),
        ("normal_quantile(0)", -INFINITY),
        ("normal_quantile(1)", INFINITY),
        ("normal_quantile(0.5)", 0),
        ("normal_quantile(null)", None),
        ("vasicek_pd(0, -3, 0.15)", 0),
        ("vasicek_pd(1, 3, 0.15)", 1),
        ("vasicek_pd(0.02, -3, 0)", pytest.approx(0.02, abs=1e-15)),
        ("vasicek_pd(0.02, -3, 0.999999)", pytest.approx(1, abs=1e-15)),  # all fail together, in bad times
        ("vasicek_pd(0.02, 0, 0.999999)", pytest.approx(0, abs=1e-15)),  # and none in usual ones
        ("vasicek_pd(null, -3, 0.15)", None),
        ("vasicek_pd(0.02, null, 0.15)", None),
        ("vasicek_pd(0.02, -3, null)", None),
        ("vasicek_month(0, -3, 0.15)", 0),
        ("vasicek_month(1, 3, 0.15)", 1),
    ],
)
def test_the_ends(macros, expression, expected):
    assert macros.execute(f"select marts.{expression}").fetchone() == (expected,)


def test_the_mean_over_all_factors_is_the_pd(macros):
    quantiles = (np.arange(20000) + 0.5) / 20000
    found = told(macros, "marts.vasicek_pd(0.03, z, 0.15)", z=ndtri(quantiles))
    assert found.mean() == pytest.approx(0.03, rel=1e-4)


def test_the_two_halves_of_a_month_are_the_whole_to_the_last_bit(macros):
    draws = np.random.default_rng(8)
    pds = np.concatenate([draws.uniform(0, 0.3, size=500), [0.0, 1.0, 1e-12]])
    factors = draws.normal(size=pds.size) * 2
    lists = pl.DataFrame({"pds": [pds], "factors": [factors]})  # noqa: F841  (DuckDB reads it by its name)
    halves = macros.execute(
        "select marts.vasicek_months(marts.vasicek_thresholds(pds), factors, 0.15) from lists"
    ).fetchall()[0][0]
    whole = told(macros, "marts.vasicek_month(pd, factor, 0.15)", pd=pds, factor=factors)
    assert halves == whole.tolist()
    gap = "select marts.vasicek_months(marts.vasicek_thresholds([0.1, 0.1]), [null, 0.0], 0.15)[1]"
    assert macros.execute(gap).fetchall() == [(None,)]


def test_a_flat_curve_has_the_pd_at_month_12_and_one_hazard(macros):
    [(curve,)] = macros.execute("select marts.flat_curve(0.2)").fetchall()
    survival = 1 - np.array(curve)
    assert len(curve) == 60
    assert curve[11] == pytest.approx(0.2, abs=1e-15)
    assert survival[1:] / survival[:-1] == pytest.approx(np.full(59, 0.8 ** (1 / 12)))


def test_curves_are_multiplied_and_added_from_the_first_on(macros):
    ask = "select marts.survival_curve([0.5, 0.0, 1.0]), marts.added_curves([[1e-1, 1e0], [2e-1, 2e0], [3e-1, 4e0]])"
    assert macros.execute(ask).fetchall() == [([0.5, 0.5, 0.0], [0.1 + 0.2 + 0.3, 7.0])]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("normal_quantile(1.01)", "a probability is not between 0 and 1"),
        ("normal_quantile('nan'::double)", "a probability is not between 0 and 1"),
        ("vasicek_pd(-0.01, 0, 0.15)", "a probability is not between 0 and 1"),
        ("vasicek_pd(0.01, 0, 1)", "a correlation is not between 0 and below 1"),
        ("vasicek_pd(0.01, 0, -0.1)", "a correlation is not between 0 and below 1"),
        ("vasicek_thresholds([-0.01])", "a probability is not between 0 and 1"),
        ("vasicek_months([0.1], [0.0], 1)", "a correlation is not between 0 and below 1"),
    ],
)
def test_what_is_no_probability_or_correlation_is_an_error(macros, expression, said):
    with pytest.raises(duckdb.Error, match=said):
        macros.execute(f"select marts.{expression}").fetchall()


def test_warehouse_and_published_copy_have_the_macros(portfolio):
    ask = "select round({}marts.vasicek_pd(0.02, -2, 0.15), 9)"
    [(in_warehouse,)] = portfolio.con.execute(ask.format("wh.")).fetchall()
    publish.publish(portfolio.con, portfolio.score())
    with reader() as published:
        assert published.execute(ask.format("")).fetchall() == [(in_warehouse,)]
    assert in_warehouse == pytest.approx(ndtr((ndtri(0.02) + 2 * 0.15**0.5) / 0.85**0.5), abs=1e-9)
