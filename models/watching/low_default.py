"""Bound the PD of a grade with few defaults, or none, by what is known of it and of worse grades."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scipy import stats
from scipy.optimize import brentq

from models.watching.one_factor import tails
from models.watching.vintage import Tally


class PrudentPd(NamedTuple):
    """The upper bound of a grade's PD, and the borrowers and defaults that it was taken from."""

    pd: float
    rows: int
    defaults: int


def prudent_pd(grades: Sequence[Tally], *, confidence: float, correlation: float | None = None) -> PrudentPd:
    """Return the most prudent PD of the first of some grades that follow each other, the best first.

    No worse grade has a lower PD, so the highest that the first can have is one that it shares with all the others.
    They are taken as one grade, and the bound is the PD at which so few defaults have the probability
    ``1 - confidence``.

    Parameters
    ----------
    grades : sequence of Tally
        Not empty; in the paper the grade and all worse ones of a portfolio with few defaults.
    confidence : float
        Of the upper bound.
    correlation : float or None, default=None
        See `one_factor.asset_correlation`; 0 gives the upper bound of Clopper and Pearson.

    References
    ----------
    Pluto & Tasche (2005), Estimating probabilities of default for low default portfolios, arXiv:cond-mat/0411699,
    sections 2 and 3 (independent defaults) and 4 (one factor, equation 4.3a).

    Examples
    --------
    >>> grades = [Tally("A", 100, 0, 0.001), Tally("B", 400, 0, 0.002), Tally("C", 300, 0, 0.004)]
    >>> [round(prudent_pd(grades[place:], confidence=0.9, correlation=0).pd, 4) for place in range(3)]
    [0.0029, 0.0033, 0.0076]
    """
    rows, defaults = sum(grade.rows for grade in grades), sum(grade.defaults for grade in grades)
    if defaults == rows:
        return PrudentPd(1.0, rows, defaults)
    if correlation == 0:
        return PrudentPd(float(stats.beta.ppf(confidence, defaults + 1, rows - defaults)), rows, defaults)

    def excess(pd: float) -> float:
        return tails(defaults, [rows], [pd], correlation=correlation).at_most - (1 - confidence)

    return PrudentPd(float(brentq(excess, 0.0, 1.0, xtol=1e-10)), rows, defaults)
