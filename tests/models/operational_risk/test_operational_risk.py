"""The estimator: scikit-learn manners, what enters, what is refused, and no test row in any training step."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from labelled_frames import make_portfolio, quick
from pydantic import ValidationError
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from models.errors import NoFeaturesError, SchemaMismatchError, TooFewRowsError
from models.evaluation import cross_validate, repeated_folds
from models.feature_groups import OPERATIONAL_GROUPS
from models.operational_risk import oversampling
from models.operational_risk.classifier import OperationalRiskClassifier
from models.operational_risk.settings import OperationalRiskSettings
from models.runner import threads
from models.scoring import score
from models.training import train

LEARNERS = ("xgboost", "logistic_regression", "svm", "random_forest")


def test_params_and_clone(portfolio):
    model = OperationalRiskClassifier(settings=quick(), groups=portfolio.groups, runner=threads(2))
    assert set(model.get_params()) == {"settings", "groups", "runner"}
    copied = clone(model)
    assert copied is not model
    assert copied.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        model.predict_proba(portfolio.frame)


@pytest.mark.parametrize("learner", LEARNERS)
def test_each_learner_fits_and_ranks(portfolio, learner):
    model = OperationalRiskClassifier(settings=quick(learner), groups=portfolio.groups)
    model.fit(portfolio.frame, portfolio.labels)
    chances = model.predict_proba(portfolio.frame)
    assert chances.shape == (portfolio.frame.height, 2)
    assert np.allclose(chances.sum(axis=1), 1.0)
    bad = portfolio.labels == 1
    assert chances[bad, 1].mean() > chances[~bad, 1].mean() + 0.1
    assert set(model.predict(portfolio.frame)) <= {0, 1}
    assert model.classes_.tolist() == [0, 1]


def test_says_what_it_was_trained_on(fitted, portfolio):
    assert fitted.feature_names_in_.tolist() == [
        "tx_gap_std_all",
        "supplier_latency_mean_365d",
        "supplier_latency_std_365d",
        "tx_sales_all",
        "late_payer",
        "channel",
    ]
    assert fitted.groups_ == ("consistency", "latency", "behaviour", "volume")
    assert fitted.left_out_ == {"login_count_90d": "nothing delivered", "constant_all": "constant"}
    assert fitted.base_rate_ == portfolio.labels.mean()
    assert len(fitted.schema_hash_) == 64


def test_opinions_keys_and_sensitive_fields_never_enter_by_default(fitted):
    assert not {"opinion", "sensitive", "key", "ledger", "legal", "profile", "label"} & set(
        OPERATIONAL_GROUPS
    )
    assert "rating" not in fitted.feature_names_in_


def test_windows_restrict_what_enters(portfolio):
    model = OperationalRiskClassifier(settings=quick(windows=("all",)), groups=portfolio.groups)
    model.fit(portfolio.frame, portfolio.labels)
    assert model.feature_names_in_.tolist() == ["tx_gap_std_all", "tx_sales_all", "late_payer", "channel"]


def test_column_order_and_extra_columns_do_not_matter(fitted, portfolio):
    shuffled = portfolio.frame.select(sorted(portfolio.frame.columns, reverse=True)).with_columns(
        more=pl.lit(1)
    )
    assert np.array_equal(fitted.predict_proba(shuffled), fitted.predict_proba(portfolio.frame))


def test_a_missing_or_retyped_feature_is_refused_by_name(fitted, portfolio):
    with pytest.raises(SchemaMismatchError, match="tx_sales_all"):
        fitted.predict_proba(portfolio.frame.drop("tx_sales_all"))
    with pytest.raises(SchemaMismatchError, match=r"tx_sales_all \(number expected, String found\)"):
        fitted.predict_proba(portfolio.frame.with_columns(pl.col("tx_sales_all").cast(pl.String)))


def test_a_night_without_any_value_of_a_feature_still_scores(fitted, portfolio):
    night = portfolio.frame.with_columns(tx_gap_std_all=pl.lit(None), channel=pl.lit(None))
    assert np.isfinite(fitted.predict_proba(night)).all()


def test_unseen_levels_are_counted_and_score_as_unknown(fitted, portfolio):
    night = portfolio.frame.with_columns(channel=pl.lit("by mail"))
    assert fitted.unseen_counts(night) == {"late_payer": 0, "channel": portfolio.frame.height}
    unknown = portfolio.frame.with_columns(channel=pl.lit(None, dtype=pl.String))
    assert np.array_equal(fitted.predict_proba(night), fitted.predict_proba(unknown))
    assert fitted.unseen_counts(unknown)["channel"] == 0


def test_scoring_learns_nothing(fitted, portfolio):
    before = fitted.predict_proba(portfolio.frame[:10])
    fitted.predict_proba(portfolio.frame.with_columns(pl.col("tx_sales_all") * 1e6))
    assert np.array_equal(before, fitted.predict_proba(portfolio.frame[:10]))
    together = fitted.predict_proba(portfolio.frame)
    assert np.allclose(before, together[:10], atol=1e-7)


def test_no_test_row_reaches_smote(portfolio, monkeypatch):
    """Each row carries its number in a feature; SMOTE must never be handed a number of the test part."""
    marked = portfolio.frame.with_columns(tx_gap_std_all=pl.int_range(pl.len()).cast(pl.Float64))
    seen: list[set[int]] = []
    plain = oversampling.SnappedSmote.fit_resample
    limits: dict[str, np.ndarray] = {}

    def spy(self, X, y):
        seen.append({round(value, 6) for value in X[:, 0]})
        return plain(self, X, y)

    monkeypatch.setattr(oversampling.SnappedSmote, "fit_resample", spy)
    splits = repeated_folds(portfolio.labels, folds=4, repeats=1, random_state=3)
    settings = quick(skew_limit=None)
    model = OperationalRiskClassifier(settings=settings, groups=portfolio.groups)
    for split in splits:
        seen.clear()
        cross_validate(model, marked, portfolio.labels, (split,))
        train_rows = split[2]
        limits["range"] = train_rows.max() - train_rows.min()
        scaled = {round((row - train_rows.min()) / limits["range"], 6) for row in train_rows}
        # five inner fits and the refit, each on training rows only; the inner ones scale by their own range
        assert len(seen) == settings.folds + 1
        assert seen[-1] == scaled
        assert all(len(rows) < len(train_rows) for rows in seen[:-1])


def test_same_result_for_any_number_of_threads(portfolio):
    settings = quick("xgboost")
    one, two = (
        train(
            OperationalRiskClassifier(settings=settings, groups=portfolio.groups),
            portfolio.frame,
            portfolio.labels,
            repeats=1,
            runner=threads(n_jobs),
        )
        for n_jobs in (1, 2)
    )
    assert score(one.model, portfolio.frame).equals(score(two.model, portfolio.frame))
    assert one.evaluation.raw == two.evaluation.raw


@pytest.mark.parametrize("labels", [np.zeros(160), np.ones(160), np.r_[np.ones(9), np.zeros(151)]])
def test_one_class_or_a_tiny_minority_is_refused_with_counts(portfolio, labels):
    with pytest.raises(TooFewRowsError, match="defaults among 160 labelled rows"):
        OperationalRiskClassifier(settings=quick(), groups=portfolio.groups).fit(portfolio.frame, labels)


@pytest.mark.parametrize("labels", [np.full(160, np.nan), np.zeros(3), np.full(160, 2)])
def test_labels_that_are_none_are_refused(portfolio, labels):
    with pytest.raises(TooFewRowsError):
        OperationalRiskClassifier(settings=quick(), groups=portfolio.groups).fit(portfolio.frame, labels)


def test_a_small_minority_still_trains():
    small = make_portfolio(60, rate=0.1, seed=4)
    model = OperationalRiskClassifier(settings=quick(minimum_positives=3), groups=small.groups)
    assert np.isfinite(model.fit(small.frame, small.labels).predict_proba(small.frame)).all()


def test_nothing_to_train_on_is_refused(portfolio):
    empty = portfolio.frame.select("enterprise_id", "login_count_90d", "constant_all")
    with pytest.raises(NoFeaturesError, match="deliver the feeds"):
        OperationalRiskClassifier(settings=quick(), groups=portfolio.groups).fit(empty, portfolio.labels)


@pytest.mark.parametrize("wrong", [{"learner": "lightgbm"}, {"n_neighbors": 0}, {"folds": 1}, {"unknown": 1}])
def test_settings_have_bounds(wrong):
    with pytest.raises(ValidationError):
        OperationalRiskSettings(**wrong)


def test_score_gives_one_graded_row_each(portfolio):
    model = train(
        OperationalRiskClassifier(settings=quick(), groups=portfolio.groups),
        portfolio.frame,
        portfolio.labels,
        repeats=1,
    ).model
    rows = score(model, portfolio.frame)
    assert rows.columns == ["enterprise_id", "pd_raw", "pd", "score_points", "grade"]
    assert rows["enterprise_id"].equals(portfolio.frame["enterprise_id"])
    assert rows["pd"].is_between(0, 1, closed="none").all()
    assert score(model, portfolio.frame[:0]).height == 0
    with pytest.raises(SchemaMismatchError):
        score(model, portfolio.frame[:0].drop("channel"))
