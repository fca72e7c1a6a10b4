"""Features that stop saying anything, and a portfolio too small to learn from: a stated behaviour each."""

from __future__ import annotations

import polars as pl
import pytest
from labelled_frames import make_portfolio, quick

from models.errors import SchemaMismatchError, TooFewRowsError
from models.operational_risk.classifier import OperationalRiskClassifier


@pytest.fixture(scope="module")
def fitted():
    portfolio = make_portfolio()
    model = OperationalRiskClassifier(settings=quick("logistic_regression"), groups=portfolio.groups)
    return portfolio, model.fit(portfolio.frame, portfolio.labels)


def test_a_feature_constant_in_training_does_not_enter(fitted):
    _, model = fitted
    assert model.left_out_["constant_all"] == "constant"
    assert "constant_all" not in model.feature_names_in_


def test_a_feature_that_became_constant_is_scored_as_it_is(fitted):
    portfolio, model = fitted
    frozen = portfolio.frame.with_columns(tx_gap_std_all=pl.lit(2.0))
    chances = model.predict_proba(frozen)[:, 1]
    assert ((chances > 0) & (chances < 1)).all()
    # it says the same of everybody, the others still tell borrowers apart
    assert len(set(chances.round(6))) > 10


def test_a_feature_that_is_delivered_no_more_is_missing_and_still_scored(fitted):
    portfolio, model = fitted
    silent = portfolio.frame.with_columns(tx_gap_std_all=pl.lit(None, pl.Float64))
    chances = model.predict_proba(silent)[:, 1]
    assert ((chances > 0) & (chances < 1)).all()


def test_a_feature_whose_column_is_gone_is_refused_by_name(fitted):
    portfolio, model = fitted
    with pytest.raises(SchemaMismatchError, match="tx_gap_std_all"):
        model.predict_proba(portfolio.frame.drop("tx_gap_std_all"))


def test_a_portfolio_of_ten_trains_no_model_and_says_why():
    portfolio = make_portfolio(10)
    model = OperationalRiskClassifier(settings=quick("logistic_regression"), groups=portfolio.groups)
    with pytest.raises(TooFewRowsError, match=r"\d"):
        model.fit(portfolio.frame, portfolio.labels)
