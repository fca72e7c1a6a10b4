"""Read a delivered file of any format into numbered rows, and set aside what is not a row.

The temporary relation `intake_source` holds file_row and the columns of the file, `intake_rows` file_row and the declared
columns by the file's mapping, `intake_malformed` what is no row (file_row, raw_text, detail). CSV and NDJSON are read as
text, so that a value of the wrong type can still be shown; Parquet keeps its own types. DuckDB reads the rows; Python never
loops over them.

Row numbers start at 1: data rows without the header and empty lines in CSV, lines in NDJSON, rows in Parquet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from warehouse.connection import in_file_order
from warehouse.intake.csv_and_ndjson import count, identifier, literal_path, read_csv, read_ndjson
from warehouse.intake.declared_rows import declare_rows, wanted
from warehouse.intake.feeds import Feed
from warehouse.intake.whole_files import FileRefused, WholeFile

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
        extra: Columns of the file that the feed does not declare; they are left out.
        rows: Data rows, malformed ones included.
    """

    types: dict[str, str]
    extra: tuple[str, ...]
    rows: int


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
            in_file = _read_parquet(con, file)
        else:
            read_text = read_csv if file.format == "csv" else read_ndjson
            in_file = [(name, "VARCHAR") for name in read_text(con, file, wanted=looked_for)]
        types, extra = declare_rows(
            con, feed, file.mapping, names=[name for name, _ in in_file], types=dict(in_file)
        )
        rows = count(con, "intake_rows") + count(con, "intake_malformed")
    if rows == 0:
        raise FileRefused("empty: the file has columns but no row")
    return Delivered(types=types, extra=extra, rows=rows)


@contextmanager
def damage_refused(file: WholeFile) -> Iterator[None]:
    """Refuse the file where DuckDB finds it damaged; other errors, such as a full disk, are raised as they are."""
    try:
        yield
    except _DAMAGED_FILE as error:
        raise FileRefused(f"unreadable: {_first_line(error, file)}") from error
    except duckdb.IOException as error:
        if file.full.name not in str(error):
            raise
        raise FileRefused(f"unreadable: {_first_line(error, file)}") from error


def drop(con: duckdb.DuckDBPyConnection) -> None:
    """Remove the temporary relations of the file that was read last."""
    for name in ("intake_rows", "intake_source"):
        con.execute(f"drop view if exists temp.main.{name}")
    for name in ("intake_lines", "intake_objects", "intake_malformed", "intake_rejects", "intake_scans"):
        con.execute(f"drop table if exists temp.main.{name}")


def _read_parquet(con: duckdb.DuckDBPyConnection, file: WholeFile) -> list[tuple[str, str]]:
    source = f"read_parquet({literal_path(file)}, file_row_number = true, hive_partitioning = false)"
    described = con.execute(f"describe select * exclude (file_row_number) from {source}").fetchall()
    in_file = [(row[0].strip().lower(), row[1]) for row in described]
    columns = "".join(
        f", {identifier(row[0])} as {identifier(name)}"
        for row, (name, _) in zip(described, in_file, strict=True)
    )
    con.execute(
        f"create temp view intake_source as select file_row_number + 1 as file_row{columns} from {source}"
    )
    return in_file


def _first_line(error: Exception, file: WholeFile) -> str:
    return str(error).splitlines()[0].replace(str(file.full), file.full.name)[:200]
