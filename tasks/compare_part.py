"""Split the PD differences of one part of the borrowers, with the models and features of both nights."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models import artefact
from models.errors import ModelError
from models.explaining import change
from models.families import FAMILIES
from models.scoring import CalibratedModel
from warehouse import changes, matrix, registry
from warehouse.changes import Nights, NotComparable
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.registry import ModelRecord

EXACT = 5e-7  # both nights' PDs must be reproduced this closely, so that a difference is right to 1e-6
GROUP = ("coverage", "coverage_before", "family_before", "version_before", "model_family", "model_version")


class Part(NamedTuple):
    """Every `of`-th borrower of a group; a group has the same coverage classes and models on each of both nights."""

    group: Mapping[str, str]
    number: int
    of: int


@task(name="compare part", task_run_name="compare part {part.number} of {part.of}", cache_policy=NO_CACHE)
def compare_part(nights: Nights, part: Part, *, top_features: int, file: Path) -> Path:
    """Split the PD differences of one part, write them to the file, and return its path."""
    with writer(purpose="compare part") as con:
        table = splittable(changes.pairs(con, nights)).filter(**part.group).gather_every(part.of, part.number)
        registered = {
            (record.model_family, record.model_version): record
            for record in registry.records(con, portfolio=nights.night.portfolio)
        }
        before_and_now = (
            _record(registered, nights.earlier, part.group["family_before"], part.group["version_before"]),
            _record(registered, nights.night, part.group["model_family"], part.group["model_version"]),
        )
        sensitive = any(matrix.SENSITIVE.intersection(record.feature_names) for record in before_and_now)
        x_before, x_now = (
            changes.features(con, table["enterprise_id"], night, sensitive=sensitive)
            for night in (nights.earlier, nights.night)
        )
    try:
        record_before, record_now = before_and_now
        before = _load(record_before)
        now = before if record_before == record_now else _load(record_now)
        if record_before.model_family == record_now.model_family:
            moved = change.within_family(before, now, x_before, x_now, top=top_features)
        else:
            first = data_first(part.group)
            moved = change.across_families(before, now, x_before, x_now, data_first=first)
    except (ModelError, Refused) as error:
        raise NotComparable(
            f"{nights.night.portfolio} on {nights.night.as_of_date} and {nights.against_date}: {error}"
        ) from error
    _check_reproduced(nights.earlier, table["enterprise_id"], table["pd_before"], moved.pd_before)
    _check_reproduced(nights.night, table["enterprise_id"], table["pd"], moved.pd_now)
    moved.rows.write_parquet(file)
    return file


def data_first(group: Mapping[str, str]) -> bool:
    """Return True if the earlier model can score the new data, False if the later model can score the old data.

    Raises:
        ModelError: when neither covers the other's class.
    """
    if group["coverage"] in FAMILIES[group["family_before"]].covers:
        return True
    if group["coverage_before"] in FAMILIES[group["model_family"]].covers:
        return False
    raise ModelError(
        f"neither {group['family_before']} covers {group['coverage']} files nor {group['model_family']} "
        f"{group['coverage_before']} files; say in models/families.py which of them does"
    )


def splittable(table: pl.DataFrame) -> pl.DataFrame:
    """Return the borrowers whose PD was scored anew on both nights."""
    return table.filter(pl.col("unsplit").is_null())


def _record(
    registered: Mapping[tuple[str, str], ModelRecord], night: Night, family: str, version: str
) -> ModelRecord:
    if (family, version) not in registered:
        raise NotComparable(
            f"{night.portfolio} was scored on {night.as_of_date} by {family} {version}, which is not in "
            "ops.model_registry; score that night again: "
            f"python -m flows score --portfolio {night.portfolio} --as-of {night.as_of_date}"
        )
    return registered[family, version]


def _load(record: ModelRecord) -> CalibratedModel:
    path = registry.verify(record)
    return artefact.load(path, sha256=record.artefact_sha256, schema_hash=record.schema_hash)


def _check_reproduced(night: Night, ids: pl.Series, stored: pl.Series, computed: np.ndarray) -> None:
    """Refuse to explain PDs that the model and the features no longer reproduce."""
    gaps = abs(stored.to_numpy() - computed)
    if not (gaps <= EXACT).all():
        worst, wrong = int(gaps.argmax()), int((gaps > EXACT).sum())
        raise NotComparable(
            f"{night.portfolio} on {night.as_of_date}: {wrong} of {len(gaps)} PDs are not what model and features give "
            f"now ({ids[worst]}: {stored[worst]:.6f}, now {computed[worst]:.6f}); the features were built again "
            f"since: python -m flows score --portfolio {night.portfolio} --as-of {night.as_of_date}"
        )
