"""A curve never falls, stays inside (0, 1), and is the calibrated PD in the month of its horizon, to the bit."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import PD_EDGE
from models.hazard.curve import cumulative, curves
from models.hazard.model import HazardModel, HazardSettings
from models.hazard.months import MONTHS, days_of, month_of

hazards = st.lists(st.floats(-25, 3), min_size=MONTHS, max_size=MONTHS)


@given(pd=st.floats(PD_EDGE, 1 - PD_EDGE), told=hazards, month=st.integers(1, MONTHS))
def test_whatever_the_hazards(pd, told, month):
    (curve,) = cumulative(np.array([pd]), np.array([told]), month=month)
    assert curve[month - 1] == pd
    assert (np.diff(curve) >= 0).all()
    assert curve[0] >= 0
    assert curve[-1] < 1


def test_all_hazards_of_a_borrower_are_multiplied_by_one_number():
    told = np.log(np.linspace(0.01, 0.03, MONTHS))
    (curve,) = cumulative(np.array([0.25]), told[None, :], month=12)
    hazard = -np.diff(np.log1p(-curve), prepend=0.0)
    np.testing.assert_allclose(hazard / np.exp(told), np.full(MONTHS, hazard[0] / np.exp(told[0])), rtol=1e-9)


def test_the_same_rows_in_any_part_give_the_same_bits():
    rng = np.random.default_rng(0)
    panel = pl.DataFrame(
        {
            "risk": rng.normal(-2, 1, 4000),
            "month": np.arange(4000) % 20 + 1,
            "event": rng.random(4000) < 0.03,
        }
    )
    model = HazardModel(HazardSettings()).fit(panel)
    frame = pl.DataFrame({"enterprise_id": [f"e{n}" for n in range(997)], "pd": rng.uniform(0.001, 0.9, 997)})
    parts = [curves(frame[start : start + 13], model, month=12) for start in range(0, 997, 13)]
    whole = curves(frame, model, month=12)
    assert whole.equals(pl.concat(parts))
    assert whole["cumulative_pd"].list.get(11).equals(frame["pd"], check_names=False)
    assert whole["shape"].unique().to_list() == ["learnt"]


def test_without_a_model_every_month_has_the_same_hazard_and_says_so():
    (row,) = curves(pl.DataFrame({"enterprise_id": ["a"], "pd": [0.19]}), None, month=24).rows(named=True)
    assert row["shape"] == "constant"
    np.testing.assert_allclose(row["cumulative_pd"][11], 0.1)
    assert row["cumulative_pd"][23] == 0.19


def test_no_rows_give_no_curves():
    empty = pl.DataFrame(schema={"enterprise_id": pl.String, "pd": pl.Float64})
    assert curves(empty, None, month=12).schema["cumulative_pd"] == pl.List(pl.Float64)


def test_months_end_on_the_days_of_years():
    assert [days_of(12 * year) for year in range(1, 6)] == [365, 730, 1095, 1461, 1826]
    assert [month_of(days) for days in (1, 90, 365, 366, 1095, 3650)] == [1, 3, 12, 12, 36, 60]
