"""Find the header of a CSV file: where it begins, its delimiter and its column names."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from warehouse.errors import FileRefused
from warehouse.intake.forms import column_name
from warehouse.intake.mapping import FeedMapping, plain
from warehouse.intake.records import LINE_END, LONGEST_RECORD
from warehouse.settings import settings

DELIMITERS = ",;\t|"
MAP_IT = "map them in feeds.yaml (python -m flows draft proposes how)"
_LINES_LOOKED_AT = 100
_OURS = 3  # so many names of ours in one line are no chance
_OTHER_TEXTS = {"{": "JSON", "[": "JSON", "<": "HTML or XML"}
_NO_NAME = re.compile(r"[\W\d]*")


@dataclass(frozen=True)
class Header:
    """The header of a CSV file.

    Attributes:
        line: Its line in the file, from 1.
        start: Bytes before it in the UTF-8 text; 0 where nothing but a byte-order mark is before it.
        delimiter: Character between the fields.
        names: Column names in small letters; a column without a name has one by its place.
    """

    line: int
    start: int
    delimiter: str
    names: tuple[str, ...]


def read_header(pieces: Iterator[bytes], mapping: FeedMapping, wanted: Collection[str]) -> Header:
    """Read the header; its delimiter is the one that yields most wanted columns.

    Args:
        pieces: the text of the file as UTF-8.
        mapping: the lines to skip and the delimiter, where feeds.yaml names them.
        wanted: columns that are looked for, in small letters.

    Raises:
        FileRefused: when this is no header: saying which line looks like one, or what was found.
    """
    text = head_text(pieces)
    mark, text = len(text) - len(text.removeprefix("\ufeff")), text.removeprefix("\ufeff")
    if not text.strip():
        raise FileRefused("empty: the file has no line")
    lines = _lines(text)
    line, delimiters = _first_line(lines, mapping)
    start = sum(len(part) for part in lines[: 2 * line])
    splits = {sign: column_names(_fields(text[start:], sign)) for sign in delimiters}
    ours_by = {sign: len(set(wanted) & set(names)) for sign, names in splits.items()}
    # where none is ours, the delimiter is the one that makes most columns
    delimiter = max(splits, key=lambda sign: (ours_by[sign], 0 if ours_by[sign] else len(splits[sign])))
    best, ours = splits[delimiter], ours_by[delimiter]
    if not best:
        raise FileRefused(
            f"unreadable: line {line + 1} is no header; it has to hold the names of the columns"
        )
    if len(best) > settings().column_limit:
        raise too_many_columns(len(best))
    if not ours and (other := _OTHER_TEXTS.get(text.lstrip()[0])):
        raise FileRefused(
            f"unreadable: the name says CSV, the content is {other}; deliver CSV, or JSON as .ndjson"
        )
    if not ours or (ours < _OURS and not mapping.skip_lines):
        shown = lines[: 2 * _LINES_LOOKED_AT : 2]
        hint = likely_header(shown, wanted)
        if hint is not None and hint != line:
            raise FileRefused(f"no header in line {line + 1}; {skip_hint(hint)}")
        if not ours:
            _check_no_column(text[start:], wanted, line=line)
            raise FileRefused(
                f"missing columns: none of ours is among the {len(best)} of line {line + 1}; rename them, or {MAP_IT}"
            )
    skipped = len(text[:start].encode())
    return Header(line=line + 1, start=skipped + 3 * mark if skipped else 0, delimiter=delimiter, names=best)


def _check_no_column(text: str, wanted: Collection[str], *, line: int) -> None:
    """Check a header without a column of ours for what can be said of it.

    Raises:
        FileRefused: where another delimiter yields our columns, or values stand there, which may be personal.
    """
    first = re.split(LINE_END, text, maxsplit=1)[0]
    for sign in sorted(set(re.findall(r'[^\w"]', first))):
        if len(set(column_names(_fields(first, sign))) & set(wanted)) >= _OURS:
            raise FileRefused(
                f"no column of ours is found in line {line + 1}, since another delimiter is looked for: "
                f"say delimiter: {json.dumps(sign)} in feeds.yaml"
            )
    if any(
        _NO_NAME.fullmatch(field) for sign in DELIMITERS for field in _fields(first, sign) if field.strip()
    ):
        raise FileRefused(
            f"no header: line {line + 1} holds values; write the names of the columns above them"
        )


def likely_header(lines: Iterable[str], wanted: Collection[str]) -> int | None:
    """Return the number, from 0, of the line that looks like the header of a table, or None.

    It is the line with most wanted columns; else the first line that has as many fields as most lines have, if these
    are names and no values.
    """
    table: tuple[int, int | None] = (0, None)
    best: tuple[int, int | None] = (_OURS - 1, None)
    lines = list(lines)
    for delimiter in DELIMITERS:
        rows = [_fields(line, delimiter) for line in lines]
        for number, fields in enumerate(rows):
            ours = len({plain(field) for field in fields} & set(wanted))
            if ours > best[0]:
                best = (ours, number)
        widths = Counter(len(fields) for fields in rows if len(fields) > 2)
        if not widths:
            continue
        ((width, times),) = widths.most_common(1)
        first = next(number for number, fields in enumerate(rows) if len(fields) == width)
        if times > 1 and times * width > table[0]:
            no_value = all(not _NO_NAME.fullmatch(field) for field in rows[first] if field.strip())
            table = (times * width, first if no_value else None)
    return best[1] if best[1] is not None else table[1]


def column_names(fields: Iterable[str | None]) -> tuple[str, ...]:
    """Return the names that the fields of a header give, in small letters, and `unnamed_2` for one that gives none."""
    # data frames write their index without a name, spreadsheets end lines with a delimiter
    return tuple(plain(name or "") or f"unnamed_{n}" for n, name in enumerate(fields, start=1))


def skip_hint(line: int) -> str:
    """Return what to do where the line, counted from 0, is the header."""
    return f"line {line + 1} looks like the header: say skip_lines: {line} in feeds.yaml"


def listed(names: Collection[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    shown = [column_name(name[:40]) for name in list(names)[:12]]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return ", ".join(shown) + more


def too_many_columns(columns: int) -> FileRefused:
    """Return the refusal of a file with more columns than the settings allow."""
    return FileRefused(
        f"too many columns: {columns:,}, and {settings().column_limit:,} are allowed; leave out what no feed declares, "
        "or raise NIGHTLEDGER_COLUMN_LIMIT"
    )


def head_text(pieces: Iterator[bytes]) -> str:
    """Return the first bytes of a text, as many as the longest line may have."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) > LONGEST_RECORD:
            break
    return head.decode("utf-8", errors="ignore")


def _lines(text: str) -> list[str]:
    """Return the first lines of a text and, between them, what ends them; the rest is last."""
    return re.split(f"({LINE_END})", text, maxsplit=10 * _LINES_LOOKED_AT)


def _first_line(lines: list[str], mapping: FeedMapping) -> tuple[int, str]:
    """Return the number of the header's line, from 0, and the delimiters that it may have."""
    line, delimiters, last = mapping.skip_lines, mapping.delimiter or DELIMITERS, len(lines) // 2
    if 2 * line < len(lines) and (named := re.fullmatch(r'"?sep=(.)"?', lines[2 * line], re.IGNORECASE)):
        line, delimiters = line + 1, mapping.delimiter or named[1]
    while line < last and not lines[2 * line].strip():
        line += 1
    return min(line, last), delimiters


def _fields(text: str, delimiter: str) -> list[str]:
    """Return the fields of the first record; none where it cannot be split so."""
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []
