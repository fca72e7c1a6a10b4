"""Make and restore backups and log what they hold."""

import logging
import time
from pathlib import Path
from typing import BinaryIO

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel

from warehouse.backups import backup, restore
from warehouse.backups.backup import Backup
from warehouse.backups.restore import Restored
from warehouse.connection import writer
from warehouse.intake.whole_files import shown_path

log = logging.getLogger("nightledger")


@task(name="back up home", cache_policy=NO_CACHE)
def back_up_home(folder: Path, run_id: str, source: BinaryIO) -> Backup:
    """Write a checked backup into the folder and log where it is; a line names what could not be part of it."""
    started = time.perf_counter()
    with writer(purpose="backup") as con:
        made = backup.back_up(con, run_id, source=source, folder=folder)
    for name in made.left_out:
        log.warning("left out    %s: a pipe, a socket or a device has no content", shown_path(Path(name)))
    log.info(
        "backup      %s  %s files  %.1f MiB  %s rows, all read again  %.1f s",
        made.path,
        f"{len(made.manifest.files):,}",
        made.manifest.bytes / 2**20,
        f"{made.manifest.rows:,}",
        time.perf_counter() - started,
    )
    return made


@task(name="restore home", cache_policy=NO_CACHE)
def restore_home(folder: Path, parameters: BaseModel) -> Restored:
    """Restore a backup into the empty home and log what is there now."""
    started = time.perf_counter()
    brought = restore.restore(folder, parameters=parameters.model_dump(mode="json"))
    manifest = brought.manifest
    log.info(
        "restore     %s  %s files  %.1f MiB  %s rows  %.1f s",
        brought.home,
        f"{len(manifest.files):,}",
        manifest.bytes / 2**20,
        f"{manifest.rows:,}",
        time.perf_counter() - started,
    )
    log.info(
        "            as of %s, by %s at revision %s", manifest.written_at, manifest.run_id, manifest.revision
    )
    for scored in brought.portfolios:
        log.info(
            "            %s  last night %s  nights %d  scores %s",
            scored.portfolio, scored.last_night, scored.nights, f"{scored.scores:,}",
        )  # fmt: skip
    if not brought.portfolios:
        log.info("            no night was scored yet")
    return brought
