"""A watch that adds up the odds of nights cries no more often than it says, and sees a change soon."""

from __future__ import annotations

import numpy as np
import pytest

from models.watching.change import AT_MOST, change, raised_rate, shifted_mean

RNG = np.random.default_rng(93)


def waits(odds: np.ndarray, limit: float) -> np.ndarray:
    """Nights until the sum reaches a limit, for each row of nights; the last night where it never does."""
    sums, first = np.zeros(len(odds)), np.full(len(odds), odds.shape[1])
    for night in range(odds.shape[1]):
        sums = (sums + 1) * np.exp(odds[:, night])
        first = np.where((sums >= limit) & (first == odds.shape[1]), night + 1, first)
    return first


def test_the_sum_is_the_recursion():
    odds = RNG.normal(size=40)
    sums = 0.0
    for night in odds:
        sums = (sums + 1) * np.exp(night)
    assert change(odds).run_length == pytest.approx(sums)


def test_a_sum_beyond_all_bounds_is_cut():
    assert change([500.0, 500.0]).run_length == pytest.approx(AT_MOST)
    assert change([-800.0]).run_length == pytest.approx(0)


def test_the_change_begins_where_the_nights_speak_for_it():
    assert change([1.0, -5.0, 2.0, 1.0]).since == 2
    assert change([-1.0, -1.0]).since == 1


@pytest.mark.parametrize("limit", [20, 90])
def test_nights_without_a_change_reach_the_limit_after_that_many_nights_on_average_or_later(limit):
    """400 records of 60 values a night; cut off, which makes the mean smaller."""
    totals = RNG.normal(size=(400, 20 * limit)) * np.sqrt(60)
    found = waits(shifted_mean(totals, np.full_like(totals, 60), shift=0.1, deviation=1.0), limit)
    assert found.mean() >= limit
    counts = RNG.poisson(0.8, size=(400, 20 * limit))
    found = waits(raised_rate(counts, np.full(counts.shape, 0.8), ratio=2.0, dispersion=1.0), limit)
    assert found.mean() >= limit


def test_counts_that_come_in_heaps_reach_it_no_sooner_once_their_dispersion_is_known():
    """Heaps of four."""
    counts = 4 * RNG.poisson(0.2, size=(400, 1800))
    calm = waits(raised_rate(counts, np.full(counts.shape, 0.8), ratio=2.0, dispersion=4.0), 90)
    taken_as_poisson = waits(raised_rate(counts, np.full(counts.shape, 0.8), ratio=2.0, dispersion=1.0), 90)
    assert calm.mean() >= 90
    assert taken_as_poisson.mean() < 60


def test_half_of_the_shift_never_adds_up():
    nights = np.full(500, 40.0)  # 1,000 values a night, each 0.04 above zero
    assert change(shifted_mean(nights, np.full(500, 1000), shift=0.1, deviation=1.0)).run_length < 2


def test_thirty_defaults_at_twice_the_rate_are_seen():
    """A default every second night for thirty nights, then one a night."""
    calm, doubled = np.tile([1, 0], 30), np.ones(30)
    odds = raised_rate(np.r_[calm, doubled], np.full(90, 0.5), ratio=2.0, dispersion=1.0)
    assert change(odds[:60]).run_length < 20
    assert change(odds).run_length > 90
