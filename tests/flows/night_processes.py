"""A small night in a process of its own, as several files of tests start it, and what two undisturbed ones leave."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import NamedTuple

from yearly_files import deliver_by_year

ROOT = Path(__file__).parents[2]
NIGHT = ["nightly", "--source", "simulated", "--enterprises", "120", "--as-of", "2026-06-30"]
NEXT_NIGHT = [*NIGHT[:-1], "2026-07-01"]
DAY = date(2026, 6, 30)


class TwoNights(NamedTuple):
    """A home with one whole night and one with the next one too, and the seconds that each of the nights took."""

    first: Path
    both: Path
    seconds: tuple[float, float]


class FirstNight(NamedTuple):
    """A home with one night, and its run."""

    home: Path
    run_id: str


def delivered_home(home: Path, *, enterprises: int = 120, night: date = DAY) -> Path:
    """Return a home into which all but the last month of a first night is delivered."""
    portfolio = f"simulated-{enterprises}-7"
    deliver_by_year(home / "landing" / portfolio, enterprises=enterprises, night=night)
    return home


def start(home: Path, arguments: list[str] = NIGHT) -> subprocess.Popen[str]:
    """Start a night in a process group of its own, on the server of the session."""
    from prefect.settings import PREFECT_API_URL

    env = os.environ | {"NIGHTLEDGER_HOME": str(home), "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    return subprocess.Popen(
        [sys.executable, "-m", "flows", *arguments],
        env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a night that shall succeed and return what it printed."""
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, out + err
    return out
