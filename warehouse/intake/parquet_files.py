"""Read Parquet files, whose columns have types of their own, within the size that a file may have."""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from warehouse.errors import FileRefused
from warehouse.intake.csv_and_ndjson import identifier, literal_path, numbered
from warehouse.intake.csv_header import too_many_columns
from warehouse.intake.file_bytes import check_size
from warehouse.intake.mapping import plain
from warehouse.intake.whole_files import WholeFile
from warehouse.settings import settings

_BYTES_A_VALUE = 8


def read_parquet(
    con: duckdb.DuckDBPyConnection, file: WholeFile, *, wanted: Collection[str]
) -> list[tuple[str, str]]:
    """Create `intake_source` (file_row and the file's columns) over a Parquet file; return names and types.

    Args:
        con: the cursor that loads the file.
        file: a file that was checked to be whole.
        wanted: columns that are read later, whose size counts.

    Raises:
        FileRefused: when the file has more columns or more content than the settings allow.
    """
    path = literal_path(file)
    source = (
        f"read_parquet({path}, file_row_number = true, hive_partitioning = false, binary_as_string = true)"
    )
    _check_pages(con, file)
    _check_names(con, file, wanted)
    described = con.execute(f"describe select * exclude (file_row_number) from {source}").fetchall()
    if len(described) > settings().column_limit:
        raise too_many_columns(len(described))
    names = numbered(plain(row[0]) for row in described)
    in_file = [(name, row[1]) for name, row in zip(names, described, strict=True)]
    own_names = [row[0] for row in described]
    read = [(own, kind) for own, (name, kind) in zip(own_names, in_file, strict=True) if name in wanted]
    _check_values(con, file, source, read)
    columns = "".join(
        f", {identifier(own)} as {identifier(name)}"
        for own, (name, _) in zip(own_names, in_file, strict=True)
    )
    con.execute(
        f"create temp view intake_source as select file_row_number + 1 as file_row{columns} from {source}"
    )
    return in_file


def _check_names(con: duckdb.DuckDBPyConnection, file: WholeFile, wanted: Collection[str]) -> None:
    """Check the names that DuckDB would change without a word, or could not read."""
    rows = con.execute(
        f"""select name, times
            from (select lower(trim(path_in_schema)) as name, count(*) as times
                  from parquet_metadata({literal_path(file)}) where row_group_id = 0 group by all)
            where times > 1 or name = 'file_row_number' order by name"""
    ).fetchall()
    if twice := [name for name, times in rows if times > 1 and name in wanted]:
        raise FileRefused(f"unreadable: the column {', '.join(twice)} is there twice")
    if any(name == "file_row_number" for name, _ in rows):
        raise FileRefused("unreadable: DuckDB reads no column named file_row_number; give it another name")


def _check_pages(con: duckdb.DuckDBPyConnection, file: WholeFile) -> None:
    row = con.execute(
        f"select coalesce(sum(total_uncompressed_size), 0) from parquet_metadata({literal_path(file)})"
    ).fetchone()
    check_size(int(row[0]) if row else 0, stored=file.full.stat().st_size)


def _check_values(
    con: duckdb.DuckDBPyConnection, file: WholeFile, source: str, columns: list[tuple[str, str]]
) -> None:
    """Check the size of the values themselves: a dictionary page holds a text once that a million rows repeat.

    DuckDB measures them without writing them out. Texts inside lists and structures are not measured.
    """
    lengths = [
        f"coalesce(sum({'strlen' if kind == 'VARCHAR' else 'octet_length'}({identifier(name)})), 0)"
        for name, kind in columns
        if kind in ("VARCHAR", "BLOB")
    ]
    row = con.execute(
        f"select count(*) * {_BYTES_A_VALUE * len(columns)} + {' + '.join(lengths) or '0'} from {source}"
    ).fetchone()
    check_size(int(row[0]) if row else 0, stored=file.full.stat().st_size)
