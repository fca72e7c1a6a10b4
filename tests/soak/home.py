"""A home for the soak: on a small disk of its own where that can be mounted, so that the disk can be full."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PLENTY = 2 * 2**30


@dataclass(frozen=True)
class Home:
    """A folder of everything that the platform writes, and whether it is a disk of its own."""

    path: Path
    mounted: bool

    @property
    def used(self) -> int:
        """Bytes that its files take on the disk."""
        total = 0
        for folder, _, names in os.walk(self.path):
            for name in names:
                with suppress(OSError):  # it may be gone by now
                    total += (Path(folder) / name).lstat().st_blocks * 512
        return total

    def resize(self, size: int) -> None:
        """Make the disk so large, in bytes; never smaller than what is on it."""
        _mount("-o", f"remount,size={max(size, 4096)}", str(self.path))

    @property
    def taken(self) -> int:
        """Bytes of the disk that are taken, with what the file system needs for itself."""
        disk = os.statvfs(self.path)
        return (disk.f_blocks - disk.f_bfree) * disk.f_frsize

    def close(self) -> None:
        """Give the disk back."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.path)], check=True)


def new_home(path: Path, *, copy_of: Path | None = None) -> Home:
    """Make a home, empty or with the files of another; on a disk of its own if this user may mount one."""
    path.mkdir(parents=True)
    try:
        _mount("-t", "tmpfs", "-o", f"size={PLENTY},mode=700", "tmpfs", str(path))
        mounted = True
    except (OSError, subprocess.CalledProcessError):
        mounted = False
    if copy_of:
        shutil.copytree(copy_of, path, symlinks=True, dirs_exist_ok=True)
    return Home(path, mounted)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
