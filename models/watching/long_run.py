"""Average the default rates of many vintages by grade, and say whether PDs follow the cycle or look through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.watching.vintage import Tally


class LongRun(NamedTuple):
    """One grade over many vintages: the mean, least and largest of its yearly default rates, and its mean PD."""

    grade: str
    vintages: int
    rows: int
    rate: float
    least: float
    largest: float
    mean_pd: float


class Movement(NamedTuple):
    """How far the default rate of all borrowers moved over the vintages, and where the movement was.

    `moved` is the standard deviation of the default rates, `chance` what independent defaults alone would give it,
    and `between` the share of the movement that came with borrowers' grades; the rest was within the grades.
    `between` is None where at least a quarter of the variance can be chance.
    """

    least: float
    largest: float
    moved: float
    chance: float
    between: float | None


def by_grade(vintages: Sequence[Sequence[Tally]]) -> tuple[LongRun, ...]:
    """Return the long-run average default rate of each grade that any vintage has.

    The simple mean of the one-year default rates, each vintage alike, whatever its size.

    References
    ----------
    European Banking Authority (2017), Guidelines on PD estimation, EBA/GL/2017/16, section 5.3: one-year default
    rates and their long-run average, of windows that may overlap.

    Examples
    --------
    >>> by_grade([[Tally("A", 100, 1, 0.02)], [Tally("A", 300, 9, 0.04)]])[0].rate
    0.02
    """
    kept: dict[str, list[Tally]] = {}
    for tally in (tally for vintage in vintages for tally in vintage):
        kept.setdefault(tally.grade, []).append(tally)
    return tuple(
        LongRun(
            grade=grade,
            vintages=len(tallies),
            rows=sum(tally.rows for tally in tallies),
            rate=float(np.mean([tally.rate for tally in tallies])),
            least=min(tally.rate for tally in tallies),
            largest=max(tally.rate for tally in tallies),
            mean_pd=float(np.mean([tally.mean_pd for tally in tallies])),
        )
        for grade, tallies in sorted(kept.items())
    )


def together(vintage: Sequence[Tally]) -> Tally:
    """Return the borrowers of all grades as one."""
    rows = sum(tally.rows for tally in vintage)
    mean_pd = sum(tally.rows * tally.mean_pd for tally in vintage) / rows
    return Tally("all grades", rows, sum(tally.defaults for tally in vintage), mean_pd)


def movement(vintages: Sequence[Sequence[Tally]]) -> Movement:
    """Return how much of the movement of the default rate came with the grades of borrowers.

    The default rate of a vintage is the rate that its mix of grades has in the long run, plus how far the grades'
    own rates lie off their long-run averages that year. The share of the first is its covariance with the default
    rate over the variance of the default rate: one where borrowers change their grades with the cycle and each grade
    keeps its rate (point in time), zero where they keep their grades and the rates of the grades move (through the
    cycle). Chance counts as movement within the grades, so that the share is rather too low.

    Parameters
    ----------
    vintages : sequence of sequences of Tally
        At least two, none empty.

    References
    ----------
    Basel Committee (2005), Working Paper 14, chapter 2 (dynamics of point-in-time and through-the-cycle PDs).

    Examples
    --------
    >>> mild = [Tally("A", 900, 9, 0.01), Tally("C", 100, 10, 0.1)]
    >>> severe = [Tally("A", 400, 4, 0.01), Tally("C", 600, 60, 0.1)]
    >>> round(movement([mild, severe, mild, severe]).between, 9)
    1.0
    """
    long_run = {grade.grade: grade.rate for grade in by_grade(vintages)}
    rates = np.array([together(vintage).rate for vintage in vintages])
    of_mix = np.empty(len(vintages))
    chance = np.empty(len(vintages))
    for place, vintage in enumerate(vintages):
        rows = sum(tally.rows for tally in vintage)
        of_mix[place] = sum(tally.rows * long_run[tally.grade] for tally in vintage) / rows
        chance[place] = sum(tally.rows * tally.rate * (1 - tally.rate) for tally in vintage) / rows**2
    moved = float(rates.var(ddof=1))
    told = moved > 4 * chance.mean()
    return Movement(
        least=float(rates.min()),
        largest=float(rates.max()),
        moved=moved**0.5,
        chance=float(chance.mean()) ** 0.5,
        between=float(np.cov(of_mix, rates)[0, 1]) / moved if told else None,
    )
