"""Answer queries of the published copy: one statement that reads, within a time, in pieces that fit in memory."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from contextlib import closing
from threading import Thread
from typing import TypeVar

import duckdb
import polars as pl
import pyarrow as pa

from warehouse.connection import reader
from warehouse.errors import Refused
from warehouse.safe_text import unique
from warehouse.sql import quoted

LIMIT_SECONDS = 300.0
ALLOWED = (
    "one statement that reads the published tables is answered: select, from, with, values, describe, summarize, "
    "show or explain, and pivot where it names its values (pivot t on c in ('a', 'b') using sum(n))"
)

_PIECE = 50_000  # rows
_INTERRUPT_EVERY = 0.05  # seconds: an interrupt is forgotten if the query has not begun yet
_EXPLAIN = re.compile(r"(?:\s|--[^\r\n]*+|/\*.*?\*/)*+explain\b\s*+(?:analyze\b)?", re.IGNORECASE | re.DOTALL)
# what a select may name although it reads files, runs text as a query, or changes settings
_FORBIDDEN = re.compile(
    r'"table_name":"([^"]*[./][^"]*)"|"function_name":"(read_\w+|\w+_scan|parquet_\w+|sniff_csv|glob|query|json_execute_serialized_sql|'
    r'postgres_\w+|ducklake_\w+|(?:en|dis)able_(?:logging|profiling)|truncate_duckdb_logs|write_log|(?:force_)?checkpoint)"',
    re.IGNORECASE,
)
_Result = TypeVar("_Result")


def ask(query: str, *, seconds: float = LIMIT_SECONDS) -> pl.DataFrame:
    """Return the whole answer to a query of the published copy as one frame.

    Raises:
        Refused: as `answer` does.
    """
    with closing(answer(query, seconds=seconds)) as pieces:
        return pl.concat(list(pieces))


def answer(query: str, *, seconds: float = LIMIT_SECONDS) -> Generator[pl.DataFrame, None, None]:
    """Yield the answer to one query of the published copy in pieces, at least one, without waiting for a night.

    A query that is interrupted, or whose pieces are no longer wanted, is stopped.

    Args:
        query: one statement that reads.
        seconds: how long the query and the fetching of its rows may take together.

    Raises:
        Refused: when nothing is published yet, the query is none or may not be asked, its answer cannot be shown,
            it takes too long, or, in DuckDB's own words, it is wrong.
    """
    end = time.monotonic() + seconds
    with reader(every_night="every_night" in query.lower()) as con:

        def in_time(work: Callable[[], _Result]) -> _Result:
            outcome = _interruptible(con, work, end - time.monotonic())
            if outcome is None:
                raise Refused(
                    f"the query was stopped after {seconds:g} s; ask for less, or give it more time: --timeout SECONDS"
                )
            return outcome.result()

        try:
            statement = in_time(lambda: _statement_that_reads(con, query))
            rows = in_time(lambda: con.execute(statement).to_arrow_reader(_PIECE))
            names = unique(rows.schema.names)
            _refuse_what_cannot_be_shown(rows.schema)
            count = 0
            while (piece := in_time(lambda: next(rows, None))) is not None:
                if piece.num_rows:
                    count += 1
                    yield _frame(piece, names)
            if not count:
                yield _frame(rows.schema.empty_table(), names)
        except (duckdb.Error, pa.ArrowException) as error:
            raise Refused(_first_line(error)) from error


def _statement_that_reads(con: duckdb.DuckDBPyConnection, query: str) -> duckdb.Statement:
    statements = con.extract_statements(query)
    if not statements:
        raise Refused(f"there is no query in {query.strip()!r}; {ALLOWED}")
    if len(statements) > 1:
        raise Refused(f"these are {len(statements)} statements; {ALLOWED}")
    kind = statements[0].type
    # a pragma counts as a select, and what is explained may write; only what reads can be written as JSON
    text = _EXPLAIN.sub("", query, count=1) if kind == duckdb.StatementType.EXPLAIN else query
    # a literal: a value that is bound costs the import of pandas, where that is installed
    (tree,) = con.execute(f"select json_serialize_sql({quoted(text)})").fetchone() or ("",)
    if kind not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN) or '"error":true' in tree[:20]:
        raise Refused(f"this does not only read; {ALLOWED}")
    if forbidden := _FORBIDDEN.search(tree):
        raise Refused(f"{forbidden[1] or forbidden[2]} may not be used here; {ALLOWED}")
    return statements[0]


def _interruptible(
    con: duckdb.DuckDBPyConnection, work: Callable[[], _Result], seconds: float
) -> Future[_Result] | None:
    """Return the outcome of the work, or nothing if it had to be interrupted after that many seconds.

    It runs in a thread of its own, since Python hears a signal only between two calls of DuckDB.
    """
    outcome: Future[_Result] = Future()

    def settle() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001  (raised again where the outcome is read)
            outcome.set_exception(error)

    Thread(target=settle, daemon=True).start()
    in_time = False
    try:
        in_time = bool(wait([outcome], timeout=max(0.0, seconds)).done)
    finally:
        while not wait([outcome], timeout=0.0 if in_time else _INTERRUPT_EVERY).done:
            con.interrupt()
    return outcome if in_time else None


def _refuse_what_cannot_be_shown(schema: pa.Schema) -> None:
    for field in schema:
        if _odd(field.type):
            raise Refused(
                f"the column {field.name!r} is of a type that cannot be shown ({field.type}); "
                f'ask for it as text: "{field.name}"::varchar'
            )


def _odd(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType) or pa.types.is_union(kind) or pa.types.is_interval(kind):
        return True
    if pa.types.is_nested(kind):
        return any(_odd(kind.field(number).type) for number in range(kind.num_fields))
    return bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    )


def _frame(rows: pa.RecordBatch | pa.Table, names: list[str]) -> pl.DataFrame:
    frame = pl.from_arrow(rows.rename_columns(names))
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def _first_line(error: BaseException) -> str:
    """Return DuckDB's first line, and its hint where it has one."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    hint = next((line.strip() for line in lines if "Did you mean" in line or "Candidate" in line), "")
    return f"{lines[0]} {hint}".strip()
