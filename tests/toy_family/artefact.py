"""The toy classifier as JSON alone, and back."""

from typing import Any

import numpy as np

from models.schema import Column
from toy_family.classifier import Standardised, ToyClassifier
from toy_family.settings import ToySettings

FORMAT = "nightledger toy 1"


def dump(classifier: ToyClassifier) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the description of a fitted classifier, which needs no files."""
    prepared = classifier.preparation_
    return {
        "format": FORMAT,
        "settings": classifier.settings.model_dump(mode="json"),
        "groups": classifier.groups,
        "schema": prepared.schema_,
        "schema_hash": classifier.schema_hash_,
        "means": prepared.means,
        "scales": prepared.scales,
        "coefficients": classifier.coefficients_.tolist(),
        "intercept": classifier.intercept_,
        "groups_": classifier.groups_,
        "left_out": classifier.left_out_,
        "base_rate": classifier.base_rate_,
        "n_samples": classifier.n_samples_,
    }, {}


def load(about: dict[str, Any], members: dict[str, bytes]) -> ToyClassifier:
    """Rebuild the fitted classifier from its description."""
    settings = ToySettings.model_validate(about["settings"])
    classifier = ToyClassifier(settings=settings, groups=about["groups"])
    schema = tuple(Column(*column) for column in about["schema"])
    classifier.preparation_ = Standardised(schema, tuple(about["means"]), tuple(about["scales"]))
    classifier.coefficients_, classifier.intercept_ = np.array(about["coefficients"]), about["intercept"]
    classifier.groups_, classifier.left_out_ = tuple(about["groups_"]), about["left_out"]
    classifier.base_rate_, classifier.n_samples_ = about["base_rate"], about["n_samples"]
    return classifier.named()
