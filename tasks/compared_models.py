"""Find the models that scored two nights, for all parts of their comparison."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tasks.load_model import load_model
from warehouse.changes import Nights, NotComparable
from warehouse.errors import Refused
from warehouse.registry import ModelRecord

# family and version of the earlier night's model, then of the later one's
MODELS = ("family_before", "version_before", "model_family", "model_version")


def models_of(pairs: Path, records: Sequence[ModelRecord], nights: Nights) -> tuple[ModelRecord, ...]:
    """Return every model that a pair names, each loaded once to see that it can be.

    Raises:
        NotComparable: when one is not registered, or its file is not the registered one.
    """
    registered = {(record.model_family, record.model_version): record for record in records}
    named = pl.scan_parquet(pairs).select(MODELS).unique().collect().sort(MODELS)
    models: dict[tuple[str, str], ModelRecord] = {}
    for place, night in ((0, nights.earlier), (2, nights.night)):
        for family, version in (row[place : place + 2] for row in named.iter_rows()):
            if (family, version) not in registered:
                raise NotComparable(
                    f"{night.portfolio} was scored on {night.as_of_date} by {family} {version}, which is not in "
                    "ops.model_registry; score that night again: "
                    f"python -m flows score --portfolio {night.portfolio} --as-of {night.as_of_date}"
                )
            models[family, version] = registered[family, version]
    for record in models.values():
        try:
            load_model(record)
        except Refused as error:
            raise NotComparable(
                f"{nights.night.portfolio} on {nights.night.as_of_date} and {nights.against_date}: {error}"
            ) from error
    return tuple(models.values())
