"""Load a registered model from its verified file: once a run, for all of its parts."""

from collections.abc import Mapping

from models import artefact
from models.errors import ModelError
from models.scoring import CalibratedModel
from warehouse import registry
from warehouse.errors import Refused
from warehouse.registry import ModelRecord

Models = Mapping[tuple[str, str], CalibratedModel]  # by family and version


def load_model(record: ModelRecord) -> CalibratedModel:
    """Return the model of a record.

    Raises:
        Refused: when the file is missing, is not the one that was registered, or cannot be read.
    """
    path = registry.verify(record)
    try:
        return artefact.load(path, sha256=record.artefact_sha256, schema_hash=record.schema_hash)
    except ModelError as error:
        raise Refused(f"{record.model_family} {record.model_version} cannot be loaded: {error}") from error
