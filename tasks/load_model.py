"""Load a registered model from its verified file: once a process, for all parts of a night and its comparison."""

from functools import lru_cache
from pathlib import Path

from models import artefact
from models.errors import ModelError
from models.hazard import stored
from models.hazard.model import HazardModel
from models.scoring import CalibratedModel
from warehouse import registry
from warehouse.errors import Refused
from warehouse.registry import ModelRecord

KEPT_IN_MEMORY = 8  # models of two nights with a champion of each family, and a challenger or shadow


def load_model(record: ModelRecord) -> CalibratedModel:
    """Return the model of a record.

    Raises:
        Refused: when the file is missing, is not the one that was registered, or cannot be read.
    """
    path = registry.verify(record)
    try:
        return _load(path, record.artefact_sha256, record.schema_hash)
    except ModelError as error:
        raise Refused(f"{record.model_family} {record.model_version} cannot be loaded: {error}") from error


def load_curve_model(record: ModelRecord) -> HazardModel:
    """Return the hazard model of a record.

    Raises:
        Refused: when the file is missing, is not the one that was registered, or cannot be read.
    """
    path = registry.verify(record)
    try:
        return _load_curve(path, record.artefact_sha256)
    except ModelError as error:
        raise Refused(f"{record.model_family} {record.model_version} cannot be loaded: {error}") from error


@lru_cache(maxsize=KEPT_IN_MEMORY)
def _load_curve(path: Path, sha256: str) -> HazardModel:
    return stored.load(path, sha256=sha256)


@lru_cache(maxsize=KEPT_IN_MEMORY)
def _load(path: Path, sha256: str, schema_hash: str) -> CalibratedModel:
    return artefact.load(path, sha256=sha256, schema_hash=schema_hash)
