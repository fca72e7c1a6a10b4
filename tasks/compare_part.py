"""Splits the differences of one part of a pair of nights, by the models and features that their PDs were made of."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

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
from warehouse.registry import ModelRecord

EXACT = 5e-7  # both nights' PDs come out again this closely, so that a difference is right to 1e-6
GROUP = ("coverage", "coverage_before", "family_before", "version_before", "model_family", "model_version")


class Part(NamedTuple):
    """Every so-many-th borrower of one group: same classes, same models then, same models now."""

    group: Mapping[str, str]
    number: int
    of: int


@task(name="compare part", task_run_name="compare part {part.number} of {part.of}", cache_policy=NO_CACHE)
def compare_part(nights: Nights, part: Part, *, top_features: int, file: Path) -> Path:
    """Split the differences of one part and return the file of its rows."""
    with writer(purpose="compare part") as con:
        table = splittable(changes.pairs(con, nights)).filter(**part.group).gather_every(part.of, part.number)
        known = {
            (one.model_family, one.model_version): one
            for one in registry.records(con, portfolio=nights.portfolio)
        }
        records = [
            _record(known, nights, day, part.group[family], part.group[version])
            for day, family, version in (
                (nights.against_date, "family_before", "version_before"),
                (nights.as_of_date, "model_family", "model_version"),
            )
        ]
        sensitive = any(matrix.SENSITIVE.intersection(one.feature_names) for one in records)
        x_before, x_now = (
            changes.features(
                con, table["enterprise_id"], portfolio=nights.portfolio, as_of_date=day, sensitive=sensitive
            )
            for day in (nights.against_date, nights.as_of_date)
        )
    try:
        before = _load(records[0])
        now = before if records[0] == records[1] else _load(records[1])
        if records[0].model_family == records[1].model_family:
            moved = change.within_family(before, now, x_before, x_now, top=top_features)
        else:
            first = data_first(part.group)
            moved = change.across_families(before, now, x_before, x_now, data_first=first)
    except (ModelError, Refused) as error:
        raise NotComparable(
            f"{nights.portfolio} on {nights.as_of_date} and {nights.against_date}: {error}"
        ) from error
    _hold(table, moved, nights)
    moved.rows.write_parquet(file)
    return file


def data_first(group: Mapping[str, str]) -> bool:
    """Whether the family of then reads the new values: it covers their class; else that of now reads the old ones.

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
    """Return the borrowers with a PD of each night's own."""
    return table.filter(pl.col("unsplit").is_null())


def _record(
    known: Mapping[tuple[str, str], ModelRecord], nights: Nights, day: date, family: str, version: str
) -> ModelRecord:
    if (family, version) not in known:
        raise NotComparable(
            f"{nights.portfolio} was scored on {day} by {family} {version}, which is not in ops.model_registry; "
            f"score that night again: python -m flows score --portfolio {nights.portfolio} --as-of {day}"
        )
    return known[family, version]


def _load(record: ModelRecord) -> CalibratedModel:
    path = registry.verify(record)
    return artefact.load(path, sha256=record.artefact_sha256, schema_hash=record.schema_hash)


def _hold(table: pl.DataFrame, moved: change.Change, nights: Nights) -> None:
    """Refuse to explain a PD by features or a model that do not give it any more."""
    for day, stored, again in (
        (nights.against_date, table["pd_before"], moved.pd_before),
        (nights.as_of_date, table["pd"], moved.pd_now),
    ):
        apart = abs(stored.to_numpy() - again)
        if not (apart <= EXACT).all():
            worst, off = int(apart.argmax()), int((apart > EXACT).sum())
            raise NotComparable(
                f"{nights.portfolio} on {day}: {off} of {len(apart)} PDs are not what model and features give now "
                f"({table['enterprise_id'][worst]}: {stored[worst]:.6f}, now {again[worst]:.6f}); the features were "
                f"built again since: python -m flows score --portfolio {nights.portfolio} --as-of {day}"
            )
