"""Score a portfolio in parallel parts and move the validated scores into place in one transaction."""

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models.champion_rule import headline_lines
from models.families import FAMILIES
from tasks.lineup import Lineup
from tasks.load_model import loadable
from tasks.parts import numbered, workers
from tasks.run_parts import run_parts
from tasks.score_part import PartFiles, score_partition
from tasks.staging import staging
from tasks.statuses import settle_statuses
from tasks.validate import validate_scores
from warehouse import matrix, run_inputs, scores, statuses
from warehouse.connection import transaction, writer
from warehouse.night import Night
from warehouse.outcome import CROSS_SECTION
from warehouse.run_inputs import RunInput
from warehouse.settings import settings

ROLES = ("champion", "challenger", "shadow")
log = logging.getLogger("nightledger")


@task(name="write scores", cache_policy=NO_CACHE)
def write_scores(night: Night, inputs: Sequence[RunInput]) -> dict[str, int]:
    """Replace the night's partition, refresh the marts, run the audits and finish the run in one transaction."""
    with writer(purpose="write scores") as con, transaction(con):
        run_inputs.record(con, night.run_id, inputs)
        return scores.commit_scores(con, night, model_roles=ROLES)


def score_parts(
    night: Night,
    lineup: Lineup,
    *,
    partitions: int,
    top_features: int,
    meanwhile: Callable[[], None] | None = None,
    into: AbstractContextManager[Callable[[PartFiles], None]] | None = None,
) -> list[PartFiles]:
    """Score all parts in parallel, at least so many, and return their files; `run_parts` says what happens beside."""
    with writer(purpose="score") as con:
        ranges = matrix.parts_of(con, night, at_least=max(partitions, workers()))
        files = run_parts(
            score_partition, numbered(ranges), meanwhile=meanwhile, into=into, night=night,
            lineup=loadable(lineup), top_features=top_features,
        )  # fmt: skip
    for remark in sorted({remark for part in files for remark in part.remarks}):
        log.warning("score       %s", remark)
    return files


def score_portfolio(
    night: Night,
    lineup: Lineup,
    *,
    partitions: int,
    top_features: int,
    stale_days: int = 90,
    meanwhile: Callable[[], None] | None = None,
) -> dict[str, int]:
    """Score, validate and write one night's portfolio; the last good scores stay if a gate or an audit stops it.

    `meanwhile`, such as the gate of the features, runs beside the parts; if it raises, nothing of them is staged.
    """
    started = time.perf_counter()
    inputs: list[RunInput] = []
    outcomes: dict[str, pl.DataFrame] = {}

    def beside() -> None:
        if meanwhile is not None:
            meanwhile()
        with writer(purpose="read inputs and outcomes") as con:
            inputs.extend(run_inputs.current(con, night))
            for definition in {record.label_definition for record in lineup.records} - {CROSS_SECTION}:
                outcomes[definition] = statuses.outcomes(con, night, definition)

    parts = score_parts(
        night, lineup, partitions=partitions, top_features=top_features, meanwhile=beside, into=staging(night)
    )
    with writer(purpose="count the headlines") as con:
        enterprises = scores.staged_headlines(con, night)
    log.info(
        "score       %s enterprises in %d parts  %.1f s",
        f"{sum(enterprises.values()):,}", len(parts), time.perf_counter() - started,
    )  # fmt: skip
    for line in headline_lines(enterprises, FAMILIES, leaders=lineup.leaders, worse=lineup.worse):
        log.info("            %s", line)
    settle_statuses(night, stale_days=stale_days, outcomes=outcomes)
    validate_scores(night)
    written = write_scores(night, inputs)
    shutil.rmtree(settings().runs_dir / night.run_id)  # the parts are in the warehouse now
    return written
