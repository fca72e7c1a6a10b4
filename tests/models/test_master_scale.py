"""Every PD has exactly one grade; grades and points never rise with the PD; points follow the published formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.master_scale import MasterScale, MasterScaleSettings

SCALE = MasterScale()
PD = st.floats(min_value=1e-9, max_value=1 - 1e-9)


@given(PD)
def test_exactly_one_grade(pd):
    grade = SCALE.grade(np.array([pd]))[0]
    bounds = (0.0, *SCALE.settings.bounds, 1.0)
    holding = [
        name
        for name, low, high in zip(SCALE.settings.grades, bounds[:-1], bounds[1:], strict=True)
        if low <= pd < high
    ]
    assert holding == [grade]


@given(PD, PD)
def test_monotone(one, other):
    low, high = sorted((one, other))
    place = SCALE.settings.grades.index
    grades = SCALE.grade(np.array([low, high]))
    points = SCALE.score_points(np.array([low, high]))
    assert place(grades[0]) <= place(grades[1])
    assert points[0] >= points[1]


def test_published_factor_and_offset():
    """Siddiqi (2006), chapter 6: 600 points at 50 to 1, 20 points to double the odds."""
    assert SCALE.factor == pytest.approx(28.8539, abs=5e-5)
    assert SCALE.offset == pytest.approx(487.123, abs=5e-4)


@given(PD)
def test_points_are_offset_plus_factor_times_log_odds(pd):
    expected = SCALE.offset + SCALE.factor * np.log((1 - pd) / pd)
    assert SCALE.score_points(np.array([pd]))[0] == pytest.approx(expected, abs=1e-6)


def test_doubling_the_odds_adds_the_points():
    points = SCALE.score_points(np.array([1 / 51, 1 / 101, 1 / 201]))
    assert points == pytest.approx([600.0, 620.0, 640.0])


@pytest.mark.parametrize("pd", [0.0, 1.0, -0.1, 1.1, np.nan])
def test_what_is_no_pd_is_refused(pd):
    with pytest.raises(ValueError, match="strictly between"):
        SCALE.grade(np.array([0.5, pd]))
    with pytest.raises(ValueError, match="strictly between"):
        SCALE.score_points(np.array([pd]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"bounds": (0.1, 0.05), "grades": ("A", "B", "C")},
        {"bounds": (0.1, 1.0), "grades": ("A", "B", "C")},
        {"bounds": (0.1,), "grades": ("A",)},
        {"bounds": (0.1,), "grades": ("A", "A")},
        {"points_to_double": 0},
    ],
)
def test_settings_refuse_what_is_no_scale(wrong):
    with pytest.raises(ValidationError):
        MasterScaleSettings(**wrong)
