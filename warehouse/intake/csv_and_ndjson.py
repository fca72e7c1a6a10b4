"""Read CSV and NDJSON files into numbered rows of text; malformed records are set aside without their text."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Sequence

import duckdb

from warehouse.errors import FileRefused
from warehouse.intake.csv_header import (
    MAP_IT,
    Header,
    column_names,
    read_header,
    too_many_columns,
)
from warehouse.intake.mapping import plain
from warehouse.intake.records import too_long
from warehouse.intake.text_copy import as_duckdb_reads
from warehouse.intake.whole_files import WholeFile, blank_lines
from warehouse.settings import settings
from warehouse.sql import quoted

_NO_DELIMITER = "\x01"  # no text holds it, so that a line stays one column
_HEADER_AGAIN = "The line is the header again."


def read_csv(con: duckdb.DuckDBPyConnection, file: WholeFile, *, wanted: set[str]) -> list[str]:
    """Fill `intake_source` (file_row and the file's columns, as text) from a CSV file and return the columns.

    Args:
        con: the cursor that loads the file.
        file: a file that was checked to be whole.
        wanted: columns that decide which delimiter is the file's.
    """
    header = read_header(file.text.pieces(), file.mapping, wanted)
    columns = numbered(header.names)
    with as_duckdb_reads(file, start=header.start, delimiter=header.delimiter) as text:
        fields = [_field(n) for n in range(len(columns))]
        _scan_text(con, text, fields, delimiter=header.delimiter, quote='"', has_header=True)
        rejected = count(con, "intake_rejects")
        blank = blank_lines(text) if rejected else []
    if rejected:
        _set_malformed_aside(con, first_line=2, blank=blank)
    _number_rows(con, columns)
    if repeated := _repeated_headers(con, columns, header):
        con.executemany(
            "insert into intake_malformed values ($file_row, $text, $detail)",
            [{"file_row": row, "text": "***", "detail": _HEADER_AGAIN} for row in repeated],
        )
        _number_rows(con, columns, left_out=repeated)
    return columns


def _field(number: int) -> str:
    # until the rows are numbered, a column of the file may not be named as rowid or a column of ours
    return f"field {number}"


def _number_rows(
    con: duckdb.DuckDBPyConnection, columns: Sequence[str], *, left_out: Sequence[int] = ()
) -> None:
    rows = "select rowid - (select min(rowid) from intake_lines) + 1 as file_row, * from intake_lines"
    if count(con, "intake_malformed"):
        # n malformed records before a row move its number by n
        rows = f"""
            with bad as (
                select file_row, row_number() over (order by file_row) as n from intake_malformed
                where detail <> '{_HEADER_AGAIN}'
            ),
            moved as (select file_row - n as good_before, max(n) as n from bad group by all),
            good as (select file_row as nth, * exclude (file_row) from ({rows}))
            select nth + coalesce(n, 0) as file_row, good.* exclude (nth)
            from good asof left join moved on good.nth > moved.good_before"""
    if left_out:
        rows = f"select * from ({rows}) where file_row not in ({', '.join(map(str, left_out))})"
    named = "".join(f', "{_field(n)}" as {identifier(name)}' for n, name in enumerate(columns))
    con.execute(f"create or replace temp view intake_source as select file_row{named} from ({rows})")


def _repeated_headers(con: duckdb.DuckDBPyConnection, columns: list[str], header: Header) -> list[int]:
    """Return the rows that are the header once more, as in files that were joined.

    Raises:
        FileRefused: when a header follows that has the columns in another order.
    """
    named = next(column for column, name in zip(columns, header.names, strict=True) if name == column)
    rows = con.execute(
        f"select file_row, {', '.join(map(identifier, columns))} from intake_source "
        f"where list_contains($names, lower(trim({identifier(named)})))",
        {"names": list(header.names)},
    ).fetchall()
    repeated = []
    for file_row, *fields in rows:
        names = column_names(fields)
        if names == header.names:
            repeated.append(file_row)
        elif sorted(names) == sorted(header.names):
            raise FileRefused(
                f"two files were joined: row {file_row} is a header that has the columns in another order; deliver "
                "them as two files"
            )
    return sorted(repeated)


def read_ndjson(con: duckdb.DuckDBPyConnection, file: WholeFile, *, wanted: set[str]) -> list[str]:
    """Fill `intake_source` (file_row and the wanted keys of the objects, as text) and return the keys of the file.

    Keys count as the same whatever their case and outer blanks are, as columns of other formats do.
    """
    with as_duckdb_reads(file) as text:
        _scan_text(con, text, ["line"], delimiter=_NO_DELIMITER, quote="", has_header=False)
    if count(con, "intake_rejects"):
        _set_malformed_aside(con, first_line=1, blank=[])
    is_object = "(json_valid(line) and starts_with(ltrim(line), '{'))"
    number = "rowid - (select min(rowid) from intake_lines) + 1"
    filled = "trim(line) <> ''"
    con.execute(
        f"create temp table intake_keys as select distinct json_keys(line) as keys from intake_lines where {is_object}"
    )
    if not count(con, "intake_keys"):
        if count(con, f"intake_lines where {filled}") + count(con, "intake_malformed") == 0:
            raise FileRefused("empty: the file has no line")
        raise FileRefused(
            "unreadable: no line is a JSON object; NDJSON has one object a line, so write each row as one"
        )
    every_key = "(select distinct unnest(keys) from intake_keys)"  # a line may leave out what is null
    if (columns := count(con, every_key)) > settings().column_limit:
        raise too_many_columns(columns)
    present = sorted(row[0] for row in con.execute(f"from {every_key}").fetchall())
    # of a key that an object names twice DuckDB would take the first value without a word
    if count(con, "intake_keys where len(keys) > list_unique(keys)"):
        is_object = f"({is_object} and len(json_keys(line)) = list_unique(json_keys(line)))"
    con.execute(
        f"""insert into intake_malformed
            select {number}, '***',
                'The line is no JSON object' || case when json_valid(line) and starts_with(ltrim(line), '{{')
                    then ' that names every key once.' else '.' end
            from intake_lines where not {is_object} and {filled}"""
    )
    keys = dict(zip(numbered(map(plain, present)), present, strict=True))
    read = {name: key for name, key in keys.items() if name.split(" (")[0] in wanted or name in wanted}
    if not read:
        raise FileRefused(
            f"missing columns: none of ours is among the {len(present)} keys; rename them, or {MAP_IT}"
        )
    shape = json.dumps(dict.fromkeys(read.values(), "VARCHAR"), ensure_ascii=False)
    values = "".join(f", {_text_of(key)} as {identifier(name)}" for name, key in read.items())
    con.execute(
        f"""create temp table intake_objects as
            select file_row{values}
            from (select {number} as file_row, line, json_transform(line, {quoted(shape)}) as object
                  from intake_lines where {is_object})"""
    )
    con.execute("drop table temp.main.intake_lines")
    con.execute("create temp view intake_source as select * from intake_objects")
    return list(keys)


def _text_of(key: str) -> str:
    """Return SQL of a value of an object as text; a number that JSON readers round is marked as one that goes on."""
    value = f"object[{quoted(key)}]"
    is_rounded = (
        f"strlen({value}) > 16 and regexp_full_match({value}, '-?\\d{{15,}}\\.\\d+') "
        f"and json_type(line, {_json_path(key)}) = 'DOUBLE'"
    )
    return f"{value} || case when {is_rounded} then '\u2026' else '' end"


def _json_path(key: str) -> str:
    return quoted('$."' + key.replace('"', '\\"') + '"')


def _scan_text(
    con: duckdb.DuckDBPyConnection,
    file: WholeFile,
    columns: list[str],
    *,
    delimiter: str,
    quote: str,
    has_header: bool,
) -> None:
    shape = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in columns)
    try:
        con.execute(
            f"""create temp table intake_lines as
                select * from read_csv(
                    {literal_path(file)}, columns = {{{shape}}}, auto_detect = false, hive_partitioning = false,
                    delim = {quoted(delimiter)},
                    quote = '{quote}', escape = '{quote}', header = {has_header}, nullstr = '',
                    compression = '{"gzip" if file.gzipped else "none"}', store_rejects = true, rejects_limit = 0,
                    rejects_table = 'intake_rejects', rejects_scan = 'intake_scans')"""
        )
    except duckdb.IOException as error:
        if file.full.exists():
            raise
        raise FileRefused("unreadable: the file went away while it was read") from error
    except duckdb.InvalidInputException as error:
        raise FileRefused(
            "unreadable: its lines cannot be told apart; write the file anew, each value with a delimiter or a line "
            "end in quotes and each quote in it doubled"
        ) from error


def _set_malformed_aside(con: duckdb.DuckDBPyConnection, *, first_line: int, blank: list[int]) -> None:
    """Move the records that DuckDB could not split into columns to `intake_malformed`, with their row numbers.

    Their text is masked, since nobody can say which part of it is personal; file, row number and sentence find it.
    """
    swallowed = con.execute(
        """select min(line) from intake_rejects
           where error_type = 'LINE SIZE OVER MAXIMUM'
              or (error_type = 'UNQUOTED VALUE' and contains(trim(csv_line, chr(10) || chr(13)), chr(10)))"""
    ).fetchone()
    if swallowed and swallowed[0] is not None:
        raise too_long(swallowed[0] - first_line + 1)
    fields = r"""regexp_replace(
        error_message, '.*: (\d+) Found: (\d+).*', 'The line has \2 fields, the header has \1.', 's')"""
    con.execute(
        f"""insert into intake_malformed
            select
                line - {first_line} + 1
                    - len(list_filter($blank::bigint[], lambda x: x <= line_byte_position)),
                '***',
                case error_type
                    when 'UNQUOTED VALUE' then 'The line has a quote that is not closed.'
                    when 'MISSING COLUMNS' then {fields}
                    when 'TOO MANY COLUMNS' then {fields}
                    else 'The line cannot be split into fields.'
                end
            from intake_rejects
            qualify row_number() over (partition by line order by byte_position) = 1""",
        {"blank": blank},
    )


def numbered(names: Iterable[str]) -> list[str]:
    """Return the names with a number after those that are there before: amount, amount (2).

    A column of the file that is named `file_row` is `file_row (2)`, since the first is ours.
    """
    unlike: dict[str, None] = {"file_row": None}
    for name in names:
        numbers = itertools.chain([name], (f"{name} ({n})" for n in itertools.count(2)))
        unlike[next(candidate for candidate in numbers if candidate not in unlike)] = None
    return list(unlike)[1:]


def literal_path(file: WholeFile) -> str:
    """Return the file's path as SQL text; unescaped, a[1].csv would be a pattern that reads a1.csv."""
    return quoted(re.sub(r"([*?\[])", r"[\1]", str(file.full)))


def count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Count the rows of a relation, or of a relation with a condition."""
    row = con.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0


def identifier(column: str) -> str:
    """Return a column's name as SQL writes it."""
    return '"' + column.replace('"', '""') + '"'
