"""Name a process so that its files and ledger rows can be told from those of a later process with the same number."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def name_of(pid: int) -> str:
    """Return host, process id and start time of a process, with slashes between them."""
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        started = ""
    return f"{socket.gethostname()}/{pid}/{started}"


def runs_here(name: str | None) -> bool:
    """Return whether the process of that name runs on this host."""
    if not name or name.count("/") != 2:
        return False
    host, pid, _ = name.split("/")
    return host == socket.gethostname() and pid.isdecimal() and lives(int(pid)) and name == name_of(int(pid))


def lives(pid: int) -> bool:
    """Return whether a process of this host has that id now."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, as another user's
        pass
    return True
