"""A PD difference split into parts: hand-made models whose every part is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from models.calibration import Calibrator
from models.errors import ModelError
from models.explaining.change import _differ, across_families, within_class, within_family
from models.explaining.member_sums import explain_sums, linear_sums
from models.master_scale import MasterScale
from models.scoring import CalibratedModel

NAMES = ("debt", "age", "sales")


class Line:
    """A log-odds of three numbers, which explains itself unless it is told not to."""

    def __init__(self, *weights: float, unexplained: str | None = None) -> None:
        self.weights, self.unexplained = np.array(weights), unexplained
        self.feature_names_in_ = np.array(NAMES, dtype=object)
        self.preparation_ = SimpleNamespace(check=lambda frame: frame.select(NAMES))

    def predict_proba(self, frame):
        positive = expit(frame.select(NAMES).to_numpy() @ self.weights - 1.0)
        return np.column_stack([1 - positive, positive])

    def explain(self, frame, calibrator):
        rows = frame.select(NAMES).to_numpy()
        sums = linear_sums(self.weights, -1.0, np.zeros(3), rows)
        return explain_sums(sums, self.predict_proba(frame)[:, 1], calibrator, sources=NAMES)


def model(line: Line, slope: float = 1.0, intercept: float = -0.5) -> CalibratedModel:
    calibrator = Calibrator()
    calibrator.slope_low_ = calibrator.slope_high_ = slope
    calibrator.intercept_ = intercept
    return CalibratedModel(line, calibrator, MasterScale(), "by hand")


def pd_of(one: CalibratedModel, frame: pl.DataFrame) -> np.ndarray:
    return one.calibrator.predict(one.classifier.predict_proba(frame)[:, 1])


def frame(seed: int, rows: int = 40) -> pl.DataFrame:
    values = np.random.default_rng(seed).normal(size=(rows, 3))
    ids = pl.Series("enterprise_id", [f"e{row:02d}" for row in range(rows)])
    return pl.DataFrame(values, schema=list(NAMES)).with_columns(ids)


THEN, NOW = frame(1), frame(2)
OLD, NEW = Line(0.8, -0.5, 0.2), Line(0.6, -0.9, 0.3)


def sums(rows: pl.DataFrame, part: str) -> np.ndarray:
    """What a part adds to each borrower, in order, 0 where it has no row."""
    own = rows.filter(part=part).group_by("enterprise_id").agg(pl.col("change").sum())
    return (
        THEN.select("enterprise_id")
        .join(own, on="enterprise_id", how="left")["change"]
        .fill_null(0)
        .to_numpy()
    )


def whole(rows: pl.DataFrame) -> np.ndarray:
    return (
        rows.group_by("enterprise_id").agg(pl.col("change").sum()).sort("enterprise_id")["change"].to_numpy()
    )


def test_with_one_model_version_all_of_it_is_data_by_feature():
    one = model(OLD)
    now = THEN.with_columns(
        pl.col("debt") + 0.5,
        pl.when(pl.col("enterprise_id") == "e03").then(9.0).otherwise("age").alias("age"),
    )
    moved = within_family(one, one, THEN, now, top=2)
    np.testing.assert_allclose(moved.pd_before, pd_of(one, THEN))
    np.testing.assert_allclose(whole(moved.rows), pd_of(one, now) - pd_of(one, THEN), atol=1e-12)
    assert (sums(moved.rows, "model") == 0).all()
    assert (sums(moved.rows, "calibration") == 0).all()
    assert moved.rows.filter(pl.col("part") != "data")["feature"].null_count() == 80
    data = moved.rows.filter(part="data")
    assert data.filter(enterprise_id="e03")["feature"].to_list()[0] == "age"
    # a raised debt raises every PD, by more than rescaling moves the others
    assert (data.filter(feature="debt", enterprise_id="e07")["change"] > 0).all()


def test_the_weaker_features_are_summed_and_what_did_not_move_has_no_row():
    one = model(OLD)
    moved = within_family(one, one, THEN, NOW, top=1)
    data = moved.rows.filter(part="data")
    assert set(data.group_by("enterprise_id").len()["len"]) == {2}
    assert (data["feature"] == "other").sum() == 40
    np.testing.assert_allclose(whole(moved.rows), moved.pd_now - moved.pd_before, atol=1e-12)
    still = within_family(one, one, THEN, THEN, top=1)
    assert set(still.rows["part"]) == {"model", "calibration"}
    assert (still.rows["change"] == 0).all()


def test_by_feature_is_the_difference_of_all_contributions_not_of_the_strongest():
    one = model(OLD)
    moved = within_family(one, one, THEN, NOW, top=3).rows.filter(part="data")
    then, now = (OLD.explain(night, one.calibrator).contributions for night in (THEN, NOW))
    for place, feature in enumerate(NAMES):
        own = moved.filter(feature=feature).sort("enterprise_id")["change"].to_numpy()
        np.testing.assert_allclose(own, (now - then)[:, place], atol=1e-9)


def test_a_new_calibration_alone_is_calibration():
    before, now = model(OLD), model(OLD, slope=0.7, intercept=0.2)
    moved = within_family(before, now, THEN, THEN, top=3)
    assert moved.rows.filter(part="data").is_empty()
    assert (sums(moved.rows, "model") == 0).all()
    np.testing.assert_allclose(sums(moved.rows, "calibration"), pd_of(now, THEN) - pd_of(before, THEN))


def test_a_new_model_alone_is_model():
    before, now = model(OLD), model(NEW)
    moved = within_family(before, now, THEN, THEN, top=3)
    assert moved.rows.filter(part="data").is_empty()
    assert (sums(moved.rows, "calibration") == 0).all()
    np.testing.assert_allclose(sums(moved.rows, "model"), pd_of(now, THEN) - pd_of(before, THEN))


def test_all_three_follow_their_definitions_and_add_up():
    before, now = model(OLD), model(NEW, slope=0.7, intercept=0.2)
    moved = within_family(before, now, THEN, NOW, top=2)
    mixed = model(NEW)  # raw score of now, calibration of then
    np.testing.assert_allclose(sums(moved.rows, "data"), pd_of(before, NOW) - pd_of(before, THEN), atol=1e-12)
    np.testing.assert_allclose(sums(moved.rows, "model"), pd_of(mixed, NOW) - pd_of(before, NOW), atol=1e-12)
    np.testing.assert_allclose(
        sums(moved.rows, "calibration"), pd_of(now, NOW) - pd_of(mixed, NOW), atol=1e-12
    )
    np.testing.assert_allclose(whole(moved.rows), pd_of(now, NOW) - pd_of(before, THEN), atol=1e-12)


@pytest.mark.parametrize("data_first", [True, False])
def test_another_family_is_split_in_the_order_that_both_can_read(data_first):
    before, now = model(OLD), model(NEW, slope=0.7)
    moved = across_families(before, now, THEN, NOW, data_first=data_first)
    assert set(moved.rows["part"]) == {"coverage_data", "coverage_model"}
    assert moved.rows["feature"].null_count() == moved.rows.height
    reader = before if data_first else now
    np.testing.assert_allclose(
        sums(moved.rows, "coverage_data"), pd_of(reader, NOW) - pd_of(reader, THEN), atol=1e-12
    )
    read = NOW if data_first else THEN
    np.testing.assert_allclose(
        sums(moved.rows, "coverage_model"), pd_of(now, read) - pd_of(before, read), atol=1e-12
    )
    np.testing.assert_allclose(whole(moved.rows), moved.pd_now - moved.pd_before, atol=1e-12)


def test_another_family_of_the_same_class_is_a_change_of_model_beside_the_data():
    before, now = model(OLD), model(NEW, slope=0.7, intercept=0.2)
    moved = within_class(before, now, THEN, NOW, top=2)
    assert set(moved.rows["part"]) == {"data", "model"}
    assert moved.rows.filter(part="data")["feature"].null_count() == 0
    np.testing.assert_allclose(sums(moved.rows, "data"), pd_of(before, NOW) - pd_of(before, THEN), atol=1e-12)
    np.testing.assert_allclose(sums(moved.rows, "model"), pd_of(now, NOW) - pd_of(before, NOW), atol=1e-12)
    np.testing.assert_allclose(whole(moved.rows), moved.pd_now - moved.pd_before, atol=1e-12)
    with pytest.raises(ModelError, match="not of the same borrowers"):
        within_class(before, now, THEN, NOW.reverse(), top=2)


def test_a_model_that_does_not_explain_itself_moves_all_under_other():
    one = model(Line(0.8, -0.5, 0.2, unexplained="no sum"))
    moved = within_family(one, one, THEN, NOW, top=3)
    assert set(moved.rows.filter(part="data")["feature"]) == {"other"}
    np.testing.assert_allclose(sums(moved.rows, "data"), pd_of(one, NOW) - pd_of(one, THEN), atol=1e-12)


def test_a_value_that_comes_or_goes_is_a_move_and_who_did_not_move_is_not_explained(monkeypatch):
    one = model(OLD)
    now = THEN.with_columns(age=pl.when(enterprise_id="e05").then(THEN["age"] + 1).otherwise("age"))
    explained = []
    explain = OLD.explain
    monkeypatch.setattr(
        OLD, "explain", lambda frame, calibrator: explained.append(frame) or explain(frame, calibrator)
    )
    moved = within_family(one, one, THEN, now, top=3)
    assert [frame["enterprise_id"].to_list() for frame in explained] == [["e05"], ["e05"]]
    np.testing.assert_allclose(whole(moved.rows), pd_of(one, now) - pd_of(one, THEN), atol=1e-12)
    gap = THEN.with_columns(age=pl.when(enterprise_id="e05").then(None).otherwise("age"))
    assert _differ(THEN, gap, list(NAMES)).arg_true().to_list() == [5]
    assert not _differ(gap, gap, list(NAMES)).any()


def test_no_borrower_has_no_rows_and_others_are_refused():
    one = model(OLD)
    assert within_family(one, one, THEN.clear(), NOW.clear(), top=3).rows.is_empty()
    with pytest.raises(ModelError, match="not of the same borrowers in the same order"):
        within_family(one, one, THEN, NOW.reverse(), top=3)
    with pytest.raises(ModelError, match="not of the same borrowers"):
        across_families(one, model(NEW), THEN, NOW.head(3), data_first=True)
