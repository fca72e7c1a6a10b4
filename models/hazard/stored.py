"""Store a hazard model as one file of text and read it back."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

from models.errors import ArtefactError
from models.hazard.model import HazardModel, HazardSettings, Span
from models.stored_arrays import pack

FAMILY = "pd_curve"
FORMAT = "nightledger.pd_curve.v1"
SUFFIX = ".nightledger-model"
_FILE = "model.json"


def save(model: HazardModel, folder: Path) -> tuple[Path, str]:
    """Write the model under its own SHA-256 as name and return path and SHA-256.

    The same model gives the same bytes.
    """
    about = {
        "format": FORMAT,
        "settings": model.settings.model_dump(mode="json"),
        "fitted": {name: value for name, value in vars(model).items() if name.endswith("_")},
    }
    content = pack({_FILE: json.dumps(about, indent=1, sort_keys=True).encode()})
    digest = hashlib.sha256(content).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{FAMILY}-{digest[:16]}{SUFFIX}"
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)
    return path, digest


def load(path: Path, *, sha256: str) -> HazardModel:
    """Return the stored model.

    Raises
    ------
    ArtefactError
        The file is missing, its bytes are not those registered, or it is of another format.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtefactError(
            f"model file {path.name} is missing in {path.parent}; restore it or train again"
        ) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArtefactError(
            f"model file {path.name} is not the one registered: its SHA-256 differs; restore it"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            about = json.loads(archive.read(_FILE))
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError) as error:
        raise ArtefactError(f"model file {path.name} cannot be read: {error}") from error
    if about["format"] != FORMAT:
        raise ArtefactError(f"model file {path.name} has the format {about['format']!r}, not {FORMAT}")
    model = HazardModel(HazardSettings.model_validate(about["settings"]))
    for name, value in about["fitted"].items():
        setattr(model, name, value)
    model.spans_ = [Span(*span) for span in about["fitted"]["spans_"]]
    return model
