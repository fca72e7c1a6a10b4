"""Neighbours are merged until every bin is large enough, different enough and in the right order."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from models.scorecard.merging import DIFFERENT, Demands, Group, is_against, loss, merged, trend

GROUPS = st.lists(
    st.tuples(st.integers(1, 300), st.floats(0, 1)).map(lambda pair: Group(pair[0], int(pair[0] * pair[1]))),
    min_size=1,
    max_size=20,
)


def bins_of(groups: list[Group], starts: list[int]) -> list[Group]:
    ends = [*starts[1:], len(groups)]
    return [sum(groups[a + 1 : b], groups[a]) for a, b in zip(starts, ends, strict=True)]


@given(GROUPS, st.sampled_from((-1, 0, 1)), st.integers(2, 6))
def test_each_bin_meets_the_demands_and_differs_from_the_next_in_the_direction(groups, direction, most):
    demands = Demands(rows=50, defaults=3, most=most)
    starts = merged(groups, demands, direction=direction)
    bins = bins_of(groups, starts)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert len(bins) <= most
    assert sum(part.rows for part in bins) == sum(group.rows for group in groups)
    if len(bins) > 1:
        assert all(demands.met(part) for part in bins)
        assert min(loss(left, right) for left, right in pairwise(bins)) >= DIFFERENT
    assert all(direction * (right.rate - left.rate) >= 0 for left, right in pairwise(bins))


def test_the_loss_is_the_likelihood_ratio_of_a_table():
    left, right = Group(120, 30), Group(200, 20)
    table = [[part.defaults, part.rows - part.defaults] for part in (left, right)]
    expected = chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    assert loss(left, right) == pytest.approx(expected, rel=1e-12)


def test_the_trend_is_the_correlation_times_the_root_of_the_rows():
    groups = [Group(50, 5), Group(70, 14), Group(30, 12)]
    places = np.repeat([0, 1, 2], [50, 70, 30])
    defaults = np.concatenate([np.arange(group.rows) < group.defaults for group in groups])
    expected = np.corrcoef(places, defaults)[0, 1] * np.sqrt(150)
    assert trend(groups) == pytest.approx(expected, rel=1e-12)


def test_against_is_beyond_noise_and_needs_a_direction():
    falling = [Group(400, 60), Group(400, 40), Group(400, 30)]
    assert is_against(falling, 1)
    assert not is_against(falling, -1)
    assert not is_against(falling, 0)
    assert not is_against([Group(40, 6), Group(40, 5), Group(40, 5)], 1)  # as luck has it
    assert trend([Group(10, 3)]) == trend([Group(10, 0), Group(10, 0)]) == 0.0
