"""Check that a text file is whole and text of its encoding, in one pass over all its bytes.

One byte that is no text refuses the whole file: its other letters would be wrong as well, only nobody would see it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

import duckdb

from warehouse.errors import FileRefused
from warehouse.intake.csv_header import DELIMITERS, likely_header, skip_hint
from warehouse.intake.encodings import NotDecoded, as_utf8, is_utf8, looks_like
from warehouse.intake.mapping import FeedMapping
from warehouse.intake.records import LINE_END, LONGEST_RECORD, records, span, too_long

_START = 1 << 16
_ENDS = re.compile(rb"\r\n|\n|\r")
_NO_TEXTS = {
    b"PK\x03\x04": "a zip archive or a workbook",
    b"\xd0\xcf\x11\xe0": "an old workbook",
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PAR1": "Parquet",
    b"%PDF": "PDF",
}
"""First bytes of what is often named as text."""


@dataclass(frozen=True)
class Text:
    """The text of a delivered file.

    Attributes:
        content: Yields the bytes of the file, decompressed, anew at every call.
        is_csv: Whether the file is CSV; else it is NDJSON.
        mapping: Encoding, delimiter and lines to skip, by feeds.yaml.
    """

    content: Callable[[], Iterator[bytes]]
    is_csv: bool
    mapping: FeedMapping

    def pieces(self) -> Iterator[bytes]:
        """Yield the text as UTF-8."""
        return as_utf8(self.content(), self.mapping.encoding)


def check_text(text: Text) -> bool:
    r"""Check all of the text; tell whether its lines end all in `\n` or all in `\r\n`.

    Raises:
        FileRefused: naming the row, where it is no text of its encoding or a line is too long; when its end is missing.
    """
    lines, size = _Lines(), 0
    try:
        for piece in text.pieces():
            if (zero := piece.find(b"\0")) >= 0:
                raise NotDecoded(size + zero, b"\0")  # noqa: TRY301  (one refusal for all that is no text)
            open_line = len(lines.open)
            if not lines.add(piece):
                row, _ = _row_at(text, size - open_line, line=0)
                raise too_long(row)
            size += len(piece)
    except NotDecoded as damage:
        raise _no_text(text, damage) from damage
    _check_end(lines.open, is_csv=text.is_csv)
    return lines.alike


def ends_told(text: Text) -> str:
    """Return a sentence on line ends that are not alike: the first line that ends otherwise, or that all end in CR."""
    line, usual, rest = 0, b"", b""
    for piece in chain(text.pieces(), [b""]):
        data = rest + piece
        rest = b"\r" if piece and data.endswith(b"\r") else b""  # its newline may come with the next piece
        for end in _ENDS.finditer(data.removesuffix(rest)):
            line, usual = line + 1, usual or end[0]
            if end[0] != usual:
                return f"mixed line ends, the first other one in line {line}; read as lines, no value was changed"
    return "its lines end in CR alone; read as lines, no value was changed"


class _Lines:
    """What is to be known of the lines of a text that is seen piece by piece.

    Attributes:
        open: What stands after the last line end.
    """

    def __init__(self) -> None:
        self.open = b""
        self._returns = self._newlines = self._both = 0
        self._bare_newline = self._after_return = False

    def add(self, piece: bytes) -> bool:
        """Take the next piece; tell whether no line is longer than DuckDB reads."""
        ends = [at for at in (piece.find(b"\n"), piece.find(b"\r")) if at >= 0]
        line = len(self.open) + min(ends, default=len(piece))
        last = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
        self.open = piece[last + 1 :] if ends else self.open + piece
        if self._after_return or b"\r" in piece:
            self._returns += piece.count(b"\r")
            self._newlines += piece.count(b"\n")
            self._both += piece.count(b"\r\n") + (self._after_return and piece.startswith(b"\n"))
        elif ends:
            self._bare_newline = True
        self._after_return = piece.endswith(b"\r")
        return line <= LONGEST_RECORD

    @property
    def alike(self) -> bool:
        r"""Whether all lines end in `\n` or all in `\r\n`."""
        bare_newline = self._bare_newline or self._newlines > self._both
        return self._returns == self._both and not (bare_newline and self._both)


def _row_at(text: Text, offset: int, *, line: int) -> tuple[int, bool]:
    """Return the row that holds the byte, 0 for the header, or the line where it is before the header.

    Args:
        text: the text.
        offset: bytes of the text before it.
        line: number of the header's line, from 0; in NDJSON there is none.

    Returns:
        The number, and whether it is that of a row.
    """
    if not text.is_csv:
        return sum(1 for _ in records(_until(text, offset), delimiter=None)), True
    head = b"".join(span(text.pieces(), 0, min(offset, _START)))
    ends = [match.end() for match in re.finditer(LINE_END.encode(), head)]
    if len(ends) < line:
        return len(ends) + 1, False
    start = ends[line - 1] if line else 0
    header = head[start : ends[line] if line < len(ends) else len(head)].decode("utf-8", errors="ignore")
    delimiter = text.mapping.delimiter or max(DELIMITERS, key=header.count)
    filled = (record for record in records(span(_until(text, offset), start), delimiter=delimiter) if record)
    return sum(1 for _ in filled) - 1, True


def _until(text: Text, offset: int) -> Iterator[bytes]:
    # the record that the byte is in counts too, even where the byte is its first
    return chain(span(text.pieces(), 0, offset), [b"x"])


def _no_text(text: Text, damage: NotDecoded) -> FileRefused:
    start = next(text.content(), b"")[:_START]
    if kind := next((kind for mark, kind in _NO_TEXTS.items() if start.startswith(mark)), None):
        return FileRefused(
            f"unreadable: the name says text, the content is {kind}; deliver it as text, or under its name"
        )
    guess = looks_like(damage.sample, start=start)
    asked = "UTF-8" if is_utf8(text.mapping.encoding) else f"{text.mapping.encoding}, as feeds.yaml says"
    wide = bool(guess and guess.startswith(("utf-16", "utf-32")))
    header = None
    if text.is_csv:
        shown = start.decode(guess or "latin-1", errors="replace").removeprefix("\ufeff")
        header = likely_header(re.split(LINE_END, shown)[:100], ())
    zero = damage.sample == b"\0" and not guess
    parts = ["unreadable: zero bytes, which no text has," if zero else f"unreadable: not {asked}"]
    if not wide:
        number, is_row = _row_at(text, damage.offset, line=text.mapping.skip_lines or header or 0)
        parts[0] += f" from {'row' if is_row else 'line'} {number} on" if number else " in the header"
    if damage.mixed:
        parts.append("what is before it is UTF-8, so two encodings are mixed; save all of it as UTF-8")
    elif guess:
        shown_name = guess.replace("windows", "Windows") if guess.startswith("w") else guess.upper()
        parts.append(f"looks like {shown_name}; save it as UTF-8 or say encoding: {guess} in feeds.yaml")
    else:
        parts.append("it was damaged on its way, or is no text; deliver it again")
    if header and header != text.mapping.skip_lines and not damage.mixed:
        parts.append(skip_hint(header))
    return FileRefused("; ".join(parts))


def _check_end(last_line: bytes, *, is_csv: bool) -> None:
    if not last_line:
        return
    if is_csv:
        raise FileRefused(
            "truncated: the last line has no line end, so a cut value cannot be told from a whole one; "
            "deliver the file again, ending in a line end"
        )
    with duckdb.connect() as con:  # which reads the lines too, however deep they are nested
        whole = con.execute("select json_valid($line)", {"line": last_line.decode()}).fetchone()
    if whole != (True,):
        raise FileRefused("truncated: the last line is cut; deliver the file again")
