"""Processes that a test waits for."""

from __future__ import annotations

from collections.abc import Iterable

import psutil


def still_running(processes: Iterable[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    """Wait, and return those that have not ended.

    One that has ended and that nobody has asked for its exit code (a zombie) is no longer running: an orphan
    stays one for ever where process 1 does not collect orphans, as in a container without an init.
    """
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
