"""Reference values are those of ordinary borrowers; the check counts first reasons that hold and those that do not."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from models.calibration import Calibrator
from models.errors import ModelError
from models.examination import figures
from models.explaining.reason_check import check_reasons, reference_values
from models.explanation import Explanation
from models.master_scale import MasterScale
from models.scoring import CalibratedModel
from models.telling import training_card as report

FEATURES = ("debt", "town")


class Handmade:
    """Debt raises the probability, a town of its own does too; what it says of its reasons can be made wrong."""

    unexplained = None

    def __init__(self, *, honest: bool = True):
        self.honest = honest
        self.preparation_ = SimpleNamespace(check=lambda frame: None)

    def predict_proba(self, X: pl.DataFrame) -> np.ndarray:
        p = 0.1 + 0.05 * X["debt"].cast(pl.Float64).to_numpy() + 0.2 * (X["town"] == "far").to_numpy()
        return np.column_stack([1 - p, p])

    def explain(self, X: pl.DataFrame, calibrator: Calibrator) -> Explanation:
        debt = 0.05 * (X["debt"].cast(pl.Float64).to_numpy() - 2.0)
        town = 0.2 * (X["town"] == "far").to_numpy()
        columns = (debt, town) if self.honest else (town, debt)
        return Explanation(0.2, np.column_stack(columns), FEATURES, self.predict_proba(X)[:, 1])


def model(**how: bool) -> CalibratedModel:
    calibrator = Calibrator()
    calibrator.predict = np.asarray
    return CalibratedModel(Handmade(**how), calibrator, MasterScale(), "nothing")


def measured(**found: object) -> SimpleNamespace:
    return SimpleNamespace(
        **{
            "reasons": None,
            "shap_check": None,
            "importance": None,
            "tenths": None,
            "directions": None,
            **found,
        }
    )


FRAME = pl.DataFrame(
    {
        "enterprise_id": ["a", "b", "c", "d", "e"],
        "debt": [1, 2, 3, 6, 1],
        "town": ["near", "near", "near", "near", "far"],
    }
)
LABELS = [0, 0, 0, 1, 1]


def test_reference_values_are_those_of_rows_without_default():
    assert reference_values(FRAME, LABELS, FEATURES) == {"debt": 2.0, "town": "near"}
    odd = pl.DataFrame({"none": [None, None, 4.0], "flag": [True, False, None], "gap": [np.nan, 5.0, 7.0]})
    assert reference_values(odd, [0, 0, 1], odd.columns) == {"none": None, "flag": False, "gap": 5.0}


def test_first_reasons_that_hold_pass_and_rows_without_one_are_not_counted():
    checked = check_reasons(model(), FRAME, LABELS)
    # a and b have no feature that raises; c and d debt, e the town
    assert (checked.rows, checked.raised, checked.passed) == (5, 3, 3)
    assert checked.share.mean == 1.0
    # Wilson's lower bound of 3 in 3 is n / (n + z^2)
    assert checked.share.low == pytest.approx(3 / (3 + 1.959964**2), abs=1e-6)
    assert checked.share.high == pytest.approx(1.0)
    assert checked.references == {"debt": 2.0, "town": "near"}


def test_a_family_that_names_the_wrong_feature_fails():
    checked = check_reasons(model(honest=False), FRAME, LABELS)
    assert checked.raised == 3
    # c and d blame the town, which is ordinary already; e blames its debt, which is below the ordinary
    assert checked.passed == 0
    assert checked.share.mean == 0.0


def test_a_large_frame_is_sampled_evenly_and_always_alike():
    many = pl.concat([FRAME] * 400)
    first, again = (check_reasons(model(), many, LABELS * 400, rows=50) for _ in range(2))
    assert first == again
    assert first.rows == 50


def test_nothing_to_check_has_no_share():
    calm = FRAME.filter(pl.col("enterprise_id").is_in(["a", "b"]))
    assert check_reasons(model(), calm, [0, 0]).share is None


def test_a_family_that_does_not_explain_itself_is_refused():
    silent = CalibratedModel(SimpleNamespace(unexplained="no sum"), Calibrator(), MasterScale(), "nothing")
    with pytest.raises(ModelError, match="does not explain itself: no sum"):
        check_reasons(silent, FRAME, LABELS)


def test_the_card_tells_the_rate_and_says_nothing_where_nothing_was_checked():
    told = SimpleNamespace(reasons=check_reasons(model(), FRAME, LABELS))
    (line,) = report._reasons(told)
    assert "of 3 sampled training rows with a feature that raises the PD" in line
    assert "lowers the PD in 3: 1.000 (0.439 to 1.000), Wilson interval" in line
    assert report._reasons(SimpleNamespace(reasons=None)) == []
    calm = check_reasons(model(), FRAME.head(2), [0, 0])
    assert report._reasons(SimpleNamespace(reasons=calm)) == [
        "Reasons: in none of 2 sampled training rows does a feature raise the PD."
    ]


def test_the_registry_gets_the_rate_and_the_reference_values_as_json():
    stored = figures(measured(reasons=check_reasons(model(), FRAME, LABELS)))
    assert json.loads(json.dumps(stored))["reason_check"]["passed"] == 3
    assert stored["reason_check"]["share"]["low"] == pytest.approx(0.4385, abs=1e-4)
    assert stored["reference_values"] == {"debt": 2.0, "town": "near"}
    assert figures(measured()) == {}
