"""Make the home folder ready: it can be written, and nobody but its own user can look into it."""

from __future__ import annotations

import logging
import os
import stat
import tempfile
from pathlib import Path

from warehouse.errors import Refused
from warehouse.settings import Settings
from warehouse.shortage import is_full

log = logging.getLogger("nightledger.warehouse")

PRIVATE = 0o077  # the umask: what this process makes from now on is for its own user alone


def make_writable(conf: Settings) -> None:
    """Make the home if it is missing, and see that files can be written in it.

    Raises:
        Refused: naming the folder and why it cannot be made or written.
        OSError: when the disk is full.
    """
    os.umask(PRIVATE)
    try:
        conf.home.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=conf.home).close()
    except OSError as error:
        if is_full(error):
            raise
        reason = "there is a file in its place" if conf.home.is_file() else error.strerror
        raise Refused(
            f"NIGHTLEDGER_HOME: cannot write to the folder {conf.home} ({reason}); "
            "give a folder that this user may write"
        ) from error


def keep_private(conf: Settings) -> None:
    """Take the rights of other users away from the home; from all that is in it too, if it was open to them.

    A home that cannot be changed is told in a warning.

    Raises:
        Refused: when the home is a folder that all users share, such as the one of temporary files.
    """
    os.umask(PRIVATE)
    mode = conf.home.stat().st_mode
    if not mode & PRIVATE:
        return
    if mode & stat.S_ISVTX:
        raise Refused(
            f"NIGHTLEDGER_HOME: {conf.home} is a folder that all users share; give a folder of its own in it"
        )
    try:
        _take_rights_of_others(conf.home)
        if conf.warehouse_file.exists():  # what an earlier version made; anything else is not ours to change
            for path in conf.home.rglob("*"):
                if not path.is_symlink():
                    _take_rights_of_others(path)
    except OSError as error:
        log.warning("other users may be able to read %s: %s (%s)", conf.home, error.strerror, error.filename)


def _take_rights_of_others(path: Path) -> None:
    path.chmod(stat.S_IMODE(path.stat().st_mode) & ~PRIVATE)
