"""Store one model version as one file and read it back: JSON, arrays, UBJ, text, skops or safetensors; no pickle."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from models.calibration import Calibrator
from models.errors import ArtefactError
from models.families import FAMILIES
from models.master_scale import MasterScale, MasterScaleSettings
from models.pd_interval import PdInterval
from models.schema import Column
from models.schema import schema_hash as hash_of
from models.scoring import CalibratedModel
from models.stored_arrays import pack

SUFFIX = ".nightledger-model"
# NumPy reads array headers with ast.literal_eval: before Python 3.11.8 and 3.12.2 two threads in it at once could end
# in "SystemError: AST constructor recursion depth mismatch" (python/cpython#106905)
_one_at_a_time = threading.Lock()


def save(model: CalibratedModel, folder: Path) -> tuple[Path, str]:
    """Write the model under its own SHA-256 as name and return path and SHA-256.

    The same model gives the same bytes; saving it twice leaves one file.

    Parameters
    ----------
    model : CalibratedModel
    folder : Path
        Created if needed.
    """
    shared = {
        "calibrator": _fitted(model.calibrator),
        "interval": None if model.interval is None else _fitted(model.interval),
        "calibrated_on": model.calibrated_on,
        "scale": model.scale.settings.model_dump(mode="json"),
    }
    family = FAMILIES[model.classifier.family]
    about, files = family.codec.dump(model.classifier)
    text = json.dumps({**about, **shared}, indent=1, sort_keys=True, ensure_ascii=False)
    members = {"model.json": text.encode(), **files}
    content = pack(members)
    digest = hashlib.sha256(content).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{family.name}-{digest[:16]}{SUFFIX}"
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
    codecs = {family.codec.FORMAT: family.codec for family in FAMILIES.values()}
    if about["format"] not in codecs:
        raise ArtefactError(
            f"model file {path.name} has the format {about['format']!r}, not one of {', '.join(codecs)}"
        )
    schema = tuple(Column(*column) for column in about["schema"])
    if not hash_of(schema) == about["schema_hash"] == schema_hash:
        raise ArtefactError(
            f"model file {path.name} was fitted on other columns than registered; train again"
        )
    with _one_at_a_time:
        classifier = codecs[about["format"]].load(about, members)
    calibrator = _refitted(Calibrator(method=about["calibrator"]["method_"]), about["calibrator"])
    scale = MasterScale(settings=MasterScaleSettings.model_validate(about["scale"]))
    stored = about.get("interval")  # a file of an earlier version of the platform has none
    interval = None if stored is None else _refitted(PdInterval(), stored)
    return CalibratedModel(classifier, calibrator, scale, about["calibrated_on"], interval)


def _fitted(estimator: BaseEstimator) -> dict[str, Any]:
    """Return what an estimator has fitted, by name."""
    return {name: value for name, value in vars(estimator).items() if name.endswith("_")}


def _refitted(estimator: Any, fitted: dict[str, Any]) -> Any:
    """Return the estimator with what it had fitted."""
    for name, value in fitted.items():
        setattr(estimator, name, value)
    return estimator
