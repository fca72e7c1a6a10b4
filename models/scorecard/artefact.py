"""Store the scorecard as JSON alone, and read it back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sklearn.utils.validation import check_is_fitted

from models.schema import Column
from models.scorecard.bins import Bin, FeatureBins
from models.scorecard.classifier import Binned, ScorecardClassifier
from models.scorecard.points import Card
from models.scorecard.settings import ScorecardSettings

FORMAT = "nightledger scorecard 1"


def dump(classifier: ScorecardClassifier) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the description of a fitted classifier, which needs no files."""
    check_is_fitted(classifier, "card_")
    prepared = classifier.preparation_
    return {
        "format": FORMAT,
        "settings": (classifier.settings or ScorecardSettings()).model_dump(mode="json"),
        "groups": None if classifier.groups is None else dict(classifier.groups),
        "directions": None if classifier.directions is None else dict(classifier.directions),
        "schema": [list(column) for column in prepared.schema_],
        "schema_hash": classifier.schema_hash_,
        "features": [asdict(feature) for feature in prepared.features],
        "card": asdict(classifier.card_),
        "groups_": list(classifier.groups_),
        "left_out": classifier.left_out_,
        "base_rate": classifier.base_rate_,
        "n_samples": classifier.n_samples_,
    }, {}


def load(about: dict[str, Any], members: dict[str, bytes]) -> ScorecardClassifier:  # noqa: ARG001
    """Rebuild the fitted classifier from its description."""
    settings = ScorecardSettings.model_validate(about["settings"])
    classifier = ScorecardClassifier(
        settings=settings, groups=about["groups"], directions=about["directions"]
    )
    features = tuple(
        FeatureBins(
            feature["name"],
            tuple(Bin(**{**part, "levels": tuple(part["levels"])}) for part in feature["bins"]),
            feature["information"],
            feature["against"],
        )
        for feature in about["features"]
    )
    classifier.preparation_ = Binned(tuple(Column(*column) for column in about["schema"]), features)
    card = about["card"]
    classifier.card_ = Card(
        card["base"], tuple(card["weights"]), tuple(tuple(points) for points in card["points"])
    )
    classifier.groups_, classifier.left_out_ = tuple(about["groups_"]), about["left_out"]
    classifier.base_rate_, classifier.n_samples_ = about["base_rate"], about["n_samples"]
    return classifier.named()
