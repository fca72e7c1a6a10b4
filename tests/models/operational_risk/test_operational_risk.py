"""The estimator, beside the contract of all families: what enters, its learners, no test row in any training step."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from labelled_frames import make_portfolio, quick
from pydantic import ValidationError

from models.errors import NoFeaturesError
from models.evaluation import cross_validate, repeated_folds
from models.feature_groups import OPERATIONAL_GROUPS
from models.operational_risk import oversampling
from models.operational_risk.classifier import OperationalRiskClassifier
from models.operational_risk.settings import OperationalRiskSettings

LEARNERS = ("xgboost", "logistic_regression", "svm", "random_forest")


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
