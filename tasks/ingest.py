"""Load delivered feed files; one task per feed, because Prefect copes with tens of tasks, not thousands."""

import logging
import time
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, ConfigDict

from warehouse.connection import writer
from warehouse.intake.feeds import FEEDS
from warehouse.intake.ingest import IngestResult, ingest_files
from warehouse.intake.landing import LandingFile, list_landing

log = logging.getLogger("nightledger")
_SECONDS_BETWEEN_LINES = 10.0


class IngestSummary(BaseModel):
    """The results of all files of a landing folder."""

    model_config = ConfigDict(frozen=True)

    portfolio: str
    files: tuple[IngestResult, ...]

    @property
    def refused(self) -> tuple[IngestResult, ...]:
        """The files that were refused whole."""
        return tuple(file for file in self.files if file.status == "refused")

    @property
    def replaced(self) -> tuple[IngestResult, ...]:
        """The files that replaced an earlier content of the same path."""
        return tuple(file for file in self.files if file.replaced)

    @property
    def new(self) -> tuple[IngestResult, ...]:
        """The files that this run loaded."""
        return tuple(file for file in self.files if file.status == "loaded")

    def counts(self) -> dict[str, Any]:
        """Return counts for the run ledger: files by status, and the rows of newly loaded files by their fate."""
        return {
            "files": len(self.files),
            "files_loaded": len(self.new),
            "files_already_loaded": sum(file.status == "already_loaded" for file in self.files),
            "files_refused": len(self.refused),
            "files_replaced": len(self.replaced),
            **{
                name: sum(getattr(file, name) for file in self.new)
                for name in ("delivered", "loaded", "quarantined", "exact_duplicates", "superseded")
            },
        }


def ingest_landing(landing: Path, portfolio: str, run_id: str) -> IngestSummary:
    """Load the new files of a landing folder, enterprises first; refused files do not stop the others.

    Args:
        landing: Folder with one folder a feed.
        portfolio: The portfolio that the rows belong to.
        run_id: The run that loads; it is stored with every row.

    Raises:
        Refused: The folder does not exist or holds something that belongs to no feed.
    """
    landing_files = list_landing_files(landing)
    results: list[IngestResult] = []
    for feed in FEEDS:
        files = tuple(file for file in landing_files if file.feed == feed)
        if files:
            results += load_feed_files(files, portfolio, run_id)
    return IngestSummary(portfolio=portfolio, files=tuple(results))


@task(name="list landing files", cache_policy=NO_CACHE)
def list_landing_files(landing: Path) -> tuple[LandingFile, ...]:
    """List the files of the landing folder, enterprises first."""
    return list_landing(landing)


@task(name="load feed files", task_run_name="load {files[0].feed}", cache_policy=NO_CACHE)
def load_feed_files(files: tuple[LandingFile, ...], portfolio: str, run_id: str) -> tuple[IngestResult, ...]:
    """Load the files of one feed one by one, each whole or not at all, and log one line."""
    started = last_logged = time.perf_counter()
    results: list[IngestResult] = []
    with writer(purpose=f"ingest {files[0].feed}") as con:
        for result in ingest_files(con, files, portfolio=portfolio, run_id=run_id):
            results.append(result)
            if result.status == "refused":
                log.warning("refused     %s  %s", result.path, result.message)
            if time.perf_counter() - last_logged > _SECONDS_BETWEEN_LINES and len(results) < len(files):
                last_logged = time.perf_counter()
                log.info("%-18s  %d of %d files", files[0].feed, len(results), len(files))
    log.info("%s", _summary_line(results, time.perf_counter() - started))
    return tuple(results)


def _summary_line(results: list[IngestResult], seconds: float) -> str:
    new = [result for result in results if result.status == "loaded"]
    parts = [f"{results[0].feed:18}", _counted(len(results), "file")]
    if new:
        parts.append(_counted(sum(result.loaded for result in new), "row"))
    for name, number in (
        ("quarantined", sum(result.quarantined for result in new)),
        ("exact duplicates", sum(result.exact_duplicates for result in new)),
        ("superseded", sum(result.superseded for result in new)),
        ("corrected", sum(result.replaced for result in new)),
        ("loaded before", sum(result.status == "already_loaded" for result in results)),
        ("refused", sum(result.status == "refused" for result in results)),
    ):
        if number:
            parts.append(f"{number:,} {name}")
    return "  ".join([*parts, f"{seconds:.1f} s"])


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
