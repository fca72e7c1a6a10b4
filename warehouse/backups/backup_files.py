"""List, copy and check the files of a backup: what making one and restoring one have in common.

A backup is a plain folder with `manifest.json`, which holds size and SHA-256 of every other file, and
`manifest.json.sha256`, which holds that of the manifest as `sha256sum --check` reads it. Every copy is read again
from the disk before it counts as written.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

import duckdb

from warehouse.errors import Refused
from warehouse.intake.whole_files import shown_path
from warehouse.settings import Settings

MANIFEST = "manifest.json"
CHECKSUM = f"{MANIFEST}.sha256"
DROPPED = ("logs", "lost+found", "postgres", "prefect", "runs", "spill")
"""Folders of a home that no backup holds: messages, a disk's own, Prefect's history and its database, scratch."""

_CHUNK = 2**20
_BLOCK = 4096  # what a small file takes on most disks
_SPARE = 4 * 2**20  # for what DuckDB adds when it opens a copy


@dataclass(frozen=True)
class Copied:
    """Size and content of a file that was written and read again."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Listing:
    """What lies in a folder, as paths below it: files, links with their targets, and what is neither."""

    files: tuple[str, ...]
    links: Mapping[str, str]
    others: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """What a backup holds, and what wrote it when."""

    run_id: str
    written_at: str
    revision: str
    duckdb: str
    newest_run: str | None  # that wrote the warehouse before the backup
    rows: int  # in all tables of the warehouse
    files: Mapping[str, Copied]
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(file.bytes for file in self.files.values())


def listed(folder: Path, *, without: Iterable[Path] = ()) -> Listing:
    """List a folder and its folders in order; links are not followed.

    Raises:
        Refused: when a folder cannot be read, or a link leads out of the folder or names it by its full path.
    """
    dropped, links = set(without), {}
    files: list[str] = []
    others: list[str] = []
    try:
        for place, folders, names in os.walk(folder, onerror=_raise):
            for name in [*folders, *names]:
                path = Path(place, name)
                relative = str(path.relative_to(folder))
                if path in dropped:
                    continue
                if path.is_symlink():
                    links[relative] = _inner_target(folder, path)
                elif name not in folders:
                    (files if stat.S_ISREG(path.lstat().st_mode) else others).append(relative)
            folders[:] = [name for name in folders if Path(place, name) not in dropped]
    except OSError as error:
        raise Refused(
            f"cannot read {shown_path(Path(error.filename or folder))}: {error.strerror}"
        ) from error
    return Listing(tuple(sorted(files)), dict(sorted(links.items())), tuple(sorted(others)))


def dropped(conf: Settings) -> tuple[Path, ...]:
    """Return what a backup of the home leaves out: scratch, locks, and builds that nothing published points to."""
    return (
        *(conf.home / name for name in DROPPED),
        *conf.home.glob(".restore-*"),
        conf.lock_file,
        conf.lock_file.with_suffix(".holder.json"),
        conf.warehouse_file.with_name(f"{conf.warehouse_file.name}.wal"),
        *_builds_without_a_link(conf.published_dir),
    )


def copied(source: BinaryIO, name: Path, target: Path) -> Copied:
    """Copy an open file to a private new file, flush it, and read it again from the disk.

    Raises:
        Refused: naming the file, when it cannot be read, changes meanwhile, or is not read again as it was written.
    """
    before = _state(source)
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in _chunks(source, name):
            digest.update(chunk)
            size += file.write(chunk)
    if _state(source) != before or size != before[0]:
        raise Refused(f"{shown_path(name)} was written to while it was copied; run again once it is whole")
    written = Copied(size, digest.hexdigest())
    if stored(target) != written:
        raise Refused(f"{shown_path(target)} is not read as it was written: do not trust this disk")
    return written


def copy(source: Path, target: Path) -> Copied:
    """Copy one file, as `copied` does, into a private folder that is made where it is missing."""
    make_private(target.parent)
    with _opened(source) as file:
        return copied(file, source, target)


def stored(path: Path) -> Copied:
    """Flush a file and return its size and SHA-256 as the disk has them, not what memory still holds of it."""
    with _opened(path) as file:
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        digest, size = hashlib.sha256(), 0
        for chunk in _chunks(file, path):
            digest.update(chunk)
            size += len(chunk)
    return Copied(size, digest.hexdigest())


