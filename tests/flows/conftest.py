"""A disk of its own for tests of flows: small, full or read-only; two nights that several files of tests begin with.

Prefect is imported first, so that a command line called by a test leaves the choice of the server to the test.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import prefect  # noqa: F401
import pytest
from night_processes import NEXT_NIGHT, FirstNight, TwoNights, delivered_home, finish, start


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system in memory with the given options, and returns its folder."""
    folders: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk-{len(folders)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("needs the command mount")
        if ended.returncode:
            pytest.skip(f"needs the right to mount a file system: {ended.stderr.strip()}")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def two_nights(prefect_session: None, tmp_path_factory: pytest.TempPathFactory) -> TwoNights:
    """Two nights that nothing disturbs, each in a process of its own, on threads and a file; tests change copies."""
    folder = tmp_path_factory.mktemp("two-nights")
    delivered_home(folder / "first")
    started = time.monotonic()
    finish(start(folder / "first"))
    between = time.monotonic()
    shutil.copytree(folder / "first", folder / "both", symlinks=True)
    finish(start(folder / "both", NEXT_NIGHT))
    return TwoNights(folder / "first", folder / "both", (between - started, time.monotonic() - between))


@pytest.fixture(scope="session")
def may_night(prefect_session: None, tmp_path_factory: pytest.TempPathFactory) -> FirstNight:
    """The night of May of 150 enterprises, with a champion of every family; tests go on with copies of its home."""
    from quick_families import train_quickly

    from flows.nightly import NightlyParameters, nightly

    home, day = tmp_path_factory.mktemp("may") / "home", date(2026, 5, 31)
    delivered_home(home, enterprises=150, night=day)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(home))
        train_quickly(patch)
        run_id = nightly(run=NightlyParameters(source="simulated", enterprises=150, as_of=day))
    return FirstNight(home, run_id)
