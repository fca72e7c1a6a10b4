"""Read a delivered file of any format into numbered rows, and set aside what is not a row.

The temporary relation `intake_source` holds file_row and the columns of the file, `intake_rows` file_row and the
declared columns by the file's mapping, `intake_malformed` what is no row (file_row, raw_text, detail). CSV and NDJSON
are read as text, so that a value of the wrong type can still be shown; Parquet keeps its own types. DuckDB reads the
rows; Python never loops over them.

Row numbers start at 1: data rows without the header and empty lines in CSV, lines in NDJSON, rows in Parquet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from warehouse.connection import in_file_order
from warehouse.errors import FileRefused
from warehouse.intake.csv_and_ndjson import count, read_csv, read_ndjson
from warehouse.intake.declared_rows import declare_rows, wanted
from warehouse.intake.feed import Feed
from warehouse.intake.forms import form
from warehouse.intake.parquet_files import read_parquet
from warehouse.intake.text_check import ends_told
from warehouse.intake.whole_files import WholeFile

_VIEWS = ("intake_rows", "intake_source")
_TABLES = (
    "intake_lines",
    "intake_keys",
    "intake_objects",
    "intake_malformed",
    "intake_rejects",
    "intake_scans",
)
_DAMAGED_FILE = (
    duckdb.InvalidInputException,
    duckdb.ConversionException,
    duckdb.SerializationException,
    duckdb.NotImplementedException,
)


@dataclass(frozen=True)
class Delivered:
    """What a delivered file holds.

    Attributes:
        types: Declared columns that the file has, with their type in the file.
        extra: Columns of the file that nothing reads; they are left out.
        notes: What is unusual in the file and what the mapping leaves out, each as a sentence.
        rows: Data rows, malformed ones included.
        malformed: How many of them are no row, and stand in `intake_malformed`.
    """

    types: dict[str, str]
    extra: tuple[str, ...]
    notes: tuple[str, ...]
    rows: int
    malformed: int


def read(con: duckdb.DuckDBPyConnection, file: WholeFile, *, feed: Feed) -> Delivered:
    """Fill `intake_rows` and `intake_malformed` from the file.

    Raises:
        FileRefused: when the file cannot be read, has no row, lacks columns or belongs to another feed.
    """
    drop(con)
    con.execute("create temp table intake_malformed (file_row bigint, raw_text varchar, detail varchar)")
    with damage_refused(file), in_file_order(con):
        looked_for = wanted(feed, file.mapping)
        if file.format == "parquet":
            in_file = read_parquet(con, file, wanted=looked_for)
        else:
            read_text = read_csv if file.format == "csv" else read_ndjson
            in_file = [(name, "VARCHAR") for name in read_text(con, file, wanted=looked_for)]
        declared = declare_rows(con, feed, file.mapping, types=dict(in_file))
        malformed = count(con, "intake_malformed")
        rows = malformed + count(con, "intake_rows")
    if rows == 0:
        raise FileRefused("empty: the file has columns but no row")
    notes = declared.notes if file.lines_alike else (ends_told(file.text), *declared.notes)
    return Delivered(types=declared.types, extra=declared.extra, notes=notes, rows=rows, malformed=malformed)


@contextmanager
def damage_refused(file: WholeFile) -> Iterator[None]:
    """Refuse a Parquet file that DuckDB finds damaged; other errors, such as a full disk, are raised as they are."""
    if file.format != "parquet":
        yield  # all of its text was read and checked before
        return
    try:
        yield
    except duckdb.Error as error:
        is_damage = isinstance(error, _DAMAGED_FILE) or type(error) is duckdb.Error  # Thrift's have no class
        if not is_damage and not (isinstance(error, duckdb.IOException) and file.full.name in str(error)):
            raise
        raise FileRefused(f"unreadable: {_first_line(error, file)}; deliver the file again") from error


def drop(con: duckdb.DuckDBPyConnection) -> None:
    """Remove the temporary relations of the file that was read last."""
    views = [f"drop view if exists temp.main.{name}" for name in _VIEWS]
    con.execute("; ".join([*views, *(f"drop table if exists temp.main.{name}" for name in _TABLES)]))


def _first_line(error: Exception, file: WholeFile) -> str:
    """Return what DuckDB says of a damaged file; what it quotes may be a value, so its form is shown."""
    path = re.escape(str(file.full))
    line = re.sub(rf"""['"]?{path}['"]?""", "this file", str(error).splitlines()[0])[:200]
    return re.sub(r"""['"].*""", lambda quote: form(quote[0]), line)
