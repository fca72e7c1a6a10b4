r"""Split delivered text into its lines or CSV records, whatever ends them, without changing what stands in quotes.

Only `\n`, `\r\n` and `\r` outside quotes end a record; a quote opens a field only where the field begins, as DuckDB
reads it. DuckDB itself wants one kind of line end a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from warehouse.errors import FileRefused

LONGEST_RECORD = 2_000_000
"""Bytes of one line or CSV record; DuckDB's own limit."""

LINE_END = r"\r*\n|\r"
r"""What ends a line; several `\r` before a `\n` are what text mode made of one line end."""


def records(pieces: Iterator[bytes], *, delimiter: str | None) -> Iterator[bytes]:
    """Yield the records without their line ends; one that is open at the end of the text is yielded too.

    Args:
        pieces: UTF-8 text in pieces of any size.
        delimiter: character between the fields of a CSV file; None where quotes have no meaning, as in NDJSON.

    Raises:
        FileRefused: when a record is longer than DuckDB reads.
    """
    token, held, filled = _token(delimiter), b"", 0
    for piece in pieces:
        held += piece
        start = 0
        for match in token.finditer(held):
            if match.end() == len(held):
                break  # it may go on in the next piece
            if match[0][:1] != b'"':
                filled += match.start() > start
                yield held[start : match.start()]
                start = match.end()
        held = held[start:]
        if len(held) > LONGEST_RECORD:
            raise too_long(filled if delimiter else filled + 1)
    start = 0
    for match in token.finditer(held):
        if match[0][:1] != b'"':
            yield held[start : match.start()]
            start = match.end()
    if start < len(held):
        yield held[start:]


def too_long(record: int) -> FileRefused:
    """Return the refusal of a file by its first record that is too long; the header is record 0."""
    return FileRefused(
        f"unreadable from {f'record {record}' if record else 'the header'} on: a quote is opened and not closed, "
        "or one record is larger than 2 MB; the rows after it cannot be told apart"
    )


def span(pieces: Iterator[bytes], start: int, stop: int | None = None) -> Iterator[bytes]:
    """Yield the bytes from `start` on, up to `stop` if one is given."""
    offset = 0
    if stop == 0:
        return
    for piece in pieces:
        part = piece[max(0, start - offset) : None if stop is None else max(0, stop - offset)]
        offset += len(piece)
        if part:
            yield part
        if stop is not None and offset >= stop:
            return


def _token(delimiter: str | None) -> re.Pattern[bytes]:
    if delimiter is None:
        return re.compile(LINE_END.encode())
    field_start = rb"(?:^|(?<=[\r\n])|(?<=" + re.escape(delimiter.encode()) + rb"))"
    return re.compile(field_start + rb'"[^"]*(?:""[^"]*)*(?:"|\Z)|' + LINE_END.encode())
