"""Store the operational-risk classifier in the files of a model artefact, and read it back."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from models.operational_risk.classifier import OperationalRiskClassifier
from models.operational_risk.grid_search import GridPoint
from models.operational_risk.imputation import BoundedKNNImputer
from models.operational_risk.learners import make_learner
from models.operational_risk.preparation import Preparation
from models.operational_risk.settings import OperationalRiskSettings
from models.schema import Column
from models.stored_arrays import dump_arrays, load_arrays
from models.stored_learner import dump_learner, load_learner

FORMAT = "nightledger operational_risk 1"

ARRAYS = ("low_", "range_", "compressed_")


def dump(classifier: OperationalRiskClassifier) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the description of a fitted classifier and its files."""
    check_is_fitted(classifier, "learner_")
    arrays = dump_arrays(_arrays(classifier))
    return _describe(classifier), {"arrays.npz": arrays, **dump_learner("learner", classifier.learner_)}


def load(about: dict[str, Any], members: dict[str, bytes]) -> OperationalRiskClassifier:
    """Rebuild the fitted classifier from its description, arrays and learner."""
    settings = OperationalRiskSettings.model_validate(about["settings"])
    held = about["held"] if "held" in about else {}  # noqa: SIM401 - models stored before there was any have none
    classifier = OperationalRiskClassifier(settings=settings, groups=about["groups"], directions=held)
    classifier.held_ = held
    arrays = load_arrays(members["arrays.npz"])
    prepared = Preparation(
        n_neighbors=settings.n_neighbors,
        reference_rows=settings.donors,
        skew_limit=settings.skew_limit,
        random_state=settings.random_state,
    )
    prepared.schema_ = tuple(Column(*column) for column in about["schema"])
    prepared.schema_hash_ = about["schema_hash"]
    prepared.n_features_in_ = len(prepared.schema_)
    prepared.levels_ = dict(about["levels"])
    prepared.numbers_ = tuple(column.name for column in prepared.schema_ if column.kind == "number")
    prepared.marks_ = tuple(about["marks"])
    for name in ARRAYS:
        setattr(prepared, name, arrays[name])
    prepared.imputer_ = BoundedKNNImputer(
        n_neighbors=settings.n_neighbors,
        reference_rows=settings.donors,
        random_state=settings.random_state,
    )
    prepared.imputer_.reference_, prepared.imputer_.fallback_ = arrays["reference_"], arrays["fallback_"]
    prepared.imputer_.n_features_in_ = len(prepared.numbers_)
    prepared.name_outputs()
    classifier.preparation_, classifier.learner_ = (
        prepared,
        load_learner("learner", members, make_learner(settings.learner, random_state=settings.random_state)),
    )
    classifier.means_ = arrays.get("means_")  # models stored before them have none, and say so
    classifier.best_params_, classifier.left_out_ = about["best_params"], about["left_out"]
    classifier.grid_scores_ = tuple(GridPoint(*point) for point in about["grid_scores"])
    classifier.base_rate_, classifier.n_samples_ = about["base_rate"], about["n_samples"]
    classifier.groups_ = tuple(about["groups_"])
    classifier.classes_ = np.array([0, 1])
    classifier.feature_names_in_ = np.array([column.name for column in prepared.schema_], dtype=object)
    classifier.n_features_in_ = prepared.n_features_in_
    classifier.schema_hash_ = prepared.schema_hash_
    return classifier


def _describe(classifier: OperationalRiskClassifier) -> dict[str, Any]:
    """Return all of the classifier that is text and single numbers."""
    prepared = classifier.preparation_
    return {
        "format": FORMAT,
        "settings": (classifier.settings or OperationalRiskSettings()).model_dump(mode="json"),
        "groups": None if classifier.groups is None else dict(classifier.groups),
        "held": classifier.held_,
        "schema": [list(column) for column in prepared.schema_],
        "schema_hash": prepared.schema_hash_,
        "levels": [[name, levels] for name, levels in prepared.levels_.items()],
        "marks": list(prepared.marks_),
        "groups_": list(classifier.groups_),
        "left_out": classifier.left_out_,
        "base_rate": classifier.base_rate_,
        "n_samples": classifier.n_samples_,
        "best_params": classifier.best_params_,
        "grid_scores": [list(point) for point in classifier.grid_scores_],
    }


def _arrays(classifier: OperationalRiskClassifier) -> dict[str, Any]:
    """Return the arrays of the preparation and the means of its columns, by name."""
    prepared = classifier.preparation_
    arrays = {name: getattr(prepared, name) for name in ARRAYS}
    arrays |= {"reference_": prepared.imputer_.reference_, "fallback_": prepared.imputer_.fallback_}
    return arrays if classifier.means_ is None else {**arrays, "means_": classifier.means_}
