"""Operational risk says why: contributions of each learner add up to the published PD, an SVM says that it cannot."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from labelled_frames import make_portfolio, quick

from models import artefact
from models.calibration import Calibrator
from models.errors import ModelError
from models.explaining.member_trees import member_trees
from models.master_scale import MasterScale
from models.operational_risk.classifier import OperationalRiskClassifier
from models.operational_risk.importance import feature_importance, shap_check
from models.scoring import CalibratedModel, contributions, explain, score

EXPLAINED = ("xgboost", "random_forest", "logistic_regression")


def fitted(learner: str, **changes: object) -> CalibratedModel:
    portfolio = make_portfolio()
    classifier = OperationalRiskClassifier(settings=quick(learner, **changes), groups=portfolio.groups)
    classifier.fit(portfolio.frame, portfolio.labels)
    unseen = make_portfolio(seed=1)
    raw = classifier.predict_proba(unseen.frame)[:, 1]
    return CalibratedModel(classifier, Calibrator().fit(raw, unseen.labels), MasterScale(), "other rows")


@pytest.fixture(scope="module", params=EXPLAINED)
def model(request) -> CalibratedModel:
    return fitted(request.param)


def test_each_row_adds_up_to_the_published_pd(model):
    frame = make_portfolio(300, seed=2).frame
    told, pd = explain(model, frame), score(model, frame)["pd"].to_numpy()
    np.testing.assert_allclose(told.base_value + told.contributions.sum(axis=1), pd, atol=1e-9)
    # columns of one feature (levels, gap marks) are one
    assert sorted(told.features) == sorted(model.classifier.feature_names_in_)
    assert told.decisions == ()
    assert np.std(pd) > 0.05
    rows = contributions(model, frame, top=2).rows
    sums = rows.group_by("enterprise_id", maintain_order=True).agg(pl.col("contribution").sum())
    np.testing.assert_allclose(told.base_value + sums["contribution"].to_numpy(), pd, atol=1e-9)
    assert rows.filter(rank=3)["feature"].unique().to_list() == ["other"]


def test_the_strongest_feature_is_the_one_that_carries_the_signal(model):
    told = explain(model, make_portfolio(300, seed=2).frame)
    size = dict(zip(told.features, np.abs(told.contributions).mean(axis=0), strict=True))
    assert min(size["tx_gap_std_all"], size["supplier_latency_mean_365d"]) > size["tx_sales_all"]


def test_a_stored_model_says_the_same_and_no_row_is_no_row(model, tmp_path):
    frame = make_portfolio(40, seed=2).frame
    path, sha256 = artefact.save(model, tmp_path)
    again = artefact.load(path, sha256=sha256, schema_hash=model.classifier.schema_hash_)
    told, retold = explain(model, frame), explain(again, frame)
    np.testing.assert_array_equal(told.contributions, retold.contributions)
    assert told.base_value == retold.base_value
    assert explain(model, frame.clear()).contributions.shape == (0, 6)


def test_the_linear_split_is_coefficient_times_distance_from_the_mean():
    model = fitted("logistic_regression", oversample=False)
    frame = make_portfolio(50, seed=2).frame
    classifier = model.classifier
    matrix = classifier.preparation_.transform(frame)
    means = classifier.preparation_.transform(make_portfolio().frame).mean(axis=0)
    split = classifier.learner_.coef_[0] * (matrix - means)
    told = explain(model, frame)
    multiplier = told.contributions.sum(axis=1) / split.sum(axis=1)
    for place, feature in enumerate(told.features):
        own = [column for column, one in enumerate(classifier.preparation_.sources_out_) if one == feature]
        wanted = split[:, own].sum(axis=1) * multiplier
        np.testing.assert_allclose(told.contributions[:, place], wanted, rtol=1e-6, atol=1e-12)
    base = classifier.learner_.predict_proba(means[None, :])[:, 1]
    assert told.base_value == pytest.approx(model.calibrator.predict(base)[0])


def test_trees_follow_the_rescale_rule_through_the_calibration():
    model = fitted("random_forest")
    frame = make_portfolio(50, seed=2).frame
    matrix = model.classifier.preparation_.transform(frame)
    trees = member_trees(model.classifier.learner_)
    own = trees.contributions(matrix)
    told, pd = explain(model, frame), score(model, frame)["pd"].to_numpy()
    assert told.base_value == pytest.approx(model.calibrator.predict(np.array([trees.base]))[0])
    multiplier = (pd - told.base_value) / own.sum(axis=1)
    place = told.features.index("tx_gap_std_all")
    column = model.classifier.preparation_.sources_out_.index("tx_gap_std_all")
    np.testing.assert_allclose(
        told.contributions[:, place], own[:, column] * multiplier, rtol=1e-6, atol=1e-9
    )


def test_a_support_vector_machine_does_not_explain_itself_and_says_why():
    model = fitted("svm")
    assert model.classifier.unexplained == (
        "a support vector machine's score is no sum over features; another learner explains itself"
    )
    with pytest.raises(ModelError, match="does not explain itself: a support vector"):
        contributions(model, make_portfolio(5).frame, top=3)
    with pytest.raises(ModelError, match="operational_risk does not explain itself"):
        model.classifier.explain(make_portfolio(5).frame, model.calibrator)


def test_a_support_vector_machine_leans_on_what_carries_the_signal():
    classifier, frame = fitted("svm").classifier, make_portfolio().frame.head(50)
    found = feature_importance(classifier, frame)
    assert "by shap's permutation explainer" in found.how
    assert set(found.shares) == set(classifier.feature_names_in_)
    signal = [found.shares[name] for name in ("tx_gap_std_all", "supplier_latency_mean_365d")]
    assert min(signal) > max(found.shares["tx_sales_all"], found.shares["supplier_latency_std_365d"])
    assert shap_check(classifier, frame) is None


def test_a_logistic_regression_of_an_earlier_version_is_not_explained_by_a_guess():
    model = fitted("logistic_regression")
    model.classifier.means_ = None
    assert model.classifier.unexplained.endswith("train it again")
    trees = fitted("xgboost")
    trees.classifier.means_ = None
    assert trees.classifier.unexplained is None
