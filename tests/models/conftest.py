"""A small portfolio and a model fitted on it, made once."""

from __future__ import annotations

import pytest
from labelled_frames import Portfolio, make_portfolio, quick

from models.operational_risk.classifier import OperationalRiskClassifier


@pytest.fixture(scope="session")
def portfolio() -> Portfolio:
    return make_portfolio()


@pytest.fixture(scope="session")
def fitted(portfolio: Portfolio) -> OperationalRiskClassifier:
    model = OperationalRiskClassifier(settings=quick("xgboost"), groups=portfolio.groups)
    return model.fit(portfolio.frame, portfolio.labels)
