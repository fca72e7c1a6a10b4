"""DuckDB reads a delivered file into numbered rows, whatever its format; what is no row at all is set aside.

Rows land in the temporary relation `intake_rows` (file_row and the declared columns that the file has) and
`intake_malformed` (file_row, raw_text, detail). CSV and NDJSON are read as text, so that a value that has no
place in its type is still there to be shown; Parquet keeps its own types. No loop in Python sees a row.

Row numbers start at 1: data rows without the header and empty lines in CSV, lines in NDJSON, rows in Parquet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from warehouse.connection import in_file_order, quoted
from warehouse.feeds import FEEDS, Feed
from warehouse.intake_files import FileRefused, WholeFile, blank_lines, first_bytes

_DELIMITERS = ",;\t|"
_NEVER = "\x01"  # a delimiter that no text has: one column, one line
_SAMPLE = 1000
_THE_FILES_FAULT = (
    duckdb.InvalidInputException,
    duckdb.ConversionException,
    duckdb.SerializationException,
    duckdb.NotImplementedException,
)


@dataclass(frozen=True)
class Delivered:
    """What a file turned out to hold.

    Attributes:
        types: Declared columns that the file has, with the type they came in.
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
        if file.format == "parquet":
            types, extra = _read_parquet(con, file, feed)
        elif file.format == "csv":
            types, extra = _read_csv(con, file, feed)
        else:
            types, extra = _read_ndjson(con, file, feed)
        rows = _count(con, "intake_rows") + _count(con, "intake_malformed")
    if rows == 0:
        raise FileRefused("empty: the file has columns but no row")
    return Delivered(types=types, extra=extra, rows=rows)


@contextmanager
def damage_refused(file: WholeFile) -> Iterator[None]:
    """Turn what DuckDB says about a damaged file into its refusal; a full disk stays an error."""
    try:
        yield
    except _THE_FILES_FAULT as error:
        raise FileRefused(f"unreadable: {_first_line(error, file)}") from error
    except duckdb.IOException as error:
        if str(file.full) not in str(error):
            raise
        raise FileRefused(f"unreadable: {_first_line(error, file)}") from error


def drop(con: duckdb.DuckDBPyConnection) -> None:
    """Remove the temporary relations of the file before."""
    for name in ("intake_rows", "intake_lines", "intake_malformed", "intake_rejects", "intake_scans"):
        kind = con.execute(
            "select 'view' from duckdb_views() where temporary and view_name = $name "
            "union all select 'table' from duckdb_tables() where temporary and table_name = $name",
            {"name": name},
        ).fetchone()
        if kind:
            con.execute(f"drop {kind[0]} temp.main.{name}")


