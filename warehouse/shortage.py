"""Say in one line what this machine lacks: space, memory, a folder that can be written.

Such a lack shows as an exception of whichever library met it first, often wrapped in others.
"""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from warehouse import lake
from warehouse.settings import Settings

AGAIN = "run it again; nothing is half written"
RESTORE = "python -m flows restore --backup FOLDER"

_FULL = re.compile(r"No space left on device|database or disk is full|Disk quota exceeded")
_DAMAGED = re.compile(
    r"not a valid DuckDB database|Could not read enough bytes|Corrupt database file|"
    r"Failed to deserialize|Serialization Error|Failure while replaying WAL"
)
_LEAST_FREE = 2**20  # with less than this, whatever failed failed for want of space


def shortage(error: BaseException, conf: Settings) -> str | None:
    """Return what the machine lacks and what to do about it, or None if the error has another cause."""
    errors = list(_chain(error))
    for lack in (_full, _memory, _gone, _read_only, _damage, _no_catalogue):
        for cause in errors:
            if line := lack(cause, conf):
                return line
    return _no_space(conf.home) if _free(conf.home) < _LEAST_FREE else None


def is_full(error: BaseException) -> bool:
    """Return whether an exception of Python, DuckDB, SQLite or Polars says that a disk or a quota is full."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    return _FULL.search(str(error)) is not None


def is_damage(reason: str) -> bool:
    """Return whether DuckDB says that a file was cut short or overwritten."""
    return _DAMAGED.search(reason) is not None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Return an exception and all that led to it, each once."""
    waiting, seen = [error], set()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [other for other in (cause.__cause__, cause.__context__) if other is not None]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions


def _memory(error: BaseException, conf: Settings) -> str | None:
    if isinstance(error, MemoryError):
        return f"no memory is left: close other programs, or lower NIGHTLEDGER_THREADS ({conf.threads}), and {AGAIN}"
    text = str(error)
    if "Out of Memory Error" not in text:
        return None
    if "max_temp_directory_size" in text:
        return (
            f"what does not fit in memory needs more disk than NIGHTLEDGER_SPILL_LIMIT={conf.spill_limit}: "
            f"raise it, or NIGHTLEDGER_MEMORY_LIMIT={conf.memory_limit}, and {AGAIN}"
        )
    return (
        f"DuckDB needs more than NIGHTLEDGER_MEMORY_LIMIT={conf.memory_limit} in memory and "
        f"NIGHTLEDGER_SPILL_LIMIT={conf.spill_limit} on disk: raise them, or lower "
        f"NIGHTLEDGER_THREADS={conf.threads}, and {AGAIN}"
    )


def _full(error: BaseException, conf: Settings) -> str | None:
    return _no_space(_folder_of(error, conf)) if is_full(error) else None


def _gone(error: BaseException, conf: Settings) -> str | None:
    if conf.home.exists() or str(conf.home) not in str(error):
        return None
    return f"the home {conf.home} is gone (a volume that is not mounted?): bring it back and {AGAIN}"


def _read_only(error: BaseException, conf: Settings) -> str | None:
    if getattr(error, "errno", None) != errno.EROFS and "Read-only file system" not in str(error):
        return None
    return f"the file system of {_folder_of(error, conf)} is read-only now: mount it for writing and {AGAIN}"


def _damage(error: BaseException, _conf: Settings) -> str | None:
    if not is_damage(str(error)):
        return None
    line = str(error).split("\n", 1)[0]
    return f"{line}; python -m flows check says which file is damaged, restore it from a backup ({RESTORE})"


def _no_catalogue(error: BaseException, _conf: Settings) -> str | None:
    return lake.unreachable(error) if lake.lost(error) else None


def _no_space(folder: Path) -> str:
    return f"no space left in {folder} ({_free(folder) / 1e6:.0f} MB free): free some and {AGAIN}"


def _folder_of(error: BaseException, conf: Settings) -> Path:
    """Return the home, or the folder of the file that the error names if that lies elsewhere."""
    named = error.filename if isinstance(error, OSError) else None
    if named is None and (quoted := re.search(r'file "(/[^"]+)"', str(error))):
        named = quoted[1]
    if not isinstance(named, str | Path) or conf.home in Path(named).parents:
        return conf.home
    folder = Path(named).absolute().parent
    return folder if folder.exists() else conf.home


def _free(folder: Path) -> int:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(existing).free
