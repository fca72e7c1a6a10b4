"""Splits by borrower, calibration on rows that no other step saw, evaluation out of time, the same every time."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from labelled_frames import make_portfolio, quick

from models import evaluation, training
from models.calibration import Calibrator
from models.errors import TooFewRowsError
from models.examination import examined
from models.fingerprint import fingerprint
from models.metrics import auc, brier
from models.operational_risk.classifier import OperationalRiskClassifier
from models.operational_risk.family import OPERATIONAL_RISK
from models.operational_risk.importance import feature_importance
from models.schema import schema_of
from models.telling import plots
from models.telling import training_card as report


def test_a_borrower_with_several_rows_is_never_on_both_sides():
    borrowers = [f"E{number % 40}" for number in range(120)]
    labels = np.array([number % 40 < 10 for number in range(120)], dtype=np.int64)
    splits = evaluation.repeated_folds(labels, folds=5, repeats=2, random_state=0, borrowers=borrowers)
    assert len(splits) == 10
    for _, _, train, test in splits:
        assert not {borrowers[row] for row in train} & {borrowers[row] for row in test}


def test_every_row_is_tested_once_a_repeat():
    labels = np.r_[np.ones(12, dtype=np.int64), np.zeros(48, dtype=np.int64)]
    splits = evaluation.repeated_folds(labels, folds=5, repeats=3, random_state=0)
    for repeat in range(3):
        tested = np.concatenate([test for number, _, _, test in splits if number == repeat])
        assert sorted(tested.tolist()) == list(range(60))
    with pytest.raises(TooFewRowsError):
        evaluation.repeated_folds(labels, folds=20, repeats=1, random_state=0)


def test_difference_is_paired_and_needs_the_same_rows(portfolio):
    splits = evaluation.repeated_folds(portfolio.labels, folds=4, repeats=1, random_state=0)
    full = OperationalRiskClassifier(settings=quick(), groups=portfolio.groups)
    part = OperationalRiskClassifier(settings=quick(feature_groups=("volume",)), groups=portfolio.groups)
    left = evaluation.cross_validate(full, portfolio.frame, portfolio.labels, splits)
    right = evaluation.cross_validate(part, portfolio.frame, portfolio.labels, splits)
    gap = evaluation.difference(left, right, auc)
    assert gap.mean > 0.1
    assert evaluation.difference(left, left, auc).mean == 0
    with pytest.raises(ValueError, match="same folds"):
        evaluation.difference(left, right[::-1], auc)


def test_few_rows_are_calibrated_out_of_fold(portfolio):
    result = training.train(
        OperationalRiskClassifier(settings=quick(), groups=portfolio.groups),
        portfolio.frame,
        portfolio.labels,
        repeats=2,
    )
    assert result.model.calibrated_on == "out-of-fold scores of 160 rows, 40 defaults, platt, one snapshot"
    assert result.model.classifier.n_samples_ == 160
    assert result.evaluation.protocol == "repeated_cross_validation"
    assert (result.evaluation.folds, result.evaluation.repeats) == (5, 2)
    assert result.evaluation.pd["brier"].mean < result.evaluation.raw["brier"].mean
    unseen = result.evaluation.unseen
    assert unseen.select("row", "repeat").is_unique().all()
    assert unseen.group_by("row").len()["len"].unique().to_list() == [2]
    assert np.array_equal(portfolio.labels[unseen["row"].to_numpy()], unseen["label"].to_numpy())
    assert brier(unseen["label"].to_numpy(), unseen["pd"].to_numpy()) == pytest.approx(
        result.evaluation.pd["brier"].mean, abs=1e-3
    )


def test_few_rows_take_the_longest_windows_unless_some_are_named():
    few, enough = ({"rows": rows, "cross_section": False} for rows in (499, 500))
    assert quick().adapted(**few).windows == ("365d", "all")
    assert quick().adapted(**enough).windows == ()
    assert quick(windows=("90d",)).adapted(**few).windows == ("90d",)
    # outcomes without a date: the last year may hold their consequences
    assert quick().adapted(rows=499, cross_section=True).windows == ("all",)
    assert quick().adapted(rows=500, cross_section=True).windows == ("all",)


def test_a_challenger_is_measured_on_the_same_rows(portfolio):
    estimator = OperationalRiskClassifier(settings=quick(), groups=portfolio.groups)
    plain = OperationalRiskClassifier(settings=quick(oversample=False), groups=portfolio.groups)
    result = training.train(estimator, portfolio.frame, portfolio.labels, repeats=1, challenger=plain)
    assert result.challenger is not None
    assert np.array_equal(result.challenger.labels, result.evaluation.labels)
    # without SMOTE the raw scores keep the prior
    assert result.challenger.scores.mean() < result.evaluation.scores.mean()


def test_many_rows_are_calibrated_on_rows_that_the_classifier_did_not_see():
    big = make_portfolio(1200, rate=0.25, seed=2)
    result = training.train(
        OperationalRiskClassifier(settings=quick(), groups=big.groups), big.frame, big.labels
    )
    assert result.model.calibrated_on == "240 rows held out, 60 defaults, platt, one snapshot"
    assert result.model.classifier.n_samples_ == 960
    pd = result.model.calibrator.predict(result.model.classifier.predict_proba(big.frame)[:, 1])
    assert abs(pd.mean() - 0.25) < 0.04


def test_a_later_snapshot_measures_and_no_row_of_it_is_trained_on(portfolio):
    later = make_portfolio(160, seed=11)
    frame = pl.concat([portfolio.frame, later.frame])
    labels = np.r_[portfolio.labels, later.labels]
    days = [date(2024, 6, 30)] * 160 + [date(2025, 6, 30)] * 160
    names = frame["enterprise_id"].to_list()
    estimator = OperationalRiskClassifier(settings=quick(), groups=portfolio.groups)
    kwargs = {
        "borrowers": names,
        "snapshots": days,
        "repeats": 1,
    }
    result = training.train(estimator, frame, labels, **kwargs)
    assert result.evaluation.protocol == "out_of_time"
    assert result.evaluation.rows == 160
    assert result.evaluation.unseen["row"].to_list() == list(range(160, 320))
    assert result.model.calibrated_on == "out-of-time scores of 160 rows of 2025-06-30, 40 defaults, platt"
    assert result.model.classifier.n_samples_ == 160
    # what is measured is what scores, and its map is that of its own scores on the later rows
    said = result.model.classifier.predict_proba(later.frame)[:, 1]
    assert np.array_equal(result.evaluation.scores, said)
    again = Calibrator(method="platt").fit(result.evaluation.scores, later.labels)
    assert vars(result.model.calibrator) == vars(again)
    assert again.predict(result.evaluation.scores).mean() == pytest.approx(later.labels.mean(), abs=1e-6)
    # PDs are measured cross-fitted: near those of the whole map, but not the same
    pd = result.evaluation.unseen["pd"].to_numpy()
    gap = np.abs(pd - result.model.calibrator.predict(said))
    assert 0 < gap.max() < 0.1
    # the later labels turned round change the measure, not the model that is measured
    turned = training.train(estimator, frame, np.r_[portfolio.labels, 1 - later.labels], **kwargs)
    assert np.array_equal(turned.evaluation.scores, result.evaluation.scores)
    assert turned.evaluation.raw["auc"].mean == pytest.approx(1 - result.evaluation.raw["auc"].mean)


def test_a_later_snapshot_with_too_few_defaults_to_calibrate_on_is_refused(portfolio):
    later = make_portfolio(160, rate=0.05, seed=11)
    with pytest.raises(TooFewRowsError, match="8"):
        training.train(
            OperationalRiskClassifier(settings=quick(), groups=portfolio.groups),
            pl.concat([portfolio.frame, later.frame]),
            np.r_[portfolio.labels, later.labels],
            snapshots=[date(2024, 6, 30)] * 160 + [date(2025, 6, 30)] * 160,
            repeats=1,
        )


def test_the_same_rows_give_the_same_model_and_fingerprint(portfolio):
    first, second = (
        training.train(
            OperationalRiskClassifier(settings=quick("xgboost"), groups=portfolio.groups),
            portfolio.frame,
            portfolio.labels,
            repeats=1,
        )
        for _ in range(2)
    )
    assert first.evaluation.raw == second.evaluation.raw
    schema = schema_of(portfolio.frame)
    mark = fingerprint(portfolio.frame, portfolio.labels, schema=schema)
    assert mark == fingerprint(portfolio.frame.clone(), portfolio.labels.copy(), schema=schema)
    assert mark != fingerprint(portfolio.frame, 1 - portfolio.labels, schema=schema)
    other = portfolio.frame.with_columns(pl.col("tx_sales_all") + 1e-6)
    assert mark != fingerprint(other, portfolio.labels, schema=schema)


def test_importance_adds_up_and_finds_the_signal(fitted, portfolio):
    importance = feature_importance(fitted, portfolio.frame.head(0))  # trees need no rows
    assert importance.how == "splits"
    assert sum(importance.shares.values()) == pytest.approx(1.0)
    assert next(iter(importance.shares)) in {"tx_gap_std_all", "supplier_latency_mean_365d"}


def test_card_lines_and_pictures_tell_the_figures(portfolio):
    result = training.train(
        OperationalRiskClassifier(settings=quick("xgboost"), groups=portfolio.groups),
        portfolio.frame,
        portfolio.labels,
        repeats=1,
    )
    assert "importance" not in report.pictures(result)
    result = examined(result, OPERATIONAL_RISK, portfolio.frame, portfolio.labels, {})
    card = report.card(result, OPERATIONAL_RISK, title="small")
    assert f"| {next(iter(result.importance.shares))} | " in card
    assert "Importance (splits) by group: " in card
    assert "held to shap's own code on 50 training rows: the largest difference is " in card
    assert f"| AUC | {result.evaluation.raw['auc'].mean:.3f} (" in card
    assert "Left out, nothing delivered: 1 columns." in card or "left out" in card.lower()
    assert "out-of-fold" in report.lines(result)[1]
    pictures = report.pictures(result)
    assert set(pictures) == {"roc", "reliability", "importance"}
    assert all(uri.startswith("data:image/png;base64,") for uri in pictures.values())


def test_charts_draw_offline(fitted, portfolio):
    scores = fitted.predict_proba(portfolio.frame)[:, 1]
    chart = plots.roc({"XGBoost": (portfolio.labels, scores)})
    assert plots.svg(chart).startswith("<svg")
    assert plots.png(chart)[:4] == b"\x89PNG"
    rows = pl.DataFrame({"grade": ["A1", "B1"], "enterprises": [3, 4], "mean_pd": [0.001, 0.015]})
    assert "A1" in plots.svg(plots.grades(rows, title="t"))
    assert plots.svg(plots.importance(feature_importance(fitted, portfolio.frame).shares)).startswith("<svg")


def test_roc_points_integrate_to_the_auc():
    rng = np.random.default_rng(0)
    labels = (rng.random(500) < 0.3).astype(np.int64)
    scores = np.round(rng.normal(labels), 1)
    false, true = plots.roc_points(labels, scores, points=10_000)
    assert np.trapezoid(true, false) == pytest.approx(auc(labels, scores))
