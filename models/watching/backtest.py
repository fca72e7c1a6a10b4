"""Test whether past PDs were calibrated, grade by grade and overall, once their outcomes are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from models.metrics import Interval, Labels, Scores


class CalibrationTest(NamedTuple):
    """A test statistic with its critical value, its p value and the number of groups (or rows) behind it."""

    statistic: float
    critical: float
    p_value: float
    groups: int


class Grade(NamedTuple):
    """The back-test of one grade: borrowers, defaults, mean PD, observed rate with its interval, and both p values."""

    grade: str
    rows: int
    defaults: int
    mean_pd: float
    rate: Interval
    p_value: float
    corrected: float


def by_grade(
    labels: Labels, pd: Scores, grades: Sequence[str], *, confidence: float = 0.95
) -> tuple[Grade, ...]:
    """Test for each occupied grade whether its defaults agree with its mean PD.

    Exact two-sided binomial tests with Holm's correction over the grades, so that the chance of one false alarm
    among all grades stays below the level. Intervals are Clopper and Pearson's, each for its own grade.

    Parameters
    ----------
    labels, pd : ndarray of shape (n_samples,)
    grades : sequence of str, shape (n_samples,)

    Notes
    -----
    Borrowers are taken as independent; defaults that come together (a recession) make the test too strict.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6,
    65-70. Basel Committee (2005), Working Paper 14, chapter 3 (binomial test).

    Examples
    --------
    >>> tests = by_grade(np.array([1, 1, 0, 0]), np.array([0.5, 0.5, 0.1, 0.1]), ["C", "C", "A", "A"])
    >>> [(test.grade, test.rows, test.p_value) for test in tests]
    [('A', 2, 1.0), ('C', 2, 0.5)]
    """
    grade_of_row = np.asarray(grades, dtype=object)
    rows = []
    for grade in sorted(set(grades)):
        inside = grade_of_row == grade
        count, bad, mean = int(inside.sum()), int(labels[inside].sum()), float(pd[inside].mean())
        test = stats.binomtest(bad, count, min(max(mean, 0.0), 1.0))
        interval = test.proportion_ci(confidence, method="exact")
        rate = Interval(bad / count, float(interval.low), float(interval.high))
        rows.append(Grade(grade, count, bad, mean, rate, float(test.pvalue), 1.0))
    corrected = holm([row.p_value for row in rows])
    return tuple(row._replace(corrected=value) for row, value in zip(rows, corrected, strict=True))


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
    of freedom; on new rows, as here, ``groups``.

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

    ``z = sum((y - p)(1 - 2p)) / sqrt(sum((1 - 2p)**2 p (1 - p)))``, standard normal under calibration. None if all
    PDs are one half.

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
