"""A scorecard adds up, keeps to its directions, says why a column is not on it, and refuses in one line."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from borrowers import GROUPS, Borrowers, make_borrowers

from models.calibration import Calibrator
from models.errors import NoFeaturesError, TooFewRowsError
from models.master_scale import MasterScale
from models.metrics import auc
from models.scorecard.card import card_lines, card_rows, importance
from models.scorecard.classifier import ScorecardClassifier
from models.scorecard.points import Scale
from models.scorecard.settings import ScorecardSettings
from models.scoring import CalibratedModel

DIRECTIONS = {"days_overdue_max": 1, "tx_gap_std_365d": 1, "evaluation_grade": -1, "tx_count_365d": -1}


@pytest.fixture(scope="module")
def borrowers() -> Borrowers:
    return make_borrowers(1500)


@pytest.fixture(scope="module")
def model(borrowers: Borrowers) -> ScorecardClassifier:
    return ScorecardClassifier(groups=GROUPS, directions=DIRECTIONS).fit(borrowers.frame, borrowers.labels)


def fit(frame: pl.DataFrame, labels: np.ndarray, **changed: object) -> ScorecardClassifier:
    directions = changed.pop("directions", None)
    return ScorecardClassifier(settings=ScorecardSettings(**changed), directions=directions).fit(
        frame, labels
    )


def test_it_ranks_nearly_as_well_as_the_truth(model):
    new = make_borrowers(1500, seed=9)
    assert auc(new.labels, model.predict_proba(new.frame)[:, 1]) > auc(new.labels, new.pd) - 0.05


def test_a_total_is_the_sum_of_whole_points_and_the_probability_follows_from_it(model, borrowers):
    points, totals = model.points(borrowers.frame), model.totals(borrowers.frame)
    assert points.dtype == totals.dtype == np.int64
    assert (totals == model.card_.base + points.sum(axis=1)).all()
    odds = 50.0 * 2.0 ** ((totals - 600) / 20)
    assert model.predict_proba(borrowers.frame)[:, 1] == pytest.approx(1 / (1 + odds), abs=1e-15)


def test_rounding_moves_no_total_by_more_than_half_a_point_a_feature(model, borrowers):
    features, fitted = model.preparation_.features, model.card_.weights
    exact = model.scale.factor * sum(
        weight * (feature.evidence(feature.code(borrowers.frame[feature.name])) - feature.mean)
        for feature, weight in zip(features, fitted, strict=True)
    )
    assert np.abs(model.points(borrowers.frame).sum(axis=1) - exact).max() <= len(features) / 2


def test_average_points_are_nearly_zero_and_more_points_are_fewer_defaults(model, borrowers):
    assert np.abs(model.points(borrowers.frame).mean(axis=0)).max() < 0.5
    for feature, points in zip(model.preparation_.features, model.card_.points, strict=True):
        order = np.argsort([part.evidence for part in feature.bins], kind="stable")
        assert (np.diff(np.array(points)[order]) >= 0).all()


def test_default_rates_follow_the_directions(model):
    named = {feature.name: feature for feature in model.preparation_.features}
    assert set(DIRECTIONS) & set(named)
    for name in set(DIRECTIONS) & set(named):
        rates = [part.defaults / part.rows for part in named[name].bins if part.kind == "interval"]
        assert rates == sorted(rates, reverse=DIRECTIONS[name] < 0)


def test_the_rows_of_the_table_are_the_model(model, borrowers):
    calibrator = Calibrator().fit(model.predict_proba(borrowers.frame)[:, 1], borrowers.labels)
    rows = card_rows(CalibratedModel(model, calibrator, MasterScale(), "the same rows"))
    assert rows["feature"].unique(maintain_order=True).to_list() == model.feature_names_in_.tolist()
    assert rows.group_by("feature").agg(pl.col("borrowers").sum())["borrowers"].unique().to_list() == [1500]
    assert rows.filter(feature="days_overdue_max")["direction"].unique().to_list() == [1]
    evidence, count = pl.col("weight_of_evidence"), pl.col("borrowers")
    beyond_mean = evidence - ((evidence * count).sum() / count.sum()).over("feature")
    exact = pl.col("points_to_double") / math.log(2) * pl.col("weight") * beyond_mean
    points = rows.select("points", exact.alias("exact"))
    assert (points["exact"] - points["points"]).abs().max() <= 0.5 + 1e-9


def test_reasons_are_the_points_seen_through_the_curve_to_the_pd(model, borrowers):
    calibrator = Calibrator().fit(model.predict_proba(borrowers.frame)[:, 1], borrowers.labels)
    frame = borrowers.frame[:50]
    explained, points = model.explain(frame, calibrator), model.points(frame)
    base = calibrator.predict(model.scale.probability(np.array([model.card_.base])))
    assert explained.base_value == pytest.approx(float(base[0]), abs=1e-12)
    for row in range(50):
        slopes = explained.contributions[row][points[row] != 0] / points[row][points[row] != 0]
        assert slopes.max() < 0
        assert slopes == pytest.approx(slopes[0], rel=1e-9)


def test_the_card_says_why_a_column_is_not_on_it(borrowers):
    frame = borrowers.frame.with_columns(
        pl.lit(None, dtype=pl.Float64).alias("nothing"),
        pl.lit(math.nan).alias("no_number"),
        pl.lit(1).alias("constant"),
        pl.Series("noise", np.random.default_rng(3).normal(size=1500)),
        pl.col("tx_count_365d").alias("twin"),
    )
    model = fit(frame, borrowers.labels, directions={"evaluation_grade": 1})
    assert model.left_out_["nothing"] == "nothing delivered"
    assert model.left_out_["constant"] == "constant"
    assert model.left_out_["no_number"] in ("constant", "one bin: its values do not tell borrowers apart")
    assert model.left_out_["noise"].startswith(("one bin", "information value below"))
    assert "run against the direction" in model.left_out_["evaluation_grade"]
    assert {"twin", "tx_count_365d"} & set(model.left_out_)
    assert not {"twin", "tx_count_365d"} <= set(model.left_out_)
    assert not set(model.left_out_) & set(model.feature_names_in_)


def test_a_direction_that_the_rows_contradict_only_by_luck_flattens_the_feature(borrowers):
    shuffled = borrowers.frame.with_columns(late=pl.Series(np.random.default_rng(1).random(1500)))
    for direction in (1, -1):
        assert fit(shuffled, borrowers.labels, directions={"late": direction}).left_out_["late"]


def test_no_more_features_than_asked_for(borrowers):
    assert fit(borrowers.frame, borrowers.labels, most_features=2).n_features_in_ <= 2


def test_what_tells_nothing_is_refused_in_one_line():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"noise": rng.permutation(np.repeat([0.0, 1.0], 200))})
    with pytest.raises(
        NoFeaturesError, match="tells defaults from others in 400 training rows; deliver"
    ) as refusal:
        fit(frame, (np.arange(400) % 4 == 0).astype(np.int64))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("defaults", [0, 3, 300])
def test_three_defaults_and_one_class_are_refused_in_one_line(borrowers, defaults):
    labels = (np.arange(300) < defaults).astype(np.int64)
    with pytest.raises(TooFewRowsError, match=f"^{defaults} defaults among 300 labelled rows; at least 30"):
        fit(borrowers.frame[:300], labels)


def test_a_level_that_training_did_not_show_gets_the_points_of_any_other(model, borrowers):
    place = model.feature_names_in_.tolist().index("city")
    frame = borrowers.frame[:3].with_columns(city=pl.Series(["atlantis", None, "north"]))
    other, missing = (
        points
        for part, points in zip(
            model.preparation_.features[place].bins, model.card_.points[place], strict=True
        )
        if part.kind in ("other", "missing")
    )
    assert model.points(frame)[:2, place].tolist() == [other, missing]
    assert model.unseen_counts(frame)["city"] == 1


def test_the_scale_doubles_the_odds():
    scale = Scale(40, 500, 20.0)
    raw = scale.probability(np.array([500, 540]))
    assert (1 - raw) / raw == pytest.approx([20.0, 40.0])
    assert scale.points(math.log(40.0)) == pytest.approx(540.0)
    assert scale.log_odds(np.array([540])) == pytest.approx([-math.log(40.0)])


def test_a_cross_section_takes_the_known_history_alone():
    settings = ScorecardSettings()
    assert settings.adapted(rows=100, cross_section=True).windows == ("all",)
    assert settings.adapted(rows=100, cross_section=False) is settings
    named = ScorecardSettings(windows=("90d",))
    assert named.adapted(rows=100, cross_section=True) is named


def test_the_card_in_words_has_every_bin(model):
    lines = card_lines(model)
    assert sum(line.startswith("| ") for line in lines) == 1 + sum(
        len(feature.bins) for feature in model.preparation_.features
    )
    shares = importance(model, pl.DataFrame()).shares
    assert sum(shares.values()) == pytest.approx(1.0)
