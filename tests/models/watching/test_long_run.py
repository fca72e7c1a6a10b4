"""Averages of default rates by hand, and portfolios that are point in time or through the cycle by construction."""

from __future__ import annotations

import numpy as np
import pytest

from models.watching.long_run import by_grade, movement, together
from models.watching.vintage import Tally

PD = {"A": 0.01, "B": 0.05, "C": 0.20}


def test_the_average_of_rates_counts_each_vintage_once():
    vintages = [
        [Tally("A", 1000, 10, 0.02), Tally("B", 10, 1, 0.1)],
        [Tally("A", 100, 3, 0.04)],
    ]
    best, worst = by_grade(vintages)
    assert (best.grade, best.vintages, best.rows) == ("A", 2, 1100)
    assert (best.rate, best.least, best.largest) == (pytest.approx(0.02), 0.01, 0.03)  # not 13 of 1,100
    assert best.mean_pd == pytest.approx(0.03)
    assert (worst.vintages, worst.rate) == (1, 0.1)
    assert together(vintages[0]) == Tally("all grades", 1010, 11, pytest.approx((20 + 1) / 1010))


def vintage(rng, shares, odds, size=20_000):
    """Return the tallies of a vintage with these shares of the grades and multiples of their PDs."""
    rows = rng.multinomial(size, shares)
    defaults = rng.binomial(rows, [odds * pd for pd in PD.values()])
    return [
        Tally(grade, int(n), int(bad), PD[grade]) for grade, n, bad in zip(PD, rows, defaults, strict=True)
    ]


def cycle(*, mix, level, size=20_000):
    """Return the tallies of 16 vintages of a cycle that moves the mix of grades, the grades' rates, or both."""
    rng = np.random.default_rng(5)
    years = np.sin(np.linspace(0, 2 * np.pi, 16))
    return [
        vintage(
            rng, [0.5 - 0.2 * mix * year, 0.3, 0.2 + 0.2 * mix * year - 0.0], 1 + 0.4 * level * year, size
        )
        for year in years
    ]


@pytest.mark.parametrize(
    ("mix", "level", "low", "high"), [(1, 0, 0.95, 1.05), (0, 1, -0.05, 0.05), (0.5, 1, 0.3, 0.7)]
)
def test_the_share_of_the_movement_between_grades(mix, level, low, high):
    found = movement(cycle(mix=mix, level=level))
    assert low < found.between < high
    assert found.moved > 2 * found.chance


def test_a_default_rate_that_stands_still_or_a_small_portfolio_tells_nothing():
    assert movement(cycle(mix=0, level=0)).between is None
    assert movement(cycle(mix=0.2, level=0, size=300)).between is None
