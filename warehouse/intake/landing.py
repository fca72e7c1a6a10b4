"""List the feed files that wait in the landing zone."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict

from warehouse.errors import Refused
from warehouse.intake.feeds import FEEDS
from warehouse.intake.feeds_yaml import FILE_NAME, mapping_of, patterns_without_a_file, read_mappings
from warehouse.intake.mapping import AS_ASKED, FeedMapping
from warehouse.intake.whole_files import shown_path

log = logging.getLogger("nightledger")


class LandingFile(BaseModel):
    r"""One file of the landing zone; a file delivered later under the same `path` corrects it.

    Attributes:
        feed: Name of its feed, which is its folder.
        path: Path below the landing folder; what nobody can write in a name is escaped, as in `M\xfcller.csv`.
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

    Links are followed, but no folder is listed twice: those that lie in a feed's folder go before those linked there.

    Raises:
        Refused: when the folder does not exist, holds something that belongs to no feed, or its feeds.yaml is wrong.
    """
    names = ", ".join(FEEDS)
    if not landing.is_dir():
        raise Refused(f"no landing folder at {landing}; give a folder with one folder a feed: {names}")
    mappings = read_mappings(landing)
    for entry in sorted(landing.iterdir()):
        if entry.name in FEEDS and not _is_folder(entry):
            raise Refused(f"{entry}: a feed is a folder with files in it, this is a file")
        if entry.name not in (*FEEDS, FILE_NAME) and not _hidden(entry):
            kind = "folder" if _is_folder(entry) else "file"
            raise Refused(
                f"{shown_path(entry)}: this {kind} belongs to no feed; "
                f"a landing folder holds one folder a feed: {names}; and {FILE_NAME} if files need a mapping"
            )
    files = [
        LandingFile(feed=feed, path=path, full=full, mapping=mapping_of(mappings, PurePosixPath(path)))
        for feed, full in _walk(landing)
        for path in (shown_path(full.relative_to(landing)),)
    ]
    for line in patterns_without_a_file(mappings, [PurePosixPath(file.path) for file in files]):
        log.warning("unused      %s", line)
    return tuple(sorted(files, key=lambda file: (file.feed != "enterprises", file.path)))


def _walk(landing: Path) -> Iterator[tuple[str, Path]]:
    """Yield each feed's files, and the folders that cannot be followed; links come after the folders that lie there."""
    folders = deque((feed, landing / feed) for feed in FEEDS if _is_folder(landing / feed))
    listed, above = {landing.resolve()}, set(landing.resolve().parents)
    while folders:
        feed, top = folders.popleft()
        if top.resolve() in above:
            yield feed, top
            continue
        unreadable: list[OSError] = []
        for place, names, files in os.walk(top, onerror=unreadable.append):
            if (real := Path(place).resolve()) in listed:
                names.clear()
                continue
            listed.add(real)
            names[:] = sorted(name for name in names if not _hidden(Path(name)))
            folders.extend((feed, Path(place, name)) for name in names if Path(place, name).is_symlink())
            yield from ((feed, Path(place, name)) for name in files if not _hidden(Path(name)))
        yield from ((feed, Path(str(error.filename))) for error in unreadable)


def _hidden(path: Path) -> bool:
    return path.name.startswith((".", "_"))


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112  (Path.is_dir raises where a link's target is too long a name)
