"""Loads delivered feed files; one task a feed, since Prefect bears tens of tasks and not thousands."""

import logging
import time
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, ConfigDict

from warehouse.connection import writer
from warehouse.intake.feeds import FEEDS
from warehouse.intake.ingest import IngestResult, ingest_file
from warehouse.intake.landing import LandingFile, list_landing

log = logging.getLogger("nightledger")
_SECONDS_BETWEEN_LINES = 10.0


class IngestSummary(BaseModel):
    """What became of every file that lay in the landing zone."""

    model_config = ConfigDict(frozen=True)

    portfolio: str
    files: tuple[IngestResult, ...]

    @property
    def refused(self) -> tuple[IngestResult, ...]:
        """The files that were refused whole."""
        return tuple(file for file in self.files if file.status == "refused")

    @property
    def replaced(self) -> tuple[IngestResult, ...]:
        """The corrected files, which took the place of their predecessors."""
        return tuple(file for file in self.files if file.replaced)

    @property
    def new(self) -> tuple[IngestResult, ...]:
        """The files that were loaded now."""
        return tuple(file for file in self.files if file.status == "loaded")

    def counts(self) -> dict[str, Any]:
        """Numbers for the run ledger: files by status, and the rows of what was loaded now by fate."""
        return {
            "files": len(self.files),
            "files_loaded": len(self.new),
            "files_already_loaded": sum(file.status == "already_loaded" for file in self.files),
            "files_refused": len(self.refused),
            "files_replaced": len(self.replaced),
            **{
                name: sum(getattr(file, name) for file in self.new)
                for name in ("delivered", "loaded", "quarantined", "exact_duplicates")
            },
        }


def ingest_landing(landing: Path, portfolio: str, run_id: str) -> IngestSummary:
    """Load all that is new in a landing folder, enterprises first; refused files do not stop the others.

    Args:
        landing: Folder with one folder a feed.
        portfolio: Whose rows they are.
        run_id: The run that loads; it stays on every row.

    Raises:
        Refused: The folder does not exist or holds something that belongs to no feed.
    """
    waiting = list_landing_files(landing)
    results: list[IngestResult] = []
    for feed in FEEDS:
        files = tuple(file for file in waiting if file.feed == feed)
        if files:
            results += load_feed_files(files, portfolio, run_id)
    return IngestSummary(portfolio=portfolio, files=tuple(results))


@task(name="list landing files", cache_policy=NO_CACHE)
def list_landing_files(landing: Path) -> tuple[LandingFile, ...]:
    """List what lies in the landing folder, enterprises first."""
    return list_landing(landing)


@task(name="load feed files", task_run_name="load {files[0].feed}", cache_policy=NO_CACHE)
def load_feed_files(files: tuple[LandingFile, ...], portfolio: str, run_id: str) -> tuple[IngestResult, ...]:
    """Load the files of one feed one after the other, each whole or not at all, and log one line."""
    started = said = time.perf_counter()
    results: list[IngestResult] = []
    with writer(purpose=f"ingest {files[0].feed}") as con:
        for file in files:
            results.append(ingest_file(con, file, portfolio=portfolio, run_id=run_id))
            if results[-1].status == "refused":
                log.warning("refused     %s  %s", file.path, results[-1].message)
            if time.perf_counter() - said > _SECONDS_BETWEEN_LINES and len(results) < len(files):
                said = time.perf_counter()
                log.info("%-18s  %d of %d files", files[0].feed, len(results), len(files))
    log.info("%s", _line(results, time.perf_counter() - started))
    return tuple(results)


def _line(results: list[IngestResult], seconds: float) -> str:
    new = [one for one in results if one.status == "loaded"]
    parts = [f"{results[0].feed:18}", _counted(len(results), "file")]
    if new:
        parts.append(_counted(sum(one.loaded for one in new), "row"))
    for name, number in (
        ("quarantined", sum(one.quarantined for one in new)),
        ("exact duplicates", sum(one.exact_duplicates for one in new)),
        ("corrected", sum(one.replaced for one in new)),
        ("loaded before", sum(one.status == "already_loaded" for one in results)),
        ("refused", sum(one.status == "refused" for one in results)),
    ):
        if number:
            parts.append(f"{number:,} {name}")
    return "  ".join([*parts, f"{seconds:.1f} s"])


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
