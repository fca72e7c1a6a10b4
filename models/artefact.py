"""One model version as one file: readable JSON, plain arrays, UBJ or skops; nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.utils.validation import check_is_fitted
from xgboost import XGBClassifier

from models.calibration import Calibrator
from models.errors import ArtefactError
from models.grid_search import GridPoint
from models.imputation import BoundedKNNImputer
from models.learners import make_learner
from models.master_scale import MasterScale, MasterScaleSettings
from models.operational_risk import OperationalRiskClassifier, OperationalRiskSettings
from models.preparation import Preparation
from models.schema import Column
from models.schema import schema_hash as hash_of
from models.scoring import CalibratedModel

FORMAT = "nightledger operational_risk 1"
SUFFIX = ".nightledger-model"

# skops trusts numpy and scikit-learn's own public classes; what a forest or a support vector machine needs
# beyond them is named here, and anything else in a file is refused.
TRUSTED = ("sklearn.tree._tree.Tree",)

ARRAYS = ("low_", "range_", "compressed_")


def save(model: CalibratedModel, folder: Path) -> tuple[Path, str]:
    """Write the model under its own SHA-256 as name and return path and SHA-256.

    The same model gives the same bytes when the learner is XGBoost; saving it twice leaves one file.

    Parameters
    ----------
    model : CalibratedModel
    folder : Path
        Created if needed.
    """
    classifier = model.classifier
    check_is_fitted(classifier, "learner_")
    members = {
        "model.json": json.dumps(_describe(model), indent=1, sort_keys=True, ensure_ascii=False).encode(),
        "arrays.npz": _pack(_arrays(classifier.preparation_)),
    }
    if isinstance(classifier.learner_, XGBClassifier):
        members["learner.ubj"] = bytes(classifier.learner_.get_booster().save_raw("ubj"))
    else:
        members["learner.skops"] = skops.io.dumps(classifier.learner_)
    content = _pack(members)
    digest = hashlib.sha256(content).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"operational_risk-{digest[:16]}{SUFFIX}"
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)
    return path, digest


def load(path: Path, *, sha256: str, schema_hash: str) -> CalibratedModel:
    """Return the stored model, or refuse a file that is not exactly the registered one.

    Parameters
    ----------
    path : Path
    sha256 : str
        As registered.
    schema_hash : str
        As registered: ordered names and kinds of the features.

    Raises
    ------
    ArtefactError
        The file is missing, its bytes or its schema differ, or it holds a type that is not trusted.
    """
    if not path.is_file():
        raise ArtefactError(f"model file {path.name} is missing in {path.parent}; restore it or train again")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArtefactError(
            f"model file {path.name} is not the one registered: its SHA-256 differs; restore it"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        about = json.loads(members["model.json"])
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError) as error:
        raise ArtefactError(f"model file {path.name} cannot be read: {error}") from error
    if about["format"] != FORMAT:
        raise ArtefactError(f"model file {path.name} has the format {about['format']!r}, not {FORMAT!r}")
    schema = tuple(Column(*column) for column in about["schema"])
    if not hash_of(schema) == about["schema_hash"] == schema_hash:
        raise ArtefactError(
            f"model file {path.name} was fitted on other columns than registered; train again"
        )
    classifier = _classifier(about, members)
    calibrator = Calibrator(method=about["calibrator"]["method_"])
    for name, value in about["calibrator"].items():
        setattr(calibrator, name, value)
    scale = MasterScale(settings=MasterScaleSettings.model_validate(about["scale"]))
    return CalibratedModel(classifier, calibrator, scale, about["calibrated_on"])


def _describe(model: CalibratedModel) -> dict[str, Any]:
    """Return all of the model that is text and single numbers."""
    classifier, prepared = model.classifier, model.classifier.preparation_
    return {
        "format": FORMAT,
        "settings": (classifier.settings or OperationalRiskSettings()).model_dump(mode="json"),
        "groups": None if classifier.groups is None else dict(classifier.groups),
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
        "calibrator": {name: value for name, value in vars(model.calibrator).items() if name.endswith("_")},
        "calibrated_on": model.calibrated_on,
        "scale": model.scale.settings.model_dump(mode="json"),
    }


def _arrays(prepared: Preparation) -> dict[str, bytes]:
    """Return the arrays of the preparation, each as the bytes of an .npy file."""
    arrays = {name: getattr(prepared, name) for name in ARRAYS}
    arrays |= {"reference_": prepared.imputer_.reference_, "fallback_": prepared.imputer_.fallback_}
    packed = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        packed[f"{name}.npy"] = buffer.getvalue()
    return packed


def _pack(members: dict[str, bytes]) -> bytes:
    """Return a zip whose bytes depend on its members only, not on the time of day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _classifier(about: dict[str, Any], members: dict[str, bytes]) -> OperationalRiskClassifier:
    """Rebuild the fitted classifier from its description, arrays and learner."""
    settings = OperationalRiskSettings.model_validate(about["settings"])
    classifier = OperationalRiskClassifier(settings=settings, groups=about["groups"])
    with np.load(io.BytesIO(members["arrays.npz"]), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    prepared = Preparation(
        n_neighbors=settings.n_neighbors,
        reference_rows=settings.reference_rows,
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
        reference_rows=settings.reference_rows,
        random_state=settings.random_state,
    )
    prepared.imputer_.reference_, prepared.imputer_.fallback_ = arrays["reference_"], arrays["fallback_"]
    prepared.imputer_.n_features_in_ = len(prepared.numbers_)
    prepared.name_outputs()
    classifier.preparation_, classifier.learner_ = prepared, _learner(settings, members)
    classifier.best_params_, classifier.left_out_ = about["best_params"], about["left_out"]
    classifier.grid_scores_ = tuple(GridPoint(*point) for point in about["grid_scores"])
    classifier.base_rate_, classifier.n_samples_ = about["base_rate"], about["n_samples"]
    classifier.groups_ = tuple(about["groups_"])
    classifier.classes_ = np.array([0, 1])
    classifier.feature_names_in_ = np.array([column.name for column in prepared.schema_], dtype=object)
    classifier.n_features_in_ = prepared.n_features_in_
    classifier.schema_hash_ = prepared.schema_hash_
    return classifier


def _learner(settings: OperationalRiskSettings, members: dict[str, bytes]) -> Any:
    """Rebuild the learner; refuse any type that is not on the list."""
    if settings.learner == "xgboost":
        booster = make_learner("xgboost", random_state=settings.random_state)
        booster.load_model(bytearray(members["learner.ubj"]))
        return booster
    foreign = set(skops.io.get_untrusted_types(data=members["learner.skops"])) - set(TRUSTED)
    if foreign:
        raise ArtefactError(f"the model file holds types that are not trusted: {', '.join(sorted(foreign))}")
    return skops.io.loads(members["learner.skops"], trusted=list(TRUSTED))