def check_columns(feed: Feed, present: Iterable[str]) -> tuple[str, ...]:
    """The columns that the feed does not declare, after a check that the file is of this feed.

    Raises:
        FileRefused: naming the feed that the columns fit, or the columns that are missing.
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


def _read_parquet(
    con: duckdb.DuckDBPyConnection, file: WholeFile, feed: Feed
) -> tuple[dict[str, str], tuple[str, ...]]:
    source = f"read_parquet({quoted(file.full)}, file_row_number = true)"
    described = con.execute(f"describe select * exclude (file_row_number) from {source}").fetchall()
    own = {row[0].strip().lower(): (row[0], row[1]) for row in described}
    extra = check_columns(feed, [row[0].strip().lower() for row in described])
    types = {column.name: own[column.name][1] for column in feed.columns if column.name in own}
    columns = ", ".join(f'{_name(own[name][0])} as "{name}"' for name in types)
    con.execute(
        f"create temp view intake_rows as select file_row_number + 1 as file_row, {columns} from {source}"
    )
    return types, extra


def _read_csv(
    con: duckdb.DuckDBPyConnection, file: WholeFile, feed: Feed
) -> tuple[dict[str, str], tuple[str, ...]]:
    header, delimiter = _header(file)
    extra = check_columns(feed, header)
    _scan_text(con, file, header, delimiter=delimiter, quote='"', has_header=True)
    blank = blank_lines(file) if _count(con, "intake_rejects") else []
    _set_aside(con, first_line=2, blank=blank, hide=bool(feed.pii))
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
        if _count(con, "intake_malformed")
        else f"""create temp view intake_rows as
            select rowid - (select min(rowid) from intake_lines) + 1 as file_row, {columns}
            from intake_lines"""
    )
    return types, extra


def _read_ndjson(
    con: duckdb.DuckDBPyConnection, file: WholeFile, feed: Feed
) -> tuple[dict[str, str], tuple[str, ...]]:
    _scan_text(con, file, ["line"], delimiter=_NEVER, quote="", has_header=False)
    _set_aside(con, first_line=1, blank=[], hide=bool(feed.pii))
    is_object = "(json_valid(line) and starts_with(ltrim(line), '{'))"
    number = "rowid - (select min(rowid) from intake_lines) + 1"
    filled = "trim(line) <> ''"
    sample = con.execute(
        f"""select distinct unnest(json_keys(line))
            from (select line from intake_lines where {is_object} limit {_SAMPLE})"""
    ).fetchall()
    if not sample:
        if _count(con, f"intake_lines where {filled}") + _count(con, "intake_malformed") == 0:
            raise FileRefused("empty: the file has no line")
        raise FileRefused("unreadable: no line is a JSON object; NDJSON has one object a line")
    present = {row[0] for row in sample}
    names = [column.name for column in feed.columns]
    if absent := [name for name in names if name not in present]:
        # a line may leave out what is null, so a column is missing only where no line has it
        checks = ", ".join(f"bool_or(json_exists(line, '$.\"{name}\"'))" for name in absent)
        seen = con.execute(f"select {checks} from intake_lines where {is_object}").fetchone() or ()
        present |= {name for name, there in zip(absent, seen, strict=True) if there}
    extra = check_columns(feed, sorted(present))
    con.execute(
        f"""insert into intake_malformed
            select {number}, {"'***'" if feed.pii else "line"}, 'The line is no JSON object.'
            from intake_lines where not {is_object} and {filled}"""
    )
    types = {name: "VARCHAR" for name in names if name in present}
    shape = "{" + ", ".join(f'"{name}": "VARCHAR"' for name in types) + "}"
    con.execute(
        f"""create temp table intake_rows as
            select file_row, unnest(json_transform(line, '{shape}'))
            from (select {number} as file_row, line from intake_lines where {is_object})"""
    )
    con.execute("drop table temp.main.intake_lines")
    return types, extra


def _header(file: WholeFile) -> tuple[list[str], str]:
    """The column names of a CSV and its delimiter: the one that yields most declared columns."""
    try:
        text = first_bytes(file).decode("utf-8-sig", errors="ignore" if file.gzipped else "strict")
    except UnicodeDecodeError as error:
        text = first_bytes(file)[: error.start].decode("utf-8-sig")
        if "\n" not in text and "\r" not in text:
            raise FileRefused("unreadable: the header is not UTF-8 text") from None
    if "\0" in text:
        raise FileRefused("unreadable: the content is not UTF-8 text")
    declared = {column.name for one in FEEDS.values() for column in one.columns}
    best: tuple[list[str], str] = ([], ",")
    for delimiter in _DELIMITERS:
        try:
            first = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
        except csv.Error as error:
            raise FileRefused(f"unreadable: the header is no CSV line ({error})") from error
        names = [name.strip().lower() for name in first]
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
                {quoted(file.full)}, columns = {{{shape}}}, auto_detect = false, delim = {quoted(delimiter)},
                quote = '{quote}', escape = '{quote}', header = {has_header}, nullstr = '',
                compression = '{"gzip" if file.gzipped else "none"}', store_rejects = true, rejects_limit = 0,
                rejects_table = 'intake_rejects', rejects_scan = 'intake_scans')"""
    )


def _set_aside(con: duckdb.DuckDBPyConnection, *, first_line: int, blank: list[int], hide: bool) -> None:
    """Number the records that DuckDB could not split; in them no value can be told to be personal or not."""
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


def _first_line(error: Exception, file: WholeFile) -> str:
    return str(error).splitlines()[0].replace(str(file.full), file.full.name)[:200]


def _count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = con.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
