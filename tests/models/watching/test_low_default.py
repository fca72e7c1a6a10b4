"""The bounds of Pluto and Tasche against the tables of their paper."""

from __future__ import annotations

import pytest

from models.watching.low_default import prudent_pd
from models.watching.vintage import Tally

LEVELS = (0.50, 0.75, 0.90, 0.95, 0.99, 0.999)
ROWS = (100, 400, 300)
# Pluto & Tasche (2005), percent, at the six levels for the grades A, B and C
NO_DEFAULT = (  # tables 1 to 3
    (0.09, 0.17, 0.29, 0.37, 0.57, 0.86),
    (0.10, 0.20, 0.33, 0.43, 0.66, 0.98),
    (0.23, 0.46, 0.76, 0.99, 1.52, 2.28),
)
FEW_DEFAULTS = (  # tables 4 to 6: none, two and one; A at 75% is printed as 0.65, which is the bound at 76.3%
    (0.46, 0.64, 0.83, 0.97, 1.25, 1.62),
    (0.52, 0.73, 0.95, 1.10, 1.43, 1.85),
    (0.56, 0.90, 1.29, 1.57, 2.19, 3.04),
)
NO_DEFAULT_CORRELATED = (  # table 7, asset correlation 0.12
    (0.15, 0.40, 0.86, 1.31, 2.65, 5.29),
    (0.17, 0.45, 0.96, 1.45, 2.92, 5.77),
    (0.37, 0.92, 1.89, 2.78, 5.30, 9.84),
)
FEW_DEFAULTS_CORRELATED = (  # table 8, the same
    (0.72, 1.42, 2.50, 3.42, 5.88, 10.08),
    (0.81, 1.59, 2.77, 3.77, 6.43, 10.92),
    (0.84, 1.76, 3.19, 4.41, 7.68, 13.14),
)


@pytest.mark.parametrize(
    ("defaults", "correlation", "printed", "within"),
    [
        ((0, 0, 0), 0.0, NO_DEFAULT, 0.00501),
        ((0, 2, 1), 0.0, FEW_DEFAULTS, 0.00501),
        ((0, 0, 0), 0.12, NO_DEFAULT_CORRELATED, 0.01),
        ((0, 2, 1), 0.12, FEW_DEFAULTS_CORRELATED, 0.01),
    ],
)
def test_the_tables_of_the_paper(defaults, correlation, printed, within):
    """To the printed decimals without correlation, to one unit of the last with it: the paper integrates coarsely."""
    grades = [Tally(*row, 0.01) for row in zip("ABC", ROWS, defaults, strict=True)]
    for place, row in enumerate(printed):
        for level, percent in zip(LEVELS, row, strict=True):
            bound = prudent_pd(grades[place:], confidence=level, correlation=correlation)
            assert 100 * bound.pd == pytest.approx(percent, abs=within), (place, level)
    assert (bound.rows, bound.defaults) == (300, defaults[2])


def test_the_correlation_of_basel_is_that_of_the_bound_itself():
    grades = [Tally("A", 800, 3, 0.01)]
    free = prudent_pd(grades, confidence=0.75).pd
    rho = 0.12165  # of Basel at 1%; the bound lies near it
    assert free == pytest.approx(prudent_pd(grades, confidence=0.75, correlation=rho).pd, rel=0.1)
    assert free > prudent_pd(grades, confidence=0.75, correlation=0).pd


def test_a_grade_in_which_all_defaulted_has_no_bound_below_one():
    assert prudent_pd([Tally("A", 2, 2, 0.1)], confidence=0.75).pd == 1.0
