"""Score one part of a portfolio with every model of the night that covers it."""

import secrets
from pathlib import Path
from typing import NamedTuple

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models import scoring
from models.champion_rule import UNSCOREABLE, order, uncovered
from models.errors import ModelError
from models.families import FAMILIES
from models.scoring import CalibratedModel
from tasks.curves import curves_of
from tasks.lineup import Lineup
from tasks.load_model import load_model
from tasks.parts import Part
from warehouse import contributions, matrix, scores
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.registry import ModelRecord
from warehouse.settings import settings
from warehouse.snapshot import Snapshot, at


class PartFiles(NamedTuple):
    """The Parquet files of one scored part, how many scores, and remarks that are worth a line in the log."""

    scores: Path
    rows: int
    contributions: Path | None
    curves: Path | None
    remarks: tuple[str, ...]


@task(name="score partition", task_run_name="score part {part.number} of {part.of}", cache_policy=NO_CACHE)
def score_partition(
    night: Night, lineup: Lineup, part: Part, snapshot: Snapshot, *, top_features: int
) -> PartFiles:
    """Score one part of the portfolio with every family that covers it and return the files of its rows.

    Their names are new ones at each call: a part that is scored again writes over no file of the first try.
    """
    with at(snapshot) as con:
        frame = matrix.scoring_matrix(con, night, part.buckets)
        if any(matrix.SENSITIVE.intersection(record.feature_names) for record in lineup.records):
            frame = matrix.add_sensitive(con, frame, portfolio=night.portfolio)
    waiting = uncovered(set(frame["coverage"]), lineup.champions, FAMILIES)
    if waiting and not lineup.champions:
        raise Refused(
            f"{night.portfolio} has no champion for its {waiting[0]} files as of {night.as_of_date}; train one of "
            f"{', '.join(order(waiting[0], FAMILIES, leaders=lineup.leaders))}: "
            f"python -m flows train --portfolio {night.portfolio} --family NAME"
        )
    nobody = (*waiting, UNSCOREABLE)
    unscored = frame.filter(pl.col("coverage").is_in(nobody)).select(
        "enterprise_id", "coverage", pd=pl.lit(None, pl.Float64)
    )
    score_rows = [scores.as_rows(unscored, night, record=None, headline=nobody)]
    contribution_rows, curve_rows, remarks = [], [], []
    for record in lineup.records:
        model = load_model(record)
        covered = frame.filter(pl.col("coverage").is_in(FAMILIES[record.model_family].covers))
        try:
            scored, explained, decisions = _score(record, model, covered, top_features)
        except Refused as refusal:
            if record.role == "champion":
                raise
            remarks.append(f"without the {record.role}: {refusal}")
            continue
        remarks += [f"{record.model_family} {record.model_version}: {decision}" for decision in decisions]
        rows = scores.as_rows(
            covered.select("enterprise_id", "coverage").join(scored, on="enterprise_id"),
            night,
            record=record,
            headline=lineup.headline_classes(record),
        )
        score_rows.append(rows)
        if record.horizon_days is not None:
            curve_rows.append(curves_of(rows, record.horizon_days, lineup.curve))
        if explained is not None:
            contribution_rows.append(contributions.as_rows(explained, rows))
    folder = settings().runs_dir / night.run_id
    folder.mkdir(parents=True, exist_ok=True)
    name = f"b{part.buckets.first:04d}-{part.buckets.last:04d}-{secrets.token_hex(4)}.parquet"
    file, contribution_file, curve_file = (
        folder / f"{what}-{name}" for what in ("scores", "contributions", "curves")
    )
    rows = pl.concat(score_rows, how="diagonal")
    rows.write_parquet(file)
    if contribution_rows:
        pl.concat(contribution_rows).write_parquet(contribution_file)
    if curve_rows:
        pl.concat(curve_rows).write_parquet(curve_file)
    return PartFiles(
        file,
        rows.height,
        contribution_file if contribution_rows else None,
        curve_file if curve_rows else None,
        tuple(remarks),
    )


def _score(
    record: ModelRecord, model: CalibratedModel, frame: pl.DataFrame, top_features: int
) -> tuple[pl.DataFrame, pl.DataFrame | None, tuple[str, ...]]:
    """Return scores with reasons, contributions where the model explains itself, and decisions on the way."""
    try:
        if frame.is_empty() or model.classifier.unexplained is not None:
            return scoring.score(model, frame), None, ()
        explained = scoring.contributions(model, frame, top=top_features)
    except ModelError as error:
        raise Refused(
            f"{record.model_family} {record.model_version} cannot score {record.portfolio}: {error}"
        ) from error
    with_base = explained.scores.with_columns(base_value=pl.lit(explained.base_value))
    reasons = contributions.reasons(explained.rows)
    scored = with_base.join(reasons, on="enterprise_id", how="left")
    return scored, explained.rows, explained.decisions
