"""Store the Wide & Deep classifier in the files of a model artefact, and read it back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from safetensors import SafetensorError
from sklearn.utils.validation import check_is_fitted

from models.errors import ArtefactError
from models.schema import Column
from models.stored_arrays import dump_arrays, load_arrays
from models.wide_deep.classifier import WideDeepClassifier
from models.wide_deep.preparation import WideDeepPreparation
from models.wide_deep.settings import WideDeepSettings
from models.wide_deep.slots import CategoryField, Cross, NumberField

FORMAT = "nightledger wide_deep 1"

WEIGHTS, ARRAYS = "network.safetensors", "arrays.npz"


def dump(classifier: WideDeepClassifier) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the description of a fitted classifier and its files: weights in single precision, as trained."""
    import safetensors.torch

    check_is_fitted(classifier, "network_")
    weights = {
        name: value.detach().cpu().float().contiguous()
        for name, value in classifier.network_.state_dict().items()
    }
    arrays = dump_arrays(_arrays(classifier.preparation_))
    return _describe(classifier), {WEIGHTS: safetensors.torch.save(weights), ARRAYS: arrays}


def load(about: dict[str, Any], members: dict[str, bytes]) -> WideDeepClassifier:
    """Rebuild the fitted classifier from its description, arrays and weights."""
    import safetensors.torch

    from models.wide_deep.fitting import Epoch
    from models.wide_deep.network import WideDeepNetwork

    settings = WideDeepSettings.model_validate(about["settings"])
    classifier = WideDeepClassifier(settings=settings, groups=about["groups"])
    prepared = _preparation(about, load_arrays(members[ARRAYS]))
    network = WideDeepNetwork.for_settings(settings, prepared)
    try:
        network.load_state_dict(safetensors.torch.load(members[WEIGHTS]))
    except (RuntimeError, SafetensorError) as error:
        raise ArtefactError(f"the weights do not fit their description: {error}") from error
    classifier.preparation_, classifier.network_ = prepared, network.finished()
    classifier.history_ = tuple(Epoch(*epoch) for epoch in about["history"])
    classifier.best_epoch_ = about["best_epoch"]
    classifier.left_out_, classifier.decisions_ = about["left_out"], tuple(about["decisions"])
    classifier.base_rate_, classifier.n_samples_ = about["base_rate"], about["n_samples"]
    classifier.groups_ = tuple(about["groups_"])
    classifier.classes_ = np.array([0, 1])
    classifier.feature_names_in_ = np.array([column.name for column in prepared.schema_], dtype=object)
    classifier.n_features_in_ = len(prepared.schema_)
    classifier.schema_hash_ = prepared.schema_hash_
    return classifier


def _describe(classifier: WideDeepClassifier) -> dict[str, Any]:
    """Return all of the classifier that is text and single numbers."""
    prepared = classifier.preparation_
    return {
        "format": FORMAT,
        "settings": (classifier.settings or WideDeepSettings()).model_dump(mode="json"),
        "groups": None if classifier.groups is None else dict(classifier.groups),
        "schema": [list(column) for column in prepared.schema_],
        "schema_hash": prepared.schema_hash_,
        "wide": list(prepared.wide),
        "deep": list(prepared.deep),
        "declared_crosses": [list(pair) for pair in prepared.crosses],
        "fields": [asdict(field) for field in prepared.fields_],
        "crosses": [
            [cross.left, cross.right, cross.name, cross.width, cross.kept] for cross in prepared.crosses_
        ],
        "marks": list(prepared.numbers_.marks_),
        "history": [list(epoch) for epoch in classifier.history_],
        "best_epoch": classifier.best_epoch_,
        "groups_": list(classifier.groups_),
        "left_out": classifier.left_out_,
        "decisions": list(classifier.decisions_),
        "base_rate": classifier.base_rate_,
        "n_samples": classifier.n_samples_,
    }


def _arrays(prepared: WideDeepPreparation) -> dict[str, Any]:
    """Return the arrays of the preparation, by name."""
    arrays = {name: getattr(prepared.numbers_, name) for name in prepared.numbers_.ARRAYS}
    for number, cross in enumerate(prepared.crosses_):
        arrays |= {f"cross_{number}_keys": cross.keys, f"cross_{number}_slots": cross.slots}
    return arrays | {"presence_": prepared.presence_, "means_": prepared.means_}


def _preparation(about: dict[str, Any], arrays: dict[str, Any]) -> WideDeepPreparation:
    """Rebuild the fitted preparation."""
    settings = about["settings"]
    prepared = WideDeepPreparation(
        about["wide"],
        about["deep"],
        crosses=[(left, right) for left, right in about["declared_crosses"]],
        bins=settings["bins"],
        rare_below=settings["rare_below"],
    )
    prepared.schema_ = tuple(Column(*column) for column in about["schema"])
    prepared.schema_hash_ = about["schema_hash"]
    prepared.fields_ = tuple(
        NumberField(field["name"], tuple(field["edges"]), field["count"])
        if "edges" in field
        else CategoryField(field["name"], tuple(field["levels"]), tuple(field["rare"]))
        for field in about["fields"]
    )
    prepared.crosses_ = tuple(
        Cross(left, right, name, width, arrays[f"cross_{n}_keys"], arrays[f"cross_{n}_slots"], kept)
        for n, (left, right, name, width, kept) in enumerate(about["crosses"])
    )
    prepared.numbers_ = prepared.unfitted_numbers()
    prepared.numbers_.marks_ = tuple(about["marks"])
    for name in prepared.numbers_.ARRAYS:
        setattr(prepared.numbers_, name, arrays[name])
    prepared.presence_, prepared.means_ = arrays["presence_"], arrays["means_"]
    prepared.decisions_ = tuple(about["decisions"])
    prepared.place_slots()
    return prepared
