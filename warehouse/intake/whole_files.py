"""Check that a delivered file is whole before a row of it is read.

A file that arrived in part must never look like a short file. Gzip has a trailer and Parquet a footer; a
plain CSV has only its last line end, so one is required: without it a cut value looks like a whole one.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from warehouse.errors import FileRefused
from warehouse.intake.file_bytes import content
from warehouse.intake.mapping import AS_ASKED, FeedMapping
from warehouse.intake.text_check import Text, check_text

FileFormat = Literal["csv", "parquet", "ndjson"]
_FORMATS: dict[str, FileFormat] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".parquet": "parquet",
    ".ndjson": "ndjson",
    ".ndjson.gz": "ndjson",
    ".jsonl": "ndjson",
    ".jsonl.gz": "ndjson",
    ".json": "ndjson",
    ".json.gz": "ndjson",
}
_NO_FILES = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder that cannot be read or that holds the landing folder",
}


class WholeFile(BaseModel):
    r"""A file that was checked to be complete, and how to read it.

    Attributes:
        full: Where it lies on disk.
        format: What it holds.
        gzipped: Whether it is compressed as a whole.
        mapping: How it is written, by feeds.yaml.
        lines_alike: All its lines end in `\n`, or all in `\r\n`.
    """

    model_config = ConfigDict(frozen=True)

    full: Path
    format: FileFormat
    gzipped: bool
    mapping: FeedMapping = AS_ASKED
    lines_alike: bool = True

    @property
    def text(self) -> Text:
        """The text of a CSV or NDJSON file."""

        def pieces() -> Iterator[bytes]:
            return content(self.full, gzipped=self.gzipped)

        return Text(content=pieces, is_csv=self.format == "csv", mapping=self.mapping)


def shown_path(path: Path) -> str:
    """Return the path as text; bytes that are no UTF-8 and control characters are escaped."""
    text = os.fsencode(path).decode("utf-8", errors="backslashreplace")
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda match: f"\\x{ord(match[0]):02x}", text)


def fingerprint(full: Path) -> tuple[str, int]:
    """Return the SHA-256 of the file as it lies on disk, and its size in bytes.

    Raises:
        FileRefused: when the file cannot be opened, is no regular file or has a name that nobody can write.
    """
    try:
        _check_regular(full)
        with full.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest(), full.stat().st_size
    except OSError as error:
        if full.is_symlink() and isinstance(error, FileNotFoundError):
            raise FileRefused(
                "unreadable: a link to a file that is not there; mend it or take it away"
            ) from error
        raise FileRefused(f"unreadable: {error.strerror or error}") from error


def whole_file(full: Path, *, mapping: FeedMapping = AS_ASKED) -> WholeFile:
    """Check that nothing of the file is missing and return how to read it.

    Raises:
        FileRefused: for an unknown extension, an empty, truncated or damaged file.
    """
    _check_regular(full)
    suffix = _suffix(full)
    file = WholeFile(full=full, format=_FORMATS[suffix], gzipped=suffix.endswith(".gz"), mapping=mapping)
    if full.stat().st_size == 0:
        raise FileRefused("empty: the file has 0 bytes")
    if file.format == "parquet":
        _check_parquet(full)
        return file
    return file.model_copy(update={"lines_alike": check_text(file.text)})


def blank_lines(file: WholeFile) -> list[int]:
    """Return the byte offsets of the empty lines, which DuckDB counts as lines but not as rows."""
    offsets: list[int] = []
    offset, before = 0, b"\n"  # an empty first line counts too
    for data in content(file.full, gzipped=file.gzipped):
        for ending in (b"\n\n", b"\n\r\n"):
            text, position = before + data, -1
            while (position := text.find(ending, position + 1)) >= 0:
                if position + len(ending) > len(before):
                    offsets.append(offset - len(before) + position + 1)
        offset, before = offset + len(data), (before + data)[-2:]
    return sorted(offsets)


def _check_regular(full: Path) -> None:
    """Refuse, without opening it, what is no regular file: opening a FIFO waits for ever for its writer."""
    if shown_path(full) != str(full):
        raise FileRefused(
            "unreadable: the name is not UTF-8 text or holds control characters, shown as \\x..; rename the file"
        )
    mode = full.stat().st_mode
    if stat.S_ISREG(mode):
        return
    kind = _NO_FILES.get(stat.S_IFMT(mode), "a device")
    link = "a link to " if full.is_symlink() else ""
    raise FileRefused(f"no regular file: this is {link}{kind}; put a file there that holds the rows")


def _suffix(full: Path) -> str:
    name = full.name.lower()
    for suffix in sorted(_FORMATS, key=len, reverse=True):
        if name.endswith(suffix):
            return suffix
    raise FileRefused(f"unknown file extension; known are {', '.join(_FORMATS)}")


def _check_parquet(full: Path) -> None:
    with full.open("rb") as stream:
        head = stream.read(4)
        stream.seek(max(0, full.stat().st_size - 4))
        tail = stream.read(4)
    if head != b"PAR1":
        raise FileRefused("unreadable: the name says Parquet, the content does not start as one")
    if tail != b"PAR1" or full.stat().st_size < 12:
        raise FileRefused("truncated: the Parquet footer is missing; deliver the file again")
