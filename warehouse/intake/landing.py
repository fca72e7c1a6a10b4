"""List the feed files that wait in the landing zone."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict

from warehouse.errors import Refused
from warehouse.intake.feeds import FEEDS
from warehouse.intake.feeds_yaml import FILE_NAME, mapping_of, read_mappings
from warehouse.intake.mapping import AS_ASKED, FeedMapping


class LandingFile(BaseModel):
    """One file of the landing zone; a file delivered later under the same `path` corrects it.

    Attributes:
        feed: Name of its feed, which is its folder.
        path: Path below the landing folder.
        full: Where it lies on disk.
        mapping: How it is written, by feeds.yaml.
    """

    model_config = ConfigDict(frozen=True)

    feed: str
    path: str
    full: Path
    mapping: FeedMapping = AS_ASKED


def list_landing(landing: Path) -> tuple[LandingFile, ...]:
    """List the files of all feed folders, enterprises first, then by path; names that start with . or _ are skipped.

    Raises:
        Refused: when the folder does not exist, holds something that belongs to no feed, or its feeds.yaml is wrong.
    """
    names = ", ".join(FEEDS)
    if not landing.is_dir():
        raise Refused(f"no landing folder at {landing}; give a folder with one folder a feed: {names}")
    mappings = read_mappings(landing)
    files: list[LandingFile] = []
    for entry in sorted(landing.iterdir()):
        if entry.name.startswith((".", "_")) or entry.name == FILE_NAME:
            continue
        if entry.name not in FEEDS:
            kind = "folder" if entry.is_dir() else "file"
            raise Refused(
                f"{entry}: this {kind} belongs to no feed; a landing folder holds one folder a feed: {names}; "
                f"and {FILE_NAME} if files need a mapping"
            )
        if not entry.is_dir():
            raise Refused(f"{entry}: a feed is a folder with files in it, this is a file")
        for full in entry.rglob("*"):
            path = full.relative_to(landing)
            if not full.is_dir() and not any(part.startswith((".", "_")) for part in path.parts):
                mapping = mapping_of(mappings, PurePosixPath(path))
                files.append(LandingFile(feed=entry.name, path=path.as_posix(), full=full, mapping=mapping))
    return tuple(sorted(files, key=lambda file: (file.feed != "enterprises", file.path)))
