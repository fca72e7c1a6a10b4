"""Scores a portfolio in parallel parts and moves the validated scores into place in one transaction."""

import logging
import shutil
import time
from datetime import date
from pathlib import Path

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models import artefact, scoring
from models.errors import ModelError
from tasks.validate import validate_scores
from warehouse import matrix, registry, scores
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.settings import settings

FAMILY = "operational_risk"
log = logging.getLogger("nightledger")


@task(name="score partition", task_run_name="score part {part} of {parts}", cache_policy=NO_CACHE)
def score_partition(portfolio: str, as_of_date: date, part: int, parts: int, run_id: str) -> Path:
    """Score one part of the portfolio and return the Parquet file that holds its rows."""
    with writer(purpose="score partition") as con:
        champion = registry.champion(con, portfolio=portfolio, family=FAMILY, as_of_date=as_of_date)
        if champion is None:
            raise Refused(
                f"{portfolio} has no {FAMILY} champion as of {as_of_date}; train one: python -m flows train"
            )
        frame = matrix.scoring_matrix(con, portfolio=portfolio, as_of_date=as_of_date, part=part, parts=parts)
    try:
        model = artefact.load(
            registry.verify(champion), sha256=champion.artefact_sha256, schema_hash=champion.schema_hash
        )
        said = scoring.score(model, frame.filter(pl.col("coverage") != "unscoreable"))
    except ModelError as error:
        raise Refused(f"{FAMILY} {champion.model_version} cannot score {portfolio}: {error}") from error
    rows = frame.select("enterprise_id", "coverage").join(said, on="enterprise_id", how="left")
    file = settings().runs_dir / run_id / f"scores-{part:03d}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    scores.as_rows(
        rows, record=champion, portfolio=portfolio, as_of_date=as_of_date, run_id=run_id
    ).write_parquet(file)
    return file


@task(name="stage scores", cache_policy=NO_CACHE)
def stage_scores(files: list[Path], portfolio: str, as_of_date: date) -> int:
    """Put the parts where the gate can read them and return the number of rows."""
    with writer(purpose="stage scores") as con:
        return scores.stage_scores(con, files, portfolio=portfolio, as_of_date=as_of_date)


@task(name="write scores", cache_policy=NO_CACHE)
def write_scores(portfolio: str, as_of_date: date, run_id: str) -> dict[str, int]:
    """Replace the night's partition, refresh the marts, run the audits and finish the run in one transaction."""
    with writer(purpose="write scores") as con:
        return scores.commit_scores(con, portfolio=portfolio, as_of_date=as_of_date, run_id=run_id)


def score_portfolio(portfolio: str, as_of_date: date, *, partitions: int, run_id: str) -> dict[str, int]:
    """Score, validate and write one night's portfolio; the last good scores stay where a gate or an audit stops it."""
    started = time.perf_counter()
    futures = [
        score_partition.submit(portfolio, as_of_date, part, partitions, run_id) for part in range(partitions)
    ]
    files = [future.result() for future in futures]
    rows = stage_scores(files, portfolio, as_of_date)
    log.info(
        "score       %s enterprises in %d parts  %.1f s",
        f"{rows:,}",
        partitions,
        time.perf_counter() - started,
    )
    validate_scores(portfolio, as_of_date, run_id)
    written = write_scores(portfolio, as_of_date, run_id)
    shutil.rmtree(settings().runs_dir / run_id)  # the parts are in the warehouse now
    return written
