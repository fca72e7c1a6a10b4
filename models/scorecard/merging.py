"""Merge neighbouring groups of borrowers into few bins whose default rates differ, in one direction if it is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

DIFFERENT = 3.841  # 95% point of chi-squared with one degree of freedom
AGAINST = 1.960  # standard errors of the trend


class Group(NamedTuple):
    """Training rows, and the defaults among them."""

    rows: int
    defaults: int

    @property
    def rate(self) -> float:
        """Share of defaults; 0 without rows."""
        return self.defaults / self.rows if self.rows else 0.0

    def __add__(self, other: object) -> Group:
        """Return both groups together."""
        if not isinstance(other, Group):
            return NotImplemented
        return Group(self.rows + other.rows, self.defaults + other.defaults)


@dataclass(frozen=True)
class Demands:
    """What each bin must hold, and how many there may be."""

    rows: float
    defaults: int
    most: int

    def met(self, group: Group) -> bool:
        """Return True if a bin is large enough."""
        return group.rows >= self.rows and group.defaults >= self.defaults


def merged(groups: Sequence[Group], demands: Demands, *, direction: int = 0) -> list[int]:
    """Return where each bin starts among the groups; neighbours are merged until every demand is met.

    First, with a direction, neighbours whose default rates run against it (pool adjacent violators). Then, one pair at
    a time and always the one whose merging costs the least likelihood: a bin that is too small with a neighbour; any
    two while there are too many bins; and two whose default rates do not differ beyond noise (likelihood ratio, 5%).
    Merging neighbours of a monotone series leaves it monotone.

    Parameters
    ----------
    groups : sequence of Group
        In the order of the values; at least one.
    demands : Demands
    direction : {-1, 0, 1}, default=0
        1 where the default rate must not fall from one bin to the next, -1 where it must not rise.

    References
    ----------
    Kerber (1992), ChiMerge: discretization of numeric attributes. AAAI.
    Ayer et al. (1955), An empirical distribution function for sampling with incomplete information. Annals of
    Mathematical Statistics 26, 641-647.

    Examples
    --------
    >>> rising = [Group(100, 2), Group(100, 3), Group(100, 20), Group(100, 18)]
    >>> merged(rising, Demands(rows=20, defaults=1, most=5), direction=1)
    [0, 2]
    """
    starts, bins = [0], [groups[0]]
    for place, group in enumerate(groups[1:], start=1):
        starts.append(place)
        bins.append(group)
        while len(bins) > 1 and direction * (bins[-1].rate - bins[-2].rate) < 0:
            _merge(starts, bins, len(bins) - 2)
    while len(bins) > 1:
        costs = [loss(left, right) for left, right in pairwise(bins)]
        small = [
            pair
            for pair in range(len(costs))
            if not (demands.met(bins[pair]) and demands.met(bins[pair + 1]))
        ]
        pair = min(small or range(len(costs)), key=costs.__getitem__)
        if not small and len(bins) <= demands.most and costs[pair] >= DIFFERENT:
            break
        _merge(starts, bins, pair)
    return starts


def _merge(starts: list[int], bins: list[Group], pair: int) -> None:
    bins[pair : pair + 2] = [bins[pair] + bins[pair + 1]]
    del starts[pair + 1]


def loss(left: Group, right: Group) -> float:
    """Return the likelihood ratio statistic of two groups: what it costs to give both the same default rate.

    Examples
    --------
    >>> round(loss(Group(100, 10), Group(100, 20)), 2)
    3.99
    """
    return 2 * (_likelihood(left) + _likelihood(right) - _likelihood(left + right))


def _likelihood(group: Group) -> float:
    """Return the log-likelihood of a group at its own default rate."""
    rows, defaults = group
    if defaults in (0, rows):
        return 0.0
    return defaults * math.log(defaults / rows) + (rows - defaults) * math.log(1 - defaults / rows)


def trend(groups: Sequence[Group]) -> float:
    """Return in standard errors how the default rate rises over groups in order (Cochran-Armitage); 0 without a spread.

    References
    ----------
    Armitage (1955), Tests for linear trends in proportions and frequencies. Biometrics 11, 375-386.

    Examples
    --------
    >>> round(trend([Group(100, 20), Group(100, 15), Group(100, 10)]), 2)
    -1.98
    """
    rows, defaults = sum(group.rows for group in groups), sum(group.defaults for group in groups)
    if defaults in (0, rows):
        return 0.0
    rate = defaults / rows
    mean = sum(place * group.rows for place, group in enumerate(groups)) / rows
    covariance = sum((place - mean) * group.defaults for place, group in enumerate(groups))
    spread = sum((place - mean) ** 2 * group.rows for place, group in enumerate(groups))
    return covariance / math.sqrt(rate * (1 - rate) * spread) if spread else 0.0


def is_against(groups: Sequence[Group], direction: int) -> bool:
    """Return True if the default rate moves against a direction beyond noise (5%); never without a direction."""
    return direction * trend(groups) < -AGAINST
