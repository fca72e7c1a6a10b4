"""Load a registered model from its verified file: once a process, for all parts of a night and its comparison."""

import logging
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from models import artefact
from models.errors import ModelError
from models.hazard import stored
from models.hazard.model import HazardModel
from models.scoring import CalibratedModel
from tasks.lineup import Lineup, champions_of
from warehouse import registry
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.registry import ModelRecord

log = logging.getLogger("nightledger")

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


def load_champions(night: Night) -> None:
    """Load the champions of a night, of which a first one brings seconds of imports along, before they are needed.

    Raises:
        Refused: as `load_model`.
    """
    for record in champions_of(night).values():
        load_model(record)


def loadable(lineup: Lineup) -> Lineup:
    """Return the models of a night that can be loaded; a challenger or shadow that cannot is left out, with a line.

    Raises:
        Refused: when a champion or the model of the curves cannot be loaded.
    """
    beside = []
    if lineup.curve is not None:
        load_curve_model(lineup.curve)
    for record in lineup.records:
        try:
            model = load_model(record)
        except Refused as refusal:
            if record.role == "champion":
                raise
            log.warning("score       without the %s: %s", record.role, refusal)
            continue
        if record in lineup.beside:
            beside.append(record)
        if model.classifier.unexplained is not None:
            log.info(
                "score       %s %s tells no contributions: %s",
                record.model_family, record.model_version, model.classifier.unexplained,
            )  # fmt: skip
    return replace(lineup, beside=tuple(beside))


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
