"""Score one part of a portfolio with every model of the night that covers it."""

import logging
from pathlib import Path
from typing import NamedTuple

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models import artefact, scoring
from models.champion_rule import UNSCOREABLE, order, uncovered
from models.errors import ModelError
from models.families import FAMILIES
from tasks.lineup import Lineup
from warehouse import contributions, matrix, registry, scores
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.registry import ModelRecord
from warehouse.settings import settings

log = logging.getLogger("nightledger")


class PartFiles(NamedTuple):
    """The Parquet files of one scored part."""

    scores: Path
    contributions: Path | None


@task(name="score partition", task_run_name="score part {part} of {parts}", cache_policy=NO_CACHE)
def score_partition(night: Night, lineup: Lineup, part: int, parts: int, *, top_features: int) -> PartFiles:
    """Score one part of the portfolio with every family that covers it and return the files of its rows."""
    with writer(purpose="score partition") as con:
        frame = matrix.scoring_matrix(con, night, part=part, parts=parts)
        if any(matrix.SENSITIVE.intersection(record.feature_names) for record in lineup.records):
            frame = matrix.add_sensitive(con, frame, portfolio=night.portfolio)
    waiting = uncovered(set(frame["coverage"]), lineup.champions, FAMILIES)
    if waiting and not lineup.champions:
        raise Refused(
            f"{night.portfolio} has no champion for its {waiting[0]} files as of {night.as_of_date}; train one of "
            f"{', '.join(order(waiting[0], FAMILIES))}: "
            f"python -m flows train --portfolio {night.portfolio} --family NAME"
        )
    nobody = (*waiting, UNSCOREABLE)
    unscored = frame.filter(pl.col("coverage").is_in(nobody)).select(
        "enterprise_id", "coverage", pd=pl.lit(None, pl.Float64)
    )
    score_rows = [scores.as_rows(unscored, night, record=None, headline=nobody)]
    contribution_rows = []
    for record in lineup.records:
        covered = frame.filter(pl.col("coverage").is_in(FAMILIES[record.model_family].covers))
        try:
            scored, explained = _score(record, covered, top_features)
        except Refused as refusal:
            if record.role == "champion":
                raise
            log.warning("score       without the %s: %s", record.role, refusal)
            continue
        rows = scores.as_rows(
            covered.select("enterprise_id", "coverage").join(scored, on="enterprise_id"),
            night,
            record=record,
            headline=lineup.headline_classes(record),
        )
        score_rows.append(rows)
        if explained is not None:
            contribution_rows.append(contributions.as_rows(explained, rows))
    folder = settings().runs_dir / night.run_id
    folder.mkdir(parents=True, exist_ok=True)
    files = PartFiles(folder / f"scores-{part:03d}.parquet", folder / f"contributions-{part:03d}.parquet")
    pl.concat(score_rows, how="diagonal").write_parquet(files.scores)
    if not contribution_rows:
        return files._replace(contributions=None)
    pl.concat(contribution_rows).write_parquet(files.contributions)
    return files


def _score(
    record: ModelRecord, frame: pl.DataFrame, top_features: int
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return the scores of the rows, with reasons, and their contributions where the model explains itself."""
    try:
        path = registry.verify(record)
        model = artefact.load(path, sha256=record.artefact_sha256, schema_hash=record.schema_hash)
        scored = scoring.score(model, frame)
        if frame.is_empty():
            return scored, None
        if model.classifier.unexplained is not None:
            log.info(
                "score       %s %s tells no contributions: %s",
                record.model_family, record.model_version, model.classifier.unexplained,
            )  # fmt: skip
            return scored, None
        base_value, explained, decisions = scoring.contributions(model, frame, top=top_features)
    except ModelError as error:
        raise Refused(
            f"{record.model_family} {record.model_version} cannot score {record.portfolio}: {error}"
        ) from error
    for decision in decisions:
        log.warning("score       %s %s: %s", record.model_family, record.model_version, decision)
    with_base = scored.with_columns(base_value=pl.lit(base_value))
    return with_base.join(contributions.reasons(explained), on="enterprise_id", how="left"), explained
