"""Check that a delivered file is whole before a row of it is read.

A file that arrived in part must never look like a short file. Gzip has a trailer and Parquet a footer; a
plain CSV has only its last line end, so one is required: without it a cut value looks like a whole one.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from warehouse.errors import Refused
from warehouse.intake.mapping import AS_ASKED, FeedMapping

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
_CHUNK = 1 << 20
_LONGEST_LINE = 2_000_000  # bytes; DuckDB's own limit of one CSV record


class FileRefused(Refused):
    """One file is refused whole for the given reason; the other files are still loaded."""


class WholeFile(BaseModel):
    """A file that was checked to be complete, and how to read it."""

    model_config = ConfigDict(frozen=True)

    full: Path
    format: FileFormat
    gzipped: bool
    mapping: FeedMapping = AS_ASKED


def fingerprint(full: Path) -> tuple[str, int]:
    """Return the SHA-256 of the file as it lies on disk, and its size in bytes.

    Raises:
        FileRefused: when the file cannot be opened.
    """
    try:
        with full.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest(), full.stat().st_size
    except OSError as error:
        raise FileRefused(f"unreadable: {error.strerror or error}") from error


def whole_file(full: Path, *, mapping: FeedMapping = AS_ASKED) -> WholeFile:
    """Check that nothing of the file is missing and return how to read it.

    Raises:
        FileRefused: for an unknown extension, an empty, truncated or damaged file.
    """
    suffix = _suffix(full)
    file = WholeFile(full=full, format=_FORMATS[suffix], gzipped=suffix.endswith(".gz"), mapping=mapping)
    if full.stat().st_size == 0:
        raise FileRefused("empty: the file has 0 bytes")
    if file.format == "parquet":
        _check_parquet(full)
    elif file.gzipped:
        _check_gzip(full)
    else:
        _check_last_line(file)
    return file


def first_bytes(file: WholeFile, size: int = 1 << 16) -> bytes:
    """Return the first bytes of the content, decompressed."""
    with file.full.open("rb") as stream:
        if not file.gzipped:
            return stream.read(size)
        return zlib.decompressobj(wbits=31).decompress(stream.read(size), size)


def blank_lines(file: WholeFile) -> list[int]:
    """Return the byte offsets of the empty lines, which DuckDB counts as lines but not as rows."""
    offsets: list[int] = []
    offset, before = 0, b"\n"  # an empty first line counts too
    with file.full.open("rb") as stream:
        unpack = zlib.decompressobj(wbits=31) if file.gzipped else None
        while chunk := stream.read(_CHUNK):
            data = unpack.decompress(chunk) if unpack else chunk
            for ending in (b"\n\n", b"\n\r\n"):
                text, position = before + data, -1
                while (position := text.find(ending, position + 1)) >= 0:
                    if position + len(ending) > len(before):
                        offsets.append(offset - len(before) + position + 1)
            offset, before = offset + len(data), (before + data)[-2:]
    return sorted(offsets)


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


def _check_gzip(full: Path) -> None:
    size, member = 0, zlib.decompressobj(wbits=31)
    try:
        with full.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                while chunk:
                    if member.eof:  # gzip files may be joined one after the other
                        member = zlib.decompressobj(wbits=31)
                    size += len(member.decompress(chunk))
                    chunk = member.unused_data.lstrip(b"\0") if member.eof else b""
    except zlib.error as error:
        raise FileRefused(
            f"unreadable: the name says gzip, the content is not or is damaged ({error})"
        ) from error
    if not member.eof:
        raise FileRefused("truncated: the gzip trailer is missing; deliver the file again")
    if size == 0:
        raise FileRefused("empty: the compressed file holds 0 bytes")


def _check_last_line(file: WholeFile) -> None:
    size = file.full.stat().st_size
    with file.full.open("rb") as stream:
        stream.seek(max(0, size - _LONGEST_LINE))
        tail = stream.read()
    if tail.endswith((b"\n", b"\r")):
        return
    if file.format == "csv":
        raise FileRefused(
            "truncated: the last line has no line end, so a cut value cannot be told from a whole one; "
            "deliver the file again, ending in a line end"
        )
    try:
        json.loads(tail[tail.rfind(b"\n") + 1 :])
    except ValueError:
        raise FileRefused("truncated: the last line is cut; deliver the file again") from None
