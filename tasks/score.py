"""Scores a portfolio in parallel parts and moves the validated scores into place in one transaction."""

import logging
import shutil
import time
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models import artefact, scoring
from models.errors import ModelError
from tasks.champions import beside_of, champions_of, shown_worse
from tasks.families import ORDER, STAND_IN, UNSCOREABLE, covered, headline, headline_lines
from tasks.statuses import settle_statuses
from tasks.validate import validate_scores
from warehouse import contributions, matrix, registry, run_inputs, scores
from warehouse.connection import transaction, writer
from warehouse.errors import Refused
from warehouse.registry import ModelRecord
from warehouse.settings import settings

ROLES = ("champion", "challenger", "shadow")
log = logging.getLogger("nightledger")


class Part(NamedTuple):
    """The Parquet files of one scored part."""

    scores: Path
    contributions: Path | None


@task(name="score partition", task_run_name="score part {part} of {parts}", cache_policy=NO_CACHE)
def score_partition(
    portfolio: str,
    as_of_date: date,
    part: int,
    parts: int,
    *,
    behind: tuple[str, ...] = (),
    top_features: int,
    run_id: str,
) -> Part:
    """Score one part of the portfolio with every family that covers it and return the files of its rows."""
    champions, beside = champions_of(portfolio, as_of_date), beside_of(portfolio, as_of_date)
    with writer(purpose="score partition") as con:
        frame = matrix.scoring_matrix(con, portfolio=portfolio, as_of_date=as_of_date, part=part, parts=parts)
        if any(
            matrix.SENSITIVE.intersection(record.feature_names) for record in (*champions.values(), *beside)
        ):
            frame = matrix.add_sensitive(con, frame, portfolio=portfolio)
    for coverage in sorted(set(frame["coverage"]) & set(ORDER)):
        if not set(ORDER[coverage]) & set(champions):
            raise Refused(
                f"{portfolio} has no champion for its {coverage} files as of {as_of_date}; "
                f"train one: python -m flows train --family {STAND_IN}"
            )
    night: dict[str, Any] = {"portfolio": portfolio, "as_of_date": as_of_date, "run_id": run_id}
    nobody = frame.filter(coverage=UNSCOREABLE).select(
        "enterprise_id", "coverage", pd=pl.lit(None, pl.Float64)
    )
    rows, told = [scores.as_rows(nobody, record=None, headline=(UNSCOREABLE,), **night)], []
    for record in (*champions.values(), *beside):
        here = frame.filter(pl.col("coverage").is_in(covered(record.model_family)))
        leads = record.role == "champion"
        try:
            said, why = _ask(record, here, top_features)
        except Refused as refusal:
            if leads:
                raise
            log.warning("score       without the %s: %s", record.role, refusal)
            continue
        scored = scores.as_rows(
            here.select("enterprise_id", "coverage").join(said, on="enterprise_id"), record=record,
            headline=headline(record.model_family, champions, behind=behind) if leads else (), **night,
        )  # fmt: skip
        rows.append(scored)
        if why is not None:
            told.append(contributions.as_rows(why, scored))
    folder = settings().runs_dir / run_id
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"scores-{part:03d}.parquet", folder / f"contributions-{part:03d}.parquet"]
    pl.concat(rows, how="diagonal").write_parquet(files[0])
    if not told:
        return Part(files[0], None)
    pl.concat(told).write_parquet(files[1])
    return Part(*files)


def _ask(
    record: ModelRecord, frame: pl.DataFrame, top_features: int
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return what a model says of the rows, and the contributions where its family explains itself."""
    try:
        path = registry.verify(record)
        model = artefact.load(path, sha256=record.artefact_sha256, schema_hash=record.schema_hash)
        said = scoring.score(model, frame)
        if frame.is_empty():
            return said, None
        if (why_not := scoring.unexplained(model)) is not None:
            log.info(
                "score       %s %s tells no contributions: %s",
                record.model_family,
                record.model_version,
                why_not,
            )
            return said, None
        base_value, why, decisions = scoring.contributions(model, frame, top=top_features)
    except ModelError as error:
        raise Refused(
            f"{record.model_family} {record.model_version} cannot score {record.portfolio}: {error}"
        ) from error
    for decision in decisions:
        log.warning("score       %s %s: %s", record.model_family, record.model_version, decision)
    explained = said.with_columns(base_value=pl.lit(base_value))
    return explained.join(contributions.reasons(why), on="enterprise_id", how="left"), why


@task(name="stage scores", cache_policy=NO_CACHE)
def stage_scores(parts: list[Part], portfolio: str, as_of_date: date) -> dict[tuple[str, str | None], int]:
    """Put the parts where the gate can read them; return the enterprises by coverage and headline family."""
    night: dict[str, Any] = {"portfolio": portfolio, "as_of_date": as_of_date}
    with writer(purpose="stage scores") as con:
        scores.stage_scores(con, [part.scores for part in parts], **night)
        told = [part.contributions for part in parts if part.contributions is not None]
        contributions.stage_contributions(con, told, **night)
        return scores.staged_headlines(con, **night)


@task(name="write scores", cache_policy=NO_CACHE)
def write_scores(portfolio: str, as_of_date: date, run_id: str) -> dict[str, int]:
    """Replace the night's partition, refresh the marts, run the audits and finish the run in one transaction."""
    night: dict[str, Any] = {"portfolio": portfolio, "as_of_date": as_of_date}
    with writer(purpose="write scores") as con, transaction(con):
        run_inputs.record(con, run_id, run_inputs.found(con, **night))
        return scores.commit_scores(con, **night, run_id=run_id, model_roles=ROLES)


def score_parts(
    portfolio: str, as_of_date: date, *, partitions: int, top_features: int, run_id: str
) -> tuple[list[Part], tuple[str, ...]]:
    """Score all parts in parallel; return their files, and the families that were shown to be worse."""
    behind = shown_worse(portfolio, as_of_date)
    futures = [
        score_partition.submit(
            portfolio, as_of_date, part, partitions, behind=behind, top_features=top_features, run_id=run_id
        )
        for part in range(partitions)
    ]
    return [future.result() for future in futures], behind


def score_portfolio(
    portfolio: str, as_of_date: date, *, partitions: int, top_features: int, run_id: str, stale_days: int = 90
) -> dict[str, int]:
    """Score, validate and write one night's portfolio; the last good scores stay where a gate or an audit stops it."""
    started = time.perf_counter()
    parts, behind = score_parts(
        portfolio, as_of_date, partitions=partitions, top_features=top_features, run_id=run_id
    )
    headlines = stage_scores(parts, portfolio, as_of_date)
    log.info(
        "score       %s enterprises in %d parts  %.1f s",
        f"{sum(headlines.values()):,}",
        partitions,
        time.perf_counter() - started,
    )
    for line in headline_lines(headlines, behind=behind):
        log.info("            %s", line)
    settle_statuses(portfolio, as_of_date, run_id=run_id, stale_days=stale_days)
    validate_scores(portfolio, as_of_date, run_id)
    written = write_scores(portfolio, as_of_date, run_id)
    shutil.rmtree(settings().runs_dir / run_id)  # the parts are in the warehouse now
    return written
