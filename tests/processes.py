"""Processes that a test starts or waits for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]


def elsewhere(program: str, *arguments: str) -> str:
    """Run a program of Python in a process of its own and return what it printed."""
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def still_running(processes: Iterable[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    """Wait, and return those that have not ended.

    One that has ended and that nobody has asked for its exit code (a zombie) is no longer running: an orphan
    stays one for ever where process 1 does not collect orphans, as in a container without an init.
    """
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
