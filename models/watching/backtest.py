"""Test whether past PDs were calibrated, grade by grade and overall, once their outcomes are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from models.metrics import Interval, Labels, Scores
from models.watching.one_factor import tails
from models.watching.vintage import Tally


class CalibrationTest(NamedTuple):
    """A test statistic with its critical value, its p value and the number of groups (or rows) behind it."""

    statistic: float
    critical: float
    p_value: float
    groups: int


class Grade(NamedTuple):
    """The back-test of one grade: its counts, the observed rate with its interval, and the p values of both tests."""

    tally: Tally
    rate: Interval
    jeffreys: float
    one_factor: float
    corrected: float


def by_grade(
    tallies: Sequence[Tally], *, correlation: float | None = None, confidence: float = 0.95
) -> tuple[Grade, ...]:
    """Test for each occupied grade whether its defaults agree with its mean PD.

    Jeffreys' test takes borrowers as independent and asks for too many defaults only. The test of one factor
    allows for defaults that come together and asks for too many and too few; Holm's correction over the grades
    keeps the chance of one false alarm among all of them below the level, however they depend on each other.
    Intervals are Clopper and Pearson's, each for its own grade.

    Parameters
    ----------
    tallies : sequence of Tally
    correlation : float or None, default=None
        See `one_factor.asset_correlation`; 0 makes the test of one factor the exact binomial one.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6,
    65-70. Basel Committee (2005), Working Paper 14, chapter 3 (binomial test, correlated defaults).

    Examples
    --------
    >>> tests = by_grade([Tally("A", 2, 0, 0.1), Tally("C", 2, 2, 0.5)], correlation=0)
    >>> [(test.tally.grade, round(test.one_factor, 9)) for test in tests]
    [('A', 1.0), ('C', 0.5)]
    """
    tests = []
    for tally in tallies:
        exact = stats.binomtest(tally.defaults, tally.rows).proportion_ci(confidence, method="exact")
        rate = Interval(tally.rate, float(exact.low), float(exact.high))
        p_value = tails(tally.defaults, [tally.rows], [tally.mean_pd], correlation=correlation).two_sided
        tests.append(Grade(tally, rate, jeffreys(tally), p_value, 1.0))
    corrected = holm([test.one_factor for test in tests])
    return tuple(test._replace(corrected=value) for test, value in zip(tests, corrected, strict=True))


def jeffreys(tally: Tally) -> float:
    """Return the p value of Jeffreys' test: how likely the true PD of a grade is at most its mean PD.

    The distribution of beta with ``defaults + 1/2`` and ``rows - defaults + 1/2`` at the mean PD. One-sided: low
    where more borrowers defaulted than the PD allows. Borrowers are taken as independent.

    References
    ----------
    European Central Bank (2019), Instructions for reporting the validation results of internal models, IRB Pillar I
    models for credit risk, section 2.5.3.1.

    Examples
    --------
    >>> round(jeffreys(Tally("1", 6, 2, 0.0367)), 4)
    0.0044
    """
    shape = tally.defaults + 0.5, tally.rows - tally.defaults + 0.5
    return float(stats.beta.cdf(tally.mean_pd, *shape))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return Holm's corrected p values, in the given order.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    raw = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(raw, kind="stable")
    stepped = raw[order] * (len(raw) - np.arange(len(raw)))
    corrected = np.empty(len(raw))
    corrected[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return tuple(float(value) for value in corrected)


def hosmer_lemeshow(
    labels: Labels, pd: Scores, *, groups: int = 10, minimum: float = 5.0, confidence: float = 0.95
) -> CalibrationTest | None:
    """Return Hosmer and Lemeshow's test of PDs on rows that no fit saw, or None with fewer than two full groups.

    Rows are sorted by PD and cut into groups of equal size; neighbours are joined, the lowest first, until each group
    expects at least ``minimum`` defaults and as many others. On rows of a fit the statistic has ``groups - 2`` degrees
    of freedom; on new rows, as here, ``groups``. Borrowers are taken as independent.

    References
    ----------
    Hosmer, Lemeshow & Sturdivant (2013), Applied Logistic Regression, section 5.2.2 and, for new rows, 5.5.
    """
    order = np.argsort(pd, kind="stable")
    parts = [part for part in np.array_split(order, groups) if len(part)]
    cells: list[tuple[float, float, int]] = []
    rows, bad, expected = 0, 0.0, 0.0
    for part in parts:
        rows, bad, expected = rows + len(part), bad + labels[part].sum(), expected + pd[part].sum()
        if expected >= minimum and rows - expected >= minimum:
            cells.append((float(bad), float(expected), rows))
            rows, bad, expected = 0, 0.0, 0.0
    if rows and cells:  # the remaining rows join the last group
        last = cells.pop()
        cells.append((last[0] + bad, last[1] + expected, last[2] + rows))
    if len(cells) < 2:
        return None
    table = np.array(cells)
    spread = table[:, 1] * (1 - table[:, 1] / table[:, 2])
    value = float(((table[:, 0] - table[:, 1]) ** 2 / spread).sum())
    return CalibrationTest(
        value,
        float(stats.chi2.ppf(confidence, len(cells))),
        float(stats.chi2.sf(value, len(cells))),
        len(cells),
    )


def spiegelhalter(labels: Labels, pd: Scores, *, confidence: float = 0.95) -> CalibrationTest | None:
    """Return Spiegelhalter's z, which compares the Brier score with that of calibrated PDs.

    ``z = sum((y - p)(1 - 2p)) / sqrt(sum((1 - 2p)**2 p (1 - p)))``, standard normal under calibration of independent
    borrowers. None if all PDs are one half.

    References
    ----------
    Spiegelhalter (1986), Probabilistic prediction in patient management and clinical trials. Statistics in
    Medicine 5, 421-433.

    Examples
    --------
    >>> round(spiegelhalter(np.array([0, 1]), np.array([0.2, 0.2])).statistic, 4)
    1.0607
    """
    spread = float((((1 - 2 * pd) ** 2) * pd * (1 - pd)).sum())
    if spread <= 0:
        return None
    z = float(((labels - pd) * (1 - 2 * pd)).sum() / np.sqrt(spread))
    limit = float(stats.norm.ppf(0.5 + confidence / 2))
    return CalibrationTest(z, limit, float(2 * stats.norm.sf(abs(z))), len(pd))
