"""Split the PD differences of one part of the borrowers, with the models and features of both nights."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models.errors import ModelError
from models.explaining import change
from models.explaining.change import Change
from models.families import FAMILIES
from models.scoring import CalibratedModel
from tasks.compared_models import MODELS
from tasks.load_model import load_model
from tasks.parts import Part
from warehouse import changes, matrix
from warehouse.changes import Nights, NotComparable
from warehouse.night import Night
from warehouse.registry import ModelRecord
from warehouse.snapshot import Snapshot, at

Models = Mapping[tuple[str, str], CalibratedModel]  # by family and version

EXACT = 5e-7  # both nights' PDs must be reproduced this closely, so that a difference is right to 1e-6
COVERAGES = ("coverage_before", "coverage")


@task(name="compare part", task_run_name="compare part {part.number} of {part.of}", cache_policy=NO_CACHE)
def compare_part(
    nights: Nights,
    records: Sequence[ModelRecord],
    pairs: Path,
    part: Part,
    snapshot: Snapshot,
    *,
    top_features: int,
) -> Path:
    """Split the PD differences of one part; return the file of its rows, which has a new name at each call.

    Args:
        nights: the pair.
        records: the models that the pairs name.
        pairs: the file of pairs, which all parts read.
        part: whose pairs are split.
        snapshot: the warehouse that holds the features of both nights.
        top_features: how many features are told of each difference.
    """
    models = {(record.model_family, record.model_version): load_model(record) for record in records}
    table = pl.scan_parquet(pairs).filter(pl.col("bucket").is_between(*part.buckets)).collect()
    sensitive = any(
        matrix.SENSITIVE.intersection(model.classifier.feature_names_in_) for model in models.values()
    )
    with at(snapshot) as con:
        x_before, x_now = (
            changes.features(con, table["enterprise_id"], night, part.buckets, sensitive=sensitive)
            for night in (nights.earlier, nights.night)
        )
    rows = []
    for group in groups(table.with_row_index("place")):
        own_before, own_now = x_before[group["place"]], x_now[group["place"]]
        try:
            moved = _split(models, group.row(0, named=True), own_before, own_now, top=top_features)
        except ModelError as error:
            raise NotComparable(
                f"{nights.night.portfolio} on {nights.night.as_of_date} and {nights.against_date}: {error}"
            ) from error
        _check_reproduced(nights.earlier, group["enterprise_id"], group["pd_before"], moved.pd_before)
        _check_reproduced(nights.night, group["enterprise_id"], group["pd"], moved.pd_now)
        rows.append(moved.rows)
    first, last = part.buckets
    file = pairs.with_name(f"changes-b{first:04d}-{last:04d}-{secrets.token_hex(4)}.parquet")
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
    models: Models, group: Mapping[str, str], x_before: pl.DataFrame, x_now: pl.DataFrame, *, top: int
) -> Change:
    before = models[group["family_before"], group["version_before"]]
    now = models[group["model_family"], group["model_version"]]
    if group["family_before"] == group["model_family"]:
        return change.within_family(before, now, x_before, x_now, top=top)
    if group["coverage_before"] == group["coverage"]:
        return change.within_class(before, now, x_before, x_now, top=top)
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
