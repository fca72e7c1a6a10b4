"""Split the PD differences of one part of the borrowers, with the models and features of both nights."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models.errors import ModelError
from models.explaining import change
from models.explaining.change import Change
from models.families import FAMILIES
from tasks.compared_models import MODELS
from tasks.load_model import Models
from warehouse import changes, matrix
from warehouse.changes import Nights, NotComparable
from warehouse.connection import writer
from warehouse.night import Night

EXACT = 5e-7  # both nights' PDs must be reproduced this closely, so that a difference is right to 1e-6
COVERAGES = ("coverage_before", "coverage")


class Part(NamedTuple):
    """The rows `start` to `end` of the file of pairs, part `number` (from 0) of so many."""

    start: int
    end: int
    number: int
    of: int


@task(name="compare part", task_run_name="compare part {part.number} of {part.of}", cache_policy=NO_CACHE)
def compare_part(
    nights: Nights, models: Models, pairs: Path, part: Part, *, top_features: int, file: Path
) -> Path:
    """Split the PD differences of one part, write them to the file, and return its path."""
    table = pl.scan_parquet(pairs).slice(part.start, part.end - part.start).collect()
    sensitive = any(
        matrix.SENSITIVE.intersection(model.classifier.feature_names_in_) for model in models.values()
    )
    with writer(purpose="compare part") as con:
        x_before, x_now = (
            changes.features(con, table["enterprise_id"], night, sensitive=sensitive)
            for night in (nights.earlier, nights.night)
        )
    rows = []
    for group in groups(table.with_row_index("place")):
        own_before, own_now = x_before[group["place"]], x_now[group["place"]]
        try:
            moved = _split(models, group.row(0, named=True), own_before, own_now, top_features=top_features)
        except ModelError as error:
            raise NotComparable(
                f"{nights.night.portfolio} on {nights.night.as_of_date} and {nights.against_date}: {error}"
            ) from error
        _check_reproduced(nights.earlier, group["enterprise_id"], group["pd_before"], moved.pd_before)
        _check_reproduced(nights.night, group["enterprise_id"], group["pd"], moved.pd_now)
        rows.append(moved.rows)
    pl.concat(rows).write_parquet(file)
    return file


def groups(table: pl.DataFrame) -> list[pl.DataFrame]:
    """Return the borrowers by the models of both nights, those of different families by their coverage as well."""
    same = pl.col("family_before") == pl.col("model_family")
    return [
        *table.filter(same).partition_by(MODELS, maintain_order=True),
        *table.filter(~same).partition_by((*MODELS, *COVERAGES), maintain_order=True),
    ]


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


def _split(
    models: Models,
    group: Mapping[str, str],
    x_before: pl.DataFrame,
    x_now: pl.DataFrame,
    *,
    top_features: int,
) -> Change:
    before = models[group["family_before"], group["version_before"]]
    now = models[group["model_family"], group["model_version"]]
    if group["family_before"] == group["model_family"]:
        return change.within_family(before, now, x_before, x_now, top=top_features)
    return change.across_families(before, now, x_before, x_now, data_first=data_first(group))


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
