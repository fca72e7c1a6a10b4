"""Our own best honest recipes, one of which is picked inside the training rows of each test fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from models.calibration import Calibrator
from models.metrics import Labels, auc
from models.runner import threads
from models.voting_ensemble.members import Parameters, fit_member, make_member
from models.voting_ensemble.out_of_fold import out_of_fold
from models.voting_ensemble.preparation import StandardPreparation
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.voting_ensemble.voting import Combiner
from papers.voting_ensemble.experiment import (
    FoldFigure,
    inner_folds,
    measured,
    preparation_of,
    refuse_missing_members,
    votes,
)

Rows = npt.NDArray[np.int64]

OUR_ROW = "our recipe, no resampling"

# Settled on by cross-validation of these sets on other seeds than the page's (docs/experiments.md).
SETTINGS: dict[str, Parameters] = {
    "lightgbm many": {"n_estimators": 300},
    "xgboost many": {
        "n_estimators": 400,
        "learning_rate": 0.06,
        "max_depth": 5,
        "subsample": 0.8,
        "min_child_weight": 0.3,
    },
    "lightgbm small": {
        "n_estimators": 400,
        "learning_rate": 0.03,
        "num_leaves": 8,
        "colsample_bytree": 0.5,
        "reg_lambda": 1.0,
    },
    "xgboost small": {
        "n_estimators": 400,
        "learning_rate": 0.03,
        "max_depth": 3,
        "subsample": 0.7,
        "colsample_bytree": 0.5,
        "min_child_weight": 5,
    },
    "gbdt small": {
        "n_estimators": 250,
        "learning_rate": 0.04,
        "subsample": 0.5,
        "max_features": 0.3,
        "min_samples_leaf": 20,
    },
    "random_forest stout": {"n_estimators": 200, "min_samples_leaf": 8},
    "extra_trees stout": {"n_estimators": 200, "min_samples_leaf": 5, "max_features": 0.5},
}
RECIPES: dict[str, tuple[str, ...]] = {
    "two boosters of many trees": ("lightgbm many", "xgboost many"),
    "three boosters of small trees": ("lightgbm small", "xgboost small", "gbdt small"),
    "small boosters and stout forests": (
        "lightgbm small",
        "xgboost small",
        "gbdt small",
        "random_forest stout",
        "extra_trees stout",
    ),
}


def tuned_fold(
    frame: pl.DataFrame, labels: Labels, train: Rows, test: Rows, *, settings: VotingEnsembleSettings
) -> tuple[FoldFigure, ...]:
    """Measure our best honest recipe on one test fold: picked, fitted and calibrated on training rows alone.

    No resampling. Each recipe is the mean of its members' log-odds; the one with the best mean AUC over the
    inner folds of the training rows is chosen, and its Platt map is fitted on the same out-of-fold scores.

    Returns
    -------
    tuple of FoldFigure
        The five measures in Table 8, and under "recipe" which one was chosen (1) and which not (0).
    """
    train_labels, test_labels = labels[train], labels[test]
    without_smote = settings.model_copy(update={"oversample": False})
    unfitted: dict[str, Any] = {
        name: make_member(name.split()[0], profile=profile, random_state=settings.random_state)  # type: ignore[arg-type]
        for name, profile in SETTINGS.items()
    }
    folds = inner_folds(train_labels, settings)
    prepare = preparation_of(frame, labels, train, without_smote)
    inner = out_of_fold(prepare, unfitted, train_labels, folds, runner=threads())
    refuse_missing_members(inner)
    scores_by_recipe = {
        recipe: _mean(names).combine(inner.probabilities[:, [inner.members.index(name) for name in names]])
        for recipe, names in RECIPES.items()
    }
    areas = {
        recipe: np.mean(
            [auc(train_labels[folds == fold], scores[folds == fold]) for fold in np.unique(folds)]
        )
        for recipe, scores in scores_by_recipe.items()
    }
    chosen = max(RECIPES, key=lambda recipe: float(areas[recipe]))
    preparation = StandardPreparation().fit(frame[train])
    rows = preparation.transform(frame[train])
    members = {name: fit_member(name, unfitted[name], rows, train_labels) for name in RECIPES[chosen]}
    calibrator = Calibrator(method="platt").fit(scores_by_recipe[chosen], train_labels)
    test_scores = _mean(RECIPES[chosen]).combine(votes(members, preparation.transform(frame[test])))
    return (
        *measured("8", OUR_ROW, test_labels, calibrator.predict(test_scores)),
        *(FoldFigure("recipe", recipe, "chosen", float(recipe == chosen)) for recipe in RECIPES),
    )


def _mean(names: tuple[str, ...]) -> Combiner:
    """Return the combiner that takes the mean of the members' log-odds."""
    return Combiner("stack", names, (1.0 / len(names),) * len(names))
