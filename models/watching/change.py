"""Tell whether something changed in the last nights, by the odds of each against no change, added up as they come."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
AT_MOST = 1e6  # beyond it a run length says nothing more


class Change(NamedTuple):
    """How rarely nights look like this without a change, and the first of the nights that speak most for one."""

    run_length: float
    since: int


def change(log_odds: npt.ArrayLike) -> Change:
    """Return the sum of Shiryaev and Roberts after the last night, and since when the nights speak for a change.

    ``R = (R + 1) * odds``, night by night. As long as nothing changes, the odds of a night are 1 on average whatever
    came before, and ``R`` reaches ``c`` after ``c`` nights on average at the earliest: a watch that speaks at ``c``
    cries once in ``c`` nights or less often.

    Parameters
    ----------
    log_odds : array-like of shape (n_nights,)
        Logarithm of how much likelier each night is after the change than without it, oldest first; not empty.

    Returns
    -------
    Change
        `run_length` in nights, at most a million; `since` is an index of log_odds.

    References
    ----------
    Roberts (1966), A comparison of some control chart procedures, Technometrics 8(3). Pollak (1985), Optimal detection
    of a change in distribution, Annals of Statistics 13(1). Shin, Ramdas & Rinaldo (2023), E-detectors: a nonparametric
    framework for sequential change detection, New England Journal of Statistics in Data Science 2(2), section 2: the
    bound on the run length for odds that are e-values.

    Examples
    --------
    >>> found = change([-1.0, -1.0, 2.0, 3.0])
    >>> round(found.run_length), found.since
    (243, 2)
    """
    odds = np.asarray(log_odds, dtype=np.float64)
    log_sum = -np.inf
    for night in odds:
        log_sum = np.logaddexp(log_sum, 0.0) + night
    evidence = np.cumsum(odds[::-1])[::-1]
    return Change(float(np.exp(min(log_sum, np.log(AT_MOST)))), int(evidence.argmax()))


def shifted_mean(totals: npt.ArrayLike, rows: npt.ArrayLike, *, shift: float, deviation: float) -> Numbers:
    """Return each night's log odds of a mean that lies `shift` from zero, against zero.

    Half the shift is where they are even: a smaller one never adds up to a change, however long it lasts.

    Parameters
    ----------
    totals, rows : array-like of shape (n_nights,)
        Sum and number of a night's values.
    shift : float
    deviation : float
        Standard deviation of a value.

    Examples
    --------
    >>> shifted_mean([30.0], [100], shift=0.2, deviation=1.0)
    array([4.])
    """
    total, count = np.asarray(totals, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    return np.asarray((shift * total - shift**2 / 2 * count) / deviation**2)


def raised_rate(
    counts: npt.ArrayLike, expected: npt.ArrayLike, *, ratio: float, dispersion: float
) -> Numbers:
    """Return each night's log odds of counts `ratio` times as high as expected, against as expected.

    Parameters
    ----------
    counts, expected : array-like of shape (n_nights,)
    ratio : float
        Above 1.
    dispersion : float
        Variance of a count over its mean; what comes in heaps speaks less.

    References
    ----------
    Lucas (1985), Counted data CUSUM's, Technometrics 27(2). McCullagh & Nelder (1989), Generalized Linear Models,
    section 9.2: odds of counts with more than Poisson's variance.

    Examples
    --------
    >>> raised_rate([30], [15.0], ratio=2.0, dispersion=1.0).round(2)
    array([5.79])
    """
    count, mean = np.asarray(counts, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    return np.asarray((count * np.log(ratio) - (ratio - 1) * mean) / dispersion)
