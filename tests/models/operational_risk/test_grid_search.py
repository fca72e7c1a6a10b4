"""The search that prepares each fold once chooses as scikit-learn's GridSearchCV over the whole pipeline does."""

from __future__ import annotations

import numpy as np
import pytest
from imblearn.pipeline import Pipeline
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from models.operational_risk.grid_search import grid_search
from models.operational_risk.learners import make_learner
from models.operational_risk.oversampling import SnappedSmote
from models.operational_risk.preparation import Preparation
from models.runner import threads


def test_equals_grid_search_over_the_pipeline(portfolio):
    features = portfolio.frame.select(
        "tx_gap_std_all", "supplier_latency_mean_365d", "tx_sales_all", "channel"
    )
    learner, grid = make_learner("logistic_regression", random_state=0), {"C": (0.01, 0.1, 1.0)}
    ours = grid_search(
        features,
        portfolio.labels,
        preparation=Preparation(),
        oversampler=SnappedSmote(),
        learner=learner,
        grid=grid,
        folds=4,
        random_state=5,
        runner=threads(2),
    )
    theirs = GridSearchCV(
        Pipeline([("prepare", Preparation()), ("oversample", SnappedSmote()), ("learner", learner)]),
        {"learner__C": list(grid["C"])},
        scoring="roc_auc",
        cv=StratifiedKFold(4, shuffle=True, random_state=5),
    ).fit(features, portfolio.labels)
    assert [point.mean_auc for point in ours] == pytest.approx(theirs.cv_results_["mean_test_score"])
    best = max(ours, key=lambda point: point.mean_auc)
    assert best.parameters == {"C": theirs.best_params_["learner__C"]}
    assert np.isfinite(best.mean_auc)
