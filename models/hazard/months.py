"""Count months after a night in days: month k ends ``k * 1461 // 48`` days after it, month 12 after 365."""

from __future__ import annotations

MONTHS = 60
"""Months of a curve."""


def days_of(month: int) -> int:
    """Return how many days after a night a month ends: a twelfth of a year of 365.25 days each, rounded down.

    Examples
    --------
    >>> [days_of(month) for month in (1, 12, 24, 60)]
    [30, 365, 730, 1826]
    """
    return month * 1461 // 48


def month_of(days: int) -> int:
    """Return the month that ends nearest to a number of days after a night, 1 at least and 60 at most.

    Examples
    --------
    >>> [month_of(days) for days in (10, 90, 365, 730, 3000)]
    [1, 3, 12, 24, 60]
    """
    return min(range(1, MONTHS + 1), key=lambda month: (abs(days_of(month) - days), month))
