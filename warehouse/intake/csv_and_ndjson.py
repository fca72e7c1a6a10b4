"""Read CSV and NDJSON files into numbered rows of text; malformed records are set aside without their text."""

from __future__ import annotations

import csv
import io
import json
import re

import duckdb

from warehouse.intake.whole_files import FileRefused, WholeFile, blank_lines, first_bytes
from warehouse.sql import quoted

_DELIMITERS = ",;\t|"
_NO_DELIMITER = "\x01"  # no text holds it, so that a line stays one column
_SAMPLE_LINES = 1000


def read_csv(con: duckdb.DuckDBPyConnection, file: WholeFile, *, wanted: set[str]) -> list[str]:
    """Fill `intake_source` (file_row and the file's columns, as text) from a CSV file and return the columns.

    Args:
        con: the cursor that loads the file.
        file: a file that was checked to be whole.
        wanted: columns that decide which delimiter is the file's.
    """
    header, delimiter = _read_header(file, wanted)
    _scan_text(con, file, _numbered(header), delimiter=delimiter, quote='"', has_header=True)
    blank = blank_lines(file) if count(con, "intake_rejects") else []
    _set_malformed_aside(con, first_line=2, blank=blank)
    # n malformed records before a row move its number by n
    con.execute(
        """create temp view intake_source as
            with bad as (select file_row, row_number() over (order by file_row) as n from intake_malformed),
            moved as (select file_row - n as good_before, max(n) as n from bad group by all),
            good as (select *, rowid - (select min(rowid) from intake_lines) + 1 as nth from intake_lines)
            select nth + coalesce(n, 0) as file_row, good.* exclude (nth)
            from good asof left join moved on good.nth > moved.good_before"""
        if count(con, "intake_malformed")
        else """create temp view intake_source as
            select rowid - (select min(rowid) from intake_lines) + 1 as file_row, * from intake_lines"""
    )
    return header


def read_ndjson(con: duckdb.DuckDBPyConnection, file: WholeFile, *, wanted: set[str]) -> list[str]:
    """Fill `intake_source` (file_row and the wanted keys of the objects, as text) and return the keys of the file."""
    _scan_text(con, file, ["line"], delimiter=_NO_DELIMITER, quote="", has_header=False)
    _set_malformed_aside(con, first_line=1, blank=[])
    is_object = "(json_valid(line) and starts_with(ltrim(line), '{'))"
    number = "rowid - (select min(rowid) from intake_lines) + 1"
    filled = "trim(line) <> ''"
    sample = con.execute(
        f"""select distinct unnest(json_keys(line))
            from (select line from intake_lines where {is_object} limit {_SAMPLE_LINES})"""
    ).fetchall()
    if not sample:
        if count(con, f"intake_lines where {filled}") + count(con, "intake_malformed") == 0:
            raise FileRefused("empty: the file has no line")
        raise FileRefused("unreadable: no line is a JSON object; NDJSON has one object a line")
    present = {row[0] for row in sample}
    if absent := sorted(wanted - present):
        # a line may leave out what is null, so a column is missing only where no line has it
        checks = ", ".join(f"bool_or(json_exists(line, {_json_path(name)}))" for name in absent)
        in_some_line = con.execute(f"select {checks} from intake_lines where {is_object}").fetchone() or ()
        present |= {name for name, occurs in zip(absent, in_some_line, strict=True) if occurs}
    con.execute(
        f"""insert into intake_malformed
            select {number}, '***', 'The line is no JSON object.'
            from intake_lines where not {is_object} and {filled}"""
    )
    shape = json.dumps(dict.fromkeys(sorted(wanted & present), "VARCHAR"), ensure_ascii=False)
    con.execute(
        f"""create temp table intake_objects as
            select file_row, unnest(json_transform(line, {quoted(shape)}))
            from (select {number} as file_row, line from intake_lines where {is_object})"""
    )
    con.execute("drop table temp.main.intake_lines")
    con.execute("create temp view intake_source as select * from intake_objects")
    return sorted(present)


def _json_path(key: str) -> str:
    return quoted('$."' + key.replace('"', '\\"') + '"')


def _read_header(file: WholeFile, wanted: set[str]) -> tuple[list[str], str]:
    """Return the column names of a CSV file and its delimiter: the one that yields most wanted columns."""
    try:
        text = first_bytes(file).decode("utf-8-sig", errors="ignore" if file.gzipped else "strict")
    except UnicodeDecodeError as error:
        text = first_bytes(file)[: error.start].decode("utf-8-sig")
        if "\n" not in text and "\r" not in text:
            raise FileRefused("unreadable: the header is not UTF-8 text") from None
    if "\0" in text:
        raise FileRefused("unreadable: the content is not UTF-8 text")
    best: tuple[list[str], str] = ([], ",")
    for delimiter in _DELIMITERS:
        try:
            first_line = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
        except csv.Error as error:
            raise FileRefused(f"unreadable: the header is no CSV line ({error})") from error
        # data frames write their index without a name, spreadsheets end lines with a delimiter
        names = [name.strip().lower() or f"unnamed_{n}" for n, name in enumerate(first_line, start=1)]
        if not best[0] or len(wanted & set(names)) > len(wanted & set(best[0])):
            best = (names, delimiter)
    return best


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
    con.execute(
        f"""create temp table intake_lines as
            select * from read_csv(
                {literal_path(file)}, columns = {{{shape}}}, auto_detect = false, hive_partitioning = false,
                delim = {quoted(delimiter)},
                quote = '{quote}', escape = '{quote}', header = {has_header}, nullstr = '',
                compression = '{"gzip" if file.gzipped else "none"}', store_rejects = true, rejects_limit = 0,
                rejects_table = 'intake_rejects', rejects_scan = 'intake_scans')"""
    )


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
        raise FileRefused(
            f"unreadable from record {swallowed[0] - first_line + 1} on: a quote is opened and not closed, "
            "or one record is larger than 2 MB; the rows after it cannot be told apart"
        )
    con.execute(
        f"""insert into intake_malformed
            select
                line - {first_line} + 1
                    - len(list_filter($blank::bigint[], lambda x: x <= line_byte_position)),
                '***',
                case error_type
                    when 'INVALID ENCODING' then 'The line is not UTF-8 text.'
                    when 'UNQUOTED VALUE' then 'The line has a quote that is not closed.'
                    else regexp_replace(
                        error_message, '.*: (\\d+) Found: (\\d+).*',
                        'The line has \\2 fields, the header has \\1.', 's')
                end
            from intake_rejects
            qualify row_number() over (partition by line order by byte_position) = 1""",
        {"blank": blank},
    )


def _numbered(names: list[str]) -> list[str]:
    """Return the names with a number after those that are there before: amount, amount (2)."""
    return [
        name if names.index(name) == n else f"{name} ({names[: n + 1].count(name)})"
        for n, name in enumerate(names)
    ]


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
