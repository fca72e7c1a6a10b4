"""What goes against a direction is found, and how far; what follows it is not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from models.explaining.direction_check import LISTED, TOLERANCE, Against, check_directions, direction_figures
from models.schema import schema_of
from models.scoring import CalibratedModel


class Written:
    """A classifier whose score is written down, as a function of the frame."""

    def __init__(self, frame, score):
        self.score = score
        self.preparation_ = SimpleNamespace(schema_=schema_of(frame), check=lambda X: None)

    def predict_proba(self, X):
        positive = self.score(X)
        return np.column_stack([1 - positive, positive])


def checked(frame, score, directions):
    """Check a model whose PD is its score."""
    as_it_is = SimpleNamespace(predict=lambda scores: scores)
    model = CalibratedModel(Written(frame, score), as_it_is, None, "nothing")
    return {one.feature: one for one in check_directions(model, frame, directions)}


FRAME = pl.DataFrame(
    {
        "arrears": [float(n) for n in range(100)],
        "age": [float(99 - n) if n % 10 else None for n in range(100)],
        "same": [3.0] * 100,
        "city": ["a", "b"] * 50,
    }
)


def number(frame, name):
    return frame[name].fill_null(0).cast(pl.Float64).to_numpy()


def test_a_model_that_follows_is_against_nothing():
    found = checked(FRAME, lambda X: number(X, "arrears") / 200, {"arrears": 1})
    assert found["arrears"] == Against("arrears", 1, 40, 0, 0.0, pytest.approx(99 / 200))


def test_the_wrong_way_round_is_against_in_every_row_and_as_a_whole():
    found = checked(FRAME, lambda X: number(X, "arrears") / 200, {"arrears": -1})["arrears"]
    assert (found.against, found.rows) == (40, 40)
    assert found.largest == pytest.approx(99 / 200)
    assert found.whole == pytest.approx(-99 / 200)


def test_a_dip_is_found_though_the_whole_is_right():
    def dipping(X):
        arrears = number(X, "arrears")
        return arrears / 200 - 0.1 * ((arrears > 50) & (arrears < 70))

    found = checked(FRAME, dipping, {"arrears": 1})["arrears"]
    assert found.against == 40
    assert 0 < found.largest <= 0.1
    assert found.whole == pytest.approx(99 / 200)


def test_it_depends_on_the_row_whether_a_feature_goes_against():
    """Half of the rows turn it round: an interaction, of which a mean over the rows would show nothing."""
    city = pl.col("city")
    found = checked(
        FRAME,
        lambda X: (
            0.5
            + number(X, "arrears")
            / 400
            * X.select(pl.when(city == "a").then(1).otherwise(-1)).to_series().to_numpy()
        ),
        {"arrears": 1},
    )["arrears"]
    assert 15 <= found.against <= 25
    assert abs(found.whole) < 0.05


def test_noise_below_a_tenth_of_a_percentage_point_counts_for_nothing():
    found = checked(FRAME, lambda X: 0.5 - number(X, "arrears") / 99 * 0.9 * TOLERANCE, {"arrears": 1})
    assert found["arrears"].against == 0
    assert found["arrears"].largest > 0


def test_gaps_are_not_filled_and_what_has_one_value_or_no_order_is_not_asked():
    seen = []

    def score(X):
        seen.append(X["age"].null_count())
        return number(X, "age") / 200

    found = checked(FRAME, score, {"age": -1, "same": 1, "city": 1, "elsewhere": 1})
    assert set(found) == {"age"}
    assert seen == [0]
    assert found["age"].rows == 40


def test_the_figures_list_the_furthest_first():
    checks = [Against(f"f{n}", 1, 40, n > 0, n / 100, -0.1 if n == 3 else 0.1) for n in range(15)]
    figures = direction_figures(checks)
    assert (figures["features"], figures["against"], figures["whole"]) == (15, 14, 1)
    assert [one["feature"] for one in figures["furthest"]] == [f"f{14 - n}" for n in range(LISTED)]
    assert direction_figures(()) == {
        "tolerance": TOLERANCE, "features": 0, "against": 0, "whole": 0, "furthest": [],
    }  # fmt: skip
