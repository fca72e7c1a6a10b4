"""Read the bytes of a delivered file, decompressed, piece by piece, and never more of them than a file may hold."""

from __future__ import annotations

import errno
import zlib
from collections.abc import Iterator
from pathlib import Path

from warehouse.errors import FileRefused
from warehouse.settings import settings

CHUNK = 1 << 20
_NEVER_TOO_LARGE = 64_000_000  # bytes; what repeats itself in a small file does no harm
_NOT_THE_FILE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}


def content(full: Path, *, gzipped: bool) -> Iterator[bytes]:
    """Yield the content of the file in pieces of at most `CHUNK` bytes.

    Raises:
        FileRefused: when it cannot be read, is no gzip or a damaged or cut one, or holds more than is allowed.
    """
    decoded, size = 0, full.stat().st_size
    for piece in _decompressed(_stored(full)) if gzipped else _stored(full):
        decoded += len(piece)
        check_size(decoded, stored=size)
        yield piece
    if gzipped and not decoded:
        raise FileRefused("empty: the compressed file holds 0 bytes")


def check_size(decoded: int, *, stored: int) -> None:
    """Refuse a file whose content is larger than the settings allow, as such or for its size on disk.

    Args:
        decoded: bytes of the content, as far as it was read.
        stored: bytes of the file on disk.
    """
    limits = settings()
    if decoded > limits.file_limit:
        raise FileRefused(
            f"too large: the content is more than {limits.file_limit.human_readable(decimal=True)}; "
            "deliver it in several files, or raise NIGHTLEDGER_FILE_LIMIT"
        )
    if decoded > max(_NEVER_TOO_LARGE, stored * limits.expansion_limit):
        raise FileRefused(
            f"too large: {stored:,} bytes expand more than {limits.expansion_limit} times; deliver the file again, "
            "or raise NIGHTLEDGER_EXPANSION_LIMIT"
        )


def _stored(full: Path) -> Iterator[bytes]:
    try:
        with full.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except OSError as error:
        if error.errno in _NOT_THE_FILE:
            raise
        raise FileRefused(f"unreadable: {error.strerror or error}") from error


def _decompressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            data = chunk
            while data:
                if member.eof:  # gzip files may be joined one after the other
                    member = zlib.decompressobj(wbits=31)
                if piece := member.decompress(data, CHUNK):
                    yield piece
                data = member.unused_data if member.eof else member.unconsumed_tail
        while not member.eof and (piece := member.decompress(b"", CHUNK)):
            yield piece  # a piece of exactly CHUNK bytes may have left more behind
    except zlib.error as error:
        raise FileRefused(
            f"unreadable: the name says gzip, the content is not or is damaged ({error})"
        ) from error
    if not member.eof:
        raise FileRefused("truncated: the gzip trailer is missing; deliver the file again")
