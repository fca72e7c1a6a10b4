"""Count calendar months, days and seconds as numbers, and move times to working days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from sources.simulated_world import EPOCH, Floats, Ints, epoch_day

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Month:
    """A calendar month: `number` is year * 12 + month - 1, `first` its first day since 1970-01-01."""

    number: int
    first: int
    days: int

    @property
    def month_of_year(self) -> int:
        """The month's number in its year, 1 to 12."""
        return self.number % 12 + 1

    @property
    def middle(self) -> float:
        """The middle of the month in days since 1970-01-01."""
        return self.first + self.days / 2


def month_of(day: date) -> Month:
    """Return the calendar month of a day."""
    first = day.replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    return Month(first.year * 12 + first.month - 1, epoch_day(first), (after - first).days)


def months_between(first: date, last: date) -> list[Month]:
    """Return all calendar months from that of `first` to that of `last`."""
    months = []
    day = first.replace(day=1)
    while day <= last:
        months.append(month_of(day))
        day = (day + timedelta(days=32)).replace(day=1)
    return months


def day_of(epoch: int) -> date:
    """Return the date of a number of days since 1970-01-01."""
    return EPOCH + timedelta(days=int(epoch))


def to_weekday(day: Ints, *, moves: np.ndarray, month: Month) -> Ints:
    """Move weekend days (where `moves` is true) to the next Monday, or back to Friday at the month's end."""
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    moved = day + 7 - weekday
    moved = np.where(moved >= month.first + month.days, day - (weekday - 4), moved)
    moved = np.maximum(moved, month.first)
    return np.where((weekday >= 5) & moves, moved, day)


def working_second(rng: np.random.Generator, count: int) -> Ints:
    """Draw seconds after midnight, mostly within business hours."""
    hour = np.clip(13.0 + 3.2 * rng.standard_normal(count), 0.0, 23.99)
    return (hour * 3600).astype(np.int64)


def timestamps(seconds: Ints | Floats) -> pl.Series:
    """Return seconds since 1970-01-01 as timestamps without a time zone."""
    return pl.Series(np.asarray(seconds, dtype=np.int64) * 1_000_000).cast(pl.Datetime("us"))


def dates(days: Ints) -> pl.Series:
    """Return days since 1970-01-01 as dates."""
    return pl.Series(np.asarray(days, dtype=np.int32)).cast(pl.Date)


def maybe(series: pl.Series, present: np.ndarray) -> pl.Series:
    """Return the series with null where `present` is false."""
    return pl.select(pl.when(pl.Series(present)).then(series).otherwise(None)).to_series()
