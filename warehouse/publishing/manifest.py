"""Keep the manifest of the published copy: size and SHA-256 of each of its files, so that damage is seen.

Files are swapped in one after the other. Before the first swap the manifest names what lies under each path and what
will, after the last one only the latter. So it is true at every moment, also of a publish that is killed in between.

A Parquet file that nobody has touched since it was read is not read by every publish, only in its turn, so that a long
history costs a night no more than a look at each file (docs/decisions/0082).
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

NAME = "manifest.json"
DATABASE = "portfolio.duckdb"
TURNS = 30
"""Within so many publishes each Parquet file that is taken over is read again."""

_CHUNK = 2**20


class FileState(BaseModel):
    """What a published file is, to the byte."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int = Field(description="Its size.")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of its content.")
    fingerprint: str | None = Field(
        default=None, description="Of the rows in the warehouse that a Parquet file holds."
    )

    def fault(self, other: FileState | None) -> str:
        """Return what is wrong with a file that should be this one, empty if nothing is."""
        if other is None:
            return "is missing or cannot be read"
        if other.bytes != self.bytes:
            return f"has {other.bytes:,} bytes, the manifest says {self.bytes:,}"
        if other.sha256 != self.sha256:
            return f"has SHA-256 {other.sha256[:12]}, the manifest says {self.sha256[:12]}"
        return ""


class Seen(BaseModel):
    """What shows that nobody touched a file: who writes to it changes its time, who replaces it its inode."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inode: int = Field(description="Number of the file in its file system.")
    mtime_ns: int = Field(description="Time of the last change of its content, in nanoseconds.")

    @classmethod
    def of(cls, path: Path) -> Seen:
        """Return what the file is seen as now."""
        status = path.stat()
        return cls(inode=status.st_ino, mtime_ns=status.st_mtime_ns)


class Manifest(BaseModel):
    """The files of the published copy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: Mapping[str, tuple[FileState | None, ...]] = Field(
        description="Path below the folder, and each state in which the file may be; null = it may be missing."
    )
    replaced: tuple[str, ...] = Field(
        default=(), description="Folders that readers may still have open; the next publish removes them."
    )
    seen: Mapping[str, Seen] = Field(
        default={}, description="Path, and what the file was seen as when it was last read or written."
    )
    publishes: int = Field(
        default=0, description="Number of publishes, which says whose turn it is to be read."
    )

    @classmethod
    def of(
        cls,
        files: Mapping[str, FileState],
        *,
        replaced: Iterable[str] = (),
        seen: Mapping[str, Seen] | None = None,
        publishes: int = 0,
    ) -> Manifest:
        """Return the manifest of files of which each is in one state."""
        return cls(
            files={path: (state,) for path, state in files.items()},
            replaced=tuple(replaced),
            seen=seen or {},
            publishes=publishes,
        )

    def untouched(self, path: str, file: Path) -> FileState | None:
        """Return the state of a file as last read; None where somebody touched it, or it is its turn to be read."""
        states, seen = self.files.get(path, ()), self.seen.get(path)
        if len(states) != 1 or seen is None or zlib.crc32(path.encode()) % TURNS == self.publishes % TURNS:
            return None
        try:
            status = file.stat()
        except OSError:
            return None
        state = states[0]
        as_seen = (status.st_ino, status.st_mtime_ns) == (seen.inode, seen.mtime_ns)
        return state if state is not None and as_seen and status.st_size == state.bytes else None

    def until(self, later: Manifest) -> Manifest:
        """Return the manifest that holds while the files of this one are replaced by those of a later one.

        It has seen no file, so that after a publish that was killed all of them are read.
        """
        missing: tuple[FileState | None, ...] = (None,)
        return Manifest(
            files={
                path: tuple(dict.fromkeys((*self.files.get(path, missing), *later.files.get(path, missing))))
                for path in sorted({*self.files, *later.files})
            },
            replaced=later.replaced,
        )

    def states(self, path: str) -> tuple[FileState, ...]:
        """Return each state in which a file may be, none for a path that the manifest does not name."""
        return tuple(state for state in self.files.get(path, ()) if state is not None)

    def fault(self, path: str, state: FileState | None) -> str:
        """Return what is wrong with the file under a path, empty if nothing is."""
        allowed = self.files.get(path, (None,))
        if state is None and None in allowed:
            return ""
        faults = [expected.fault(state) for expected in allowed if expected is not None]
        if not faults:
            return "is not in the manifest"
        return "" if "" in faults else faults[-1]

    def faults(self, folder: Path) -> Iterator[tuple[str, str]]:
        """Read every published file and yield the path of each that is not as the manifest says, and what is wrong."""
        lying_there = {
            str(path.relative_to(folder))
            for top in folder.glob("[!.]*")
            if top.name not in {NAME, DATABASE}
            for path in (top.rglob("*") if top.is_dir() else [top])
            if path.is_file()
        }
        for path in sorted({*self.files, *lying_there}):
            if fault := self.fault(path, state_of(folder / path)):
                yield path, fault


def read(folder: Path) -> Manifest | None:
    """Return the manifest of a published copy, or None if there is none that can be read."""
    try:
        return Manifest.model_validate_json((folder / NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def write(folder: Path, manifest: Manifest, *, build: Path) -> None:
    """Replace the manifest in one step, and make what was swapped before it durable.

    Args:
        folder: folder of the published copy.
        manifest: the manifest to store.
        build: name under which it is written before it is swapped in.
    """
    build.write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    flush(build)
    flush(folder)
    build.replace(folder / NAME)
    flush(folder)


def state_of(path: Path, *, fingerprint: str | None = None) -> FileState | None:
    """Read a file and return what it is, or None if it is missing or cannot be read."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return FileState(bytes=file.tell(), sha256=digest, fingerprint=fingerprint)
    except OSError:
        return None


def copied(source: Path, target: Path) -> FileState | None:
    """Copy a file, read once, and return what was copied; None if it is missing or cannot be read to its end."""
    digest = hashlib.sha256()
    try:
        old = source.open("rb")
    except OSError:
        return None
    with old, target.open("xb") as new:
        while True:
            try:
                chunk = old.read(_CHUNK)
            except OSError:
                return None
            if not chunk:
                return FileState(bytes=new.tell(), sha256=digest.hexdigest())
            digest.update(chunk)
            new.write(chunk)


def finished(path: Path, *, fingerprint: str | None = None) -> FileState:
    """Make a file that was just written durable and return what it is."""
    flush(path)
    state = state_of(path, fingerprint=fingerprint)
    if state is None:
        raise OSError(f"{path} cannot be read after it was written")
    return state


def flush(path: Path) -> None:
    """Make the content of a file or the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
