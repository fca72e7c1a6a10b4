"""Say how likely a number of defaults is if borrowers default together: one factor, a stated correlation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

Numbers = npt.NDArray[np.float64]
_FACTOR = np.linspace(-8.0, 8.0, 2001)
_WEIGHT = stats.norm.pdf(_FACTOR) / stats.norm.pdf(_FACTOR).sum()


class Tails(NamedTuple):
    """The probability of at most and of at least the observed number of defaults."""

    at_most: float
    at_least: float

    @property
    def two_sided(self) -> float:
        """The p value of too many or too few: twice the smaller tail, at most one."""
        return min(1.0, 2 * min(self))


def asset_correlation(pd: npt.ArrayLike, stated: float | None = None) -> Numbers:
    """Return the asset correlation at each PD: the stated one, or the one of Basel for other retail exposures.

    Parameters
    ----------
    pd : array-like
    stated : float or None, default=None
        A correlation for all PDs; None for ``0.03 w + 0.16 (1 - w)``, ``w = (1 - exp(-35 pd)) / (1 - exp(-35))``.

    References
    ----------
    Basel Framework, CRE31.16: other retail exposures, to which small loans to small enterprises belong that a lender
    manages as retail.

    Examples
    --------
    >>> asset_correlation([0.0, 0.01, 1.0]).round(4).tolist()
    [0.16, 0.1216, 0.03]
    """
    values = np.asarray(pd, dtype=np.float64)
    if stated is not None:
        return np.full_like(values, stated)
    weight = np.expm1(-35.0 * values) / np.expm1(-35.0)
    return np.asarray(0.03 * weight + 0.16 * (1 - weight))


def default_rate_quantile(pd: float, confidence: float, *, correlation: float | None = None) -> float:
    """Return the default rate that a grade without end exceeds in ``1 - confidence`` of all years.

    ``N((G(pd) + sqrt(r) G(confidence)) / sqrt(1 - r))`` with the normal distribution ``N``, its inverse ``G`` and
    the asset correlation ``r``.

    References
    ----------
    Vasicek (2002), Loan portfolio value. Risk 15(12), 160-162. Basel Committee (2005), Working Paper 14, chapter 3.

    Examples
    --------
    >>> round(default_rate_quantile(0.01, 0.999), 4)
    0.0914
    """
    rho = float(asset_correlation(pd, correlation))
    shifted = special.ndtri(pd) + np.sqrt(rho) * special.ndtri(confidence)
    return float(special.ndtr(shifted / np.sqrt(1 - rho)))


def tails(
    defaults: int, rows: Sequence[int], pd: Sequence[float], *, correlation: float | None = None
) -> Tails:
    """Return how likely at most and at least so many defaults are among borrowers of one or more grades.

    Given the factor, borrowers default independently, so that the count is binomial; the binomial tails are
    averaged over the factor. All grades share the factor, each with the correlation at its PD.

    Parameters
    ----------
    defaults : int
        Defaults in all grades together.
    rows, pd : sequence of shape (n_grades,)
        Borrowers and PD of each grade.
    correlation : float or None, default=None
        See `asset_correlation`; 0 makes it the binomial test.

    Notes
    -----
    The sum over an even grid of the factor is exact to rounding where the integrand is smooth (Trefethen & Weideman
    2014, The exponentially convergent trapezoidal rule. SIAM Review 56, 385-458). A large grade makes a step of it:
    the error is then at most one in fifty of a tail of 0.01. Of several grades the binomial takes the mean PD given
    the factor, which has longer tails than borrowers with different PDs have (Hoeffding 1956).

    References
    ----------
    Basel Committee (2005), Working Paper 14, chapter 3 (correlated defaults). Vasicek (2002).

    Examples
    --------
    >>> round(tails(35, [1000], [0.01], correlation=0.05).at_least, 4)
    0.0093
    """
    share = np.asarray(rows, dtype=np.float64) / sum(rows)
    each = np.asarray(pd, dtype=np.float64)[:, None]
    rho = asset_correlation(each, correlation)
    given = share @ special.ndtr((special.ndtri(each) + np.sqrt(rho) * _FACTOR) / np.sqrt(1 - rho))
    at_least, more = (_at_least(count, sum(rows), given) for count in (defaults, defaults + 1))
    return Tails(1 - more, at_least)


def _at_least(count: int, rows: int, given: Numbers) -> float:
    """Return the probability of so many defaults or more, from the PD given each value of the factor."""
    if not 0 < count <= rows:
        return float(count <= 0)
    return float(_WEIGHT @ special.betainc(count, rows - count + 1, given))
