"""Read the first rows of an export and find how it is written: encoding, delimiter, lines before the header."""

from __future__ import annotations

import csv
import gzip
import io
import json
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

from warehouse.drafting.usual_names import bare, names_of
from warehouse.errors import Refused
from warehouse.intake.csv_and_ndjson import numbered
from warehouse.intake.encodings import looks_like
from warehouse.intake.feed import Feed
from warehouse.sql import quoted

_BYTES = 4_000_000
_ROWS = 5_000
_LINES = 100
_DELIMITERS = ";,\t|"
_ENDINGS = {"csv": (".csv", ".csv.gz"), "parquet": (".parquet",)}


@dataclass(frozen=True)
class Sample:
    """The first rows of an export, all values as text.

    Attributes:
        columns: Values of each column by its name in the file, of two with one name as `name (1)` and `name (2)`.
        rows: How many rows were read.
        cut: The file has more rows.
        is_text: The file is CSV, so that its shape has to be found.
        encoding: Name of its encoding.
        delimiter: Character between fields.
        skip_lines: Lines before the header.
    """

    columns: dict[str, list[str]]
    rows: int
    cut: bool
    is_text: bool
    encoding: str = "utf-8"
    delimiter: str | None = None
    skip_lines: int = 0

    def filled(self, name: str) -> list[str]:
        """Return the values of a column that are not empty."""
        return [value for value in self.columns[name] if value]


def read_sample(file: Path, feed: Feed) -> Sample:
    """Read the first rows of a CSV, Parquet or NDJSON file.

    Raises:
        Refused: where there is no such file, or no table in it.
    """
    if file.is_dir():
        raise Refused(f"{file} is a folder; name one file of it")
    if not file.is_file():
        raise Refused(f"no file at {file}")
    if not file.stat().st_size:
        raise Refused(f"{file.name}: the file is empty")
    sample = _read(file, feed)
    if not sample.rows:
        raise Refused(f"{file.name}: a header without a row; a draft is made from the values")
    return sample


def _read(file: Path, feed: Feed) -> Sample:
    name = file.name.lower()
    if name.endswith(_ENDINGS["parquet"]):
        return _read_parquet(file)
    with gzip.open(file) if name.endswith(".gz") else file.open("rb") as stream:
        content = stream.read(_BYTES + 1)
    cut = len(content) > _BYTES
    content = content[: content.rfind(b"\n") + 1] if cut else content
    encoding = _encoding(content, file.name)
    text = content.decode(encoding, errors="replace").removeprefix("\ufeff")
    if not name.endswith(_ENDINGS["csv"]):
        return _read_objects(file, text, cut=cut)
    return _read_csv(file, text, feed, encoding=encoding, cut=cut)


def _encoding(content: bytes, name: str) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        odd = b"".join(line for line in content.splitlines(keepends=True) if not line.isascii())
        guess = looks_like(odd, start=content[: 1 << 16])
        if guess is None:
            raise Refused(
                f"{name}: no text in an encoding that can be told; save it as CSV in UTF-8"
            ) from None
        return guess
    return "utf-8"


def _read_csv(file: Path, text: str, feed: Feed, *, encoding: str, cut: bool) -> Sample:
    lines = list(islice(io.StringIO(text, newline=""), _LINES))
    known = {name for names in names_of(feed).values() for name in names}
    best = (0, 0, 0, ";")
    for delimiter in _DELIMITERS:
        rows = [_fields(line, delimiter) for line in lines]
        widest = max(((len(fields), -number) for number, fields in enumerate(rows)), default=(0, 0))
        for number, fields in enumerate(rows):
            if len(fields) < 2 or len(fields) < widest[0] - 1:
                continue
            ours = sum(bare(field) in known for field in fields)
            named = all(any(letter.isalpha() for letter in field) for field in fields if field)
            if (score := ours + named) > best[0] or (score == best[0] and len(fields) > best[1]):
                best = (score, len(fields), number, delimiter)
    score, _, header, delimiter = best
    if not score:
        raise Refused(f"{file.name}: no line of the first {len(lines)} looks like the header of a table")
    reader = csv.reader(
        io.StringIO("".join(list(io.StringIO(text, newline=""))[header:]), newline=""), delimiter=delimiter
    )
    names = _named(next(reader))
    rows = [fields for fields in islice(reader, _ROWS) if fields]
    columns = {
        name: [fields[n].strip() if n < len(fields) else "" for fields in rows]
        for n, name in enumerate(names)
    }
    cut = cut or next(reader, None) is not None
    return Sample(columns, len(rows), cut, True, encoding, delimiter, header)


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _named(fields: list[str]) -> list[str]:
    names = [field.strip() or f"unnamed_{n}" for n, field in enumerate(fields, start=1)]
    lowered = [name.lower() for name in names]
    twice = {name for name in lowered if lowered.count(name) > 1}
    return [
        f"{name} (1)" if unlike in twice else name if unlike == name.lower() else name + unlike[len(name) :]
        for name, unlike in zip(names, numbered(lowered), strict=True)
    ]


def _read_objects(file: Path, text: str, *, cut: bool) -> Sample:
    try:
        objects = [json.loads(line) for line in islice(text.splitlines(), _ROWS) if line.strip()]
    except ValueError as error:
        raise Refused(f"{file.name}: no NDJSON, which has one object a line: {error}") from error
    if not objects or not all(isinstance(item, dict) for item in objects):
        raise Refused(f"{file.name}: no NDJSON, which has one object a line")
    names = dict.fromkeys(key for item in objects for key in item)
    columns = {name: [_as_text(item.get(name)) for item in objects] for name in names}
    return Sample(columns, len(objects), cut or text.count("\n") > _ROWS, False)


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read_parquet(file: Path) -> Sample:
    with closing(duckdb.connect()) as con:
        try:
            relation = con.sql(f"select * from read_parquet({quoted(file)}) limit {_ROWS + 1}")
            names = relation.columns
            as_text = ", ".join(f"cast(#{n} as varchar)" for n in range(1, len(names) + 1))
            rows = relation.query("export", f"select {as_text} from export").fetchall()
        except duckdb.Error as error:
            raise Refused(f"{file.name}: unreadable: {error}") from error
    cut, rows = len(rows) > _ROWS, rows[:_ROWS]
    columns = {name: [row[n] or "" for row in rows] for n, name in enumerate(names)}
    return Sample(columns, len(rows), cut, False)
