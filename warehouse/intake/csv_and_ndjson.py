"""Read CSV and NDJSON files into numbered rows of text; malformed records are set aside with their text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

import duckdb

from warehouse.intake.feeds import FEEDS, Feed
from warehouse.intake.whole_files import FileRefused, WholeFile, blank_lines, first_bytes
from warehouse.sql import quoted

_DELIMITERS = ",;\t|"
_NO_DELIMITER = "\x01"  # no text holds it, so that a line stays one column
_SAMPLE_LINES = 1000


def read_csv(
    con: duckdb.DuckDBPyConnection, file: WholeFile, feed: Feed
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Fill `intake_rows` from a CSV file and return its declared columns with their types, and its other columns."""
    header, delimiter = _read_header(file)
    extra = check_columns(feed, header)
    _scan_text(con, file, header, delimiter=delimiter, quote='"', has_header=True)
    blank = blank_lines(file) if count(con, "intake_rejects") else []
    _set_malformed_aside(con, first_line=2, blank=blank, hide=bool(feed.hidden))
    types = {column.name: "VARCHAR" for column in feed.columns if column.name in header}
    columns = ", ".join(f'"{name}"' for name in types)
    # n malformed records before a row move its number by n
    con.execute(
        f"""create temp view intake_rows as
            with bad as (select file_row, row_number() over (order by file_row) as n from intake_malformed),
            moved as (select file_row - n as good_before, max(n) as n from bad group by all),
            good as (select *, rowid - (select min(rowid) from intake_lines) + 1 as nth from intake_lines)
            select nth + coalesce(n, 0) as file_row, {columns}
            from good asof left join moved on good.nth > moved.good_before"""
        if count(con, "intake_malformed")
        else f"""create temp view intake_rows as
            select rowid - (select min(rowid) from intake_lines) + 1 as file_row, {columns}
            from intake_lines"""
    )
    return types, extra


def read_ndjson(
    con: duckdb.DuckDBPyConnection, file: WholeFile, feed: Feed
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Fill `intake_rows` from an NDJSON file and return its declared columns with their types, and its others."""
    _scan_text(con, file, ["line"], delimiter=_NO_DELIMITER, quote="", has_header=False)
    _set_malformed_aside(con, first_line=1, blank=[], hide=bool(feed.hidden))
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
    names = [column.name for column in feed.columns]
    if absent := [name for name in names if name not in present]:
        # a line may leave out what is null, so a column is missing only where no line has it
        checks = ", ".join(f"bool_or(json_exists(line, '$.\"{name}\"'))" for name in absent)
        in_some_line = con.execute(f"select {checks} from intake_lines where {is_object}").fetchone() or ()
        present |= {name for name, occurs in zip(absent, in_some_line, strict=True) if occurs}
    extra = check_columns(feed, sorted(present))
    con.execute(
        f"""insert into intake_malformed
            select {number}, {"'***'" if feed.hidden else "line"}, 'The line is no JSON object.'
            from intake_lines where not {is_object} and {filled}"""
    )
    types = {name: "VARCHAR" for name in names if name in present}
    shape = "{" + ", ".join(f'"{name}": "VARCHAR"' for name in types) + "}"
    con.execute(
        f"""create temp table intake_objects as
            select file_row, unnest(json_transform(line, '{shape}'))
            from (select {number} as file_row, line from intake_lines where {is_object})"""
    )
    con.execute("drop table temp.main.intake_lines")
    con.execute("create temp view intake_rows as select * from intake_objects")
    return types, extra


def _read_header(file: WholeFile) -> tuple[list[str], str]:
    """Return the column names of a CSV file and its delimiter: the one that yields most declared columns."""
    try:
        text = first_bytes(file).decode("utf-8-sig", errors="ignore" if file.gzipped else "strict")
    except UnicodeDecodeError as error:
        text = first_bytes(file)[: error.start].decode("utf-8-sig")
        if "\n" not in text and "\r" not in text:
            raise FileRefused("unreadable: the header is not UTF-8 text") from None
    if "\0" in text:
        raise FileRefused("unreadable: the content is not UTF-8 text")
    declared = {column.name for feed in FEEDS.values() for column in feed.columns}
    best: tuple[list[str], str] = ([], ",")
    for delimiter in _DELIMITERS:
        try:
            first_line = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
        except csv.Error as error:
            raise FileRefused(f"unreadable: the header is no CSV line ({error})") from error
        # data frames write their index without a name, spreadsheets end lines with a delimiter
        names = [name.strip().lower() or f"unnamed_{n}" for n, name in enumerate(first_line, start=1)]
        if not best[0] or len(declared & set(names)) > len(declared & set(best[0])):
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


def _set_malformed_aside(
    con: duckdb.DuckDBPyConnection, *, first_line: int, blank: list[int], hide: bool
) -> None:
    """Move the records that DuckDB could not split into columns to `intake_malformed`, with their row numbers.

    Their text is masked where the feed has personal columns, since nobody can say which part of it is personal.
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
                {"'***'" if hide else "trim(csv_line, chr(10) || chr(13))"},
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


def check_columns(feed: Feed, present: Iterable[str]) -> tuple[str, ...]:
    """Check that a file with these columns belongs to the feed; return the columns that the feed does not declare.

    Raises:
        FileRefused: naming the feed that the columns fit, or the missing columns.
    """
    names = list(present)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FileRefused(f"unreadable: the column {', '.join(twice)} is there twice")
    missing = [name for name in feed.must_deliver if name not in names]
    if missing:
        for other in FEEDS.values():
            if other != feed and set(other.must_deliver) <= set(names):
                raise FileRefused(
                    f"wrong feed: these are the columns of {other.name}; put the file into that folder"
                )
        raise FileRefused(f"missing columns: {', '.join(missing)}")
    declared = {column.name for column in feed.columns}
    return tuple(name for name in names if name not in declared)


def literal_path(file: WholeFile) -> str:
    """Return the file's path as SQL text; unescaped, a[1].csv would be a pattern that reads a1.csv."""
    return quoted(re.sub(r"([*?\[])", r"[\1]", str(file.full)))


def count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Count the rows of a relation, or of a relation with a condition."""
    row = con.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0