def make_private(folder: Path) -> None:
    """Make a folder and those above it that are missing; only their owner may open them."""
    for missing in reversed([place for place in (folder, *folder.parents) if not place.exists()]):
        missing.mkdir(mode=0o700)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder last through a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_room(folder: Path, sizes: Iterable[int], *, advice: str) -> None:
    """Refuse to begin what the disk has no room for.

    Raises:
        Refused: telling what is needed and what is free.
    """
    needed = _SPARE + sum(-(-size // _BLOCK) * _BLOCK for size in sizes)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Refused(
            f"{folder} has {free / 2**20:.1f} MiB free and {needed / 2**20:.1f} MiB are needed; {advice}"
        )


@contextmanager
def writing(folder: Path, *, advice: str) -> Iterator[None]:
    """Turn what goes wrong with writing in the block into one line that names the folder and the cause.

    Raises:
        Refused: when the disk is full, cannot be written or fails.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise Refused(
            f"cannot write to {folder}: {error.strerror}; {advice if full else 'nothing is left there'}"
        ) from error
    except duckdb.Error as error:
        said = str(error).splitlines()
        # of a failed checkpoint the cause is said second
        line = next((line for line in said if "No space left" in line), said[0])
        raise Refused(
            f"cannot write to {folder}: {line}; "
            f"{advice if 'No space left' in line else 'the copied warehouse is of no use'}"
        ) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a backup and its checksum."""
    content = asdict(manifest)
    content["files"] = [{"path": path, **file} for path, file in content["files"].items()]
    content["links"] = [{"path": path, "target": target} for path, target in content["links"].items()]
    _write_private(folder / MANIFEST, json.dumps(content, indent=1))
    _write_private(folder / CHECKSUM, f"{stored(folder / MANIFEST).sha256}  {MANIFEST}\n")
    stored(folder / CHECKSUM)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup in which each file has the name and the size that it should have.

    Raises:
        Refused: when the folder is no backup, or naming what is damaged, missing or not of the backup.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        checksum = (folder / CHECKSUM).read_bytes()
    except OSError as error:
        raise Refused(
            f"{folder} is no whole backup: cannot read {shown_path(Path(error.filename))}: {error.strerror}"
        ) from error
    if checksum != f"{hashlib.sha256(content).hexdigest()}  {MANIFEST}\n".encode():
        raise damaged(folder, MANIFEST)
    fields = json.loads(content)
    fields["files"] = {entry.pop("path"): Copied(**entry) for entry in fields["files"]}
    fields["links"] = {entry["path"]: entry["target"] for entry in fields["links"]}
    manifest = Manifest(**fields)
    _check_names(folder, manifest)
    return manifest


def damaged(folder: Path, name: str) -> Refused:
    """Return the refusal of a backup in which one file is not what was written."""
    return Refused(
        f"{shown_path(folder / name)} is damaged: it is not what the backup wrote; restore another backup"
    )


def _builds_without_a_link(published: Path) -> list[Path]:
    visible = [path for path in published.glob("*") if not path.name.startswith(".")]
    current = {link.readlink().name for link in visible if link.is_symlink()}
    return [path for path in published.glob(".*") if path.name not in current]


def _check_names(folder: Path, manifest: Manifest) -> None:
    present = listed(folder, without=(folder / MANIFEST, folder / CHECKSUM))
    names = {*present.files, *present.links, *present.others}
    expected = {*manifest.files, *manifest.links}
    for name in sorted(expected - names):
        raise Refused(f"{shown_path(folder / name)} is missing; restore another backup")
    for name in sorted(names - expected):
        raise Refused(f"{shown_path(folder / name)} is not of this backup; take it away")
    for name in sorted(expected):
        size = (folder / name).lstat().st_size if name in present.files else None
        if size != (manifest.files[name].bytes if name in manifest.files else None) or (
            present.links.get(name) != manifest.links.get(name)
        ):
            raise damaged(folder, name)


def _inner_target(folder: Path, link: Path) -> str:
    target = str(link.readlink())
    reached = Path(os.path.realpath(link))  # Path.resolve fails on a link to itself
    if Path(target).is_absolute() or not reached.is_relative_to(folder.resolve()):
        raise Refused(
            f"{shown_path(link)} is a link to {shown_path(Path(target))}, and what lies outside of the folder is "
            "not copied; put the files in its place, or take it away"
        )
    return target


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise Refused(f"cannot read {shown_path(path)}: {error.strerror}") from error


def _chunks(file: BinaryIO, name: Path) -> Iterator[bytes]:
    try:
        while chunk := file.read(_CHUNK):
            yield chunk
    except OSError as error:
        raise Refused(f"cannot read {shown_path(name)}: {error.strerror}") from error


def _state(file: BinaryIO) -> tuple[int, int]:
    state = os.fstat(file.fileno())
    return state.st_size, state.st_mtime_ns


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)


def _raise(error: OSError) -> None:
    raise error
