"""Remove what dead processes left in the home: spilled data, parts of runs, unfinished copies and files.

Who holds the writer's lease calls this before anything is written, so that a disk which became full in the middle
of a night is cleaned by the next start.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from warehouse import processes
from warehouse.publishing import archive
from warehouse.settings import Settings

log = logging.getLogger("nightledger.warehouse")

_SPILL = "duckdb-"
NEW_WAREHOUSE = ".warehouse-"  # how the name of a warehouse begins that is being made
# what is written under another name until it is whole; the writers are dead, as the lease is ours
_UNFINISHED = (f"{NEW_WAREHOUSE}*", ".restore-*", "*.rewrite*", "models/**/*.partial", "reports/**/*.new")
_cleaned: set[Path] = set()  # folders of runs that this process has looked through


def spill_folder(conf: Settings) -> Path:
    """Return a folder for one DuckDB instance alone, named after its process.

    All instances give their files the same names. DuckDB makes the folder when it first spills, and removes it when
    it closes.
    """
    return (
        conf.spill_dir / f"{_SPILL}{processes.name_of(os.getpid()).replace('/', '-')}-{secrets.token_hex(3)}"
    )


def remove(conf: Settings) -> None:
    """Remove what dead processes of this host left; the caller holds the writer's lease.

    Spilled data of living readers, and of other hosts, stays. What cannot be removed is told in a warning.
    """
    for path in (*_dead_spill(conf.spill_dir), *_dead_runs(conf.runs_dir), *_unfinished(conf.home)):
        _remove(path)
    if conf.published_dir.is_dir():
        sweep(conf.published_dir)


def sweep(folder: Path) -> None:
    """Remove what killed publishes left; the build that the last publish replaced may still be read, and stays."""
    for leftover in archive.leftovers(folder):
        _remove(leftover)


def _dead_spill(folder: Path) -> Iterator[Path]:
    this_host = processes.name_of(os.getpid()).split("/")[0]
    for path in folder.glob(f"{_SPILL}*-*-*-*"):
        host, pid, started, _ = path.name.removeprefix(_SPILL).rsplit("-", 3)
        if host == this_host and not processes.runs_here(f"{host}/{pid}/{started}"):
            yield path
    for path in folder.glob("intake-*-*"):
        pid = path.name.split("-")[1]
        if pid.isdecimal() and not processes.lives(int(pid)):
            yield path
    yield from folder.glob("duckdb_temp_*")  # earlier versions spilled here


def _dead_runs(folder: Path) -> list[Path]:
    """Return the folders of all runs, when this process takes the lease of their home for the first time."""
    if folder in _cleaned or not folder.is_dir():
        _cleaned.add(folder)
        return []
    _cleaned.add(folder)
    return list(folder.iterdir())


def _unfinished(home: Path) -> Iterator[Path]:
    for pattern in _UNFINISHED:
        yield from home.glob(pattern)


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:  # what another user left stops no night
        log.warning("cannot remove %s, which a dead process left: %s", path, error.strerror)
