"""Great Expectations on the caller's own DuckDB connection: opened late, in place, and closed behind us."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from expectations.suite import Suite

logger = logging.getLogger("nightledger")

CursorFactory = Callable[[], Any]
Parameters = Mapping[str, str | date | list[str] | None]
EXAMPLES = 3


def great_expectations() -> Any:
    """Import Great Expectations at the first call, because it takes seconds, and return it."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    if "great_expectations" not in sys.modules:
        # Its loggers explain to developers, from the import on, what the records already say to users; the
        # import sets their level anew.
        theirs = logging.getLogger("great_expectations")
        theirs.setLevel(logging.ERROR)
        started = time.perf_counter()
        import great_expectations as gx

        theirs.setLevel(logging.ERROR)
        logger.info("Great Expectations loaded in %.1f s", time.perf_counter() - started)
    import great_expectations as gx

    return gx


def with_parameters(cursor: CursorFactory, parameters: Parameters) -> Any:
    """Return a cursor on which ``getvariable(name)`` yields each parameter: bound, never formatted in."""
    con = cursor()
    for name, value in parameters.items():
        con.execute(f"set variable {name} = $value", {"value": value})
    return con


def columns_present(con: Any, suite: Suite) -> tuple[str, ...]:
    """Return the declared columns that the relation has, in declared order; none if there is no such relation."""
    schema, name = suite.relation.split(".")
    rows = con.execute(
        """select column_name from duckdb_columns()
           where database_name = 'wh' and schema_name = $s and table_name = $n""",
        {"s": schema, "n": name},
    ).fetchall()
    present = {column for (column,) in rows}
    return tuple(column for column in suite.columns if column in present)


def rows_of(suite: Suite) -> str:
    """Return the query that yields the rows and columns under judgement, and nothing else of the relation."""
    return f"select {', '.join(suite.columns)} from wh.{suite.relation} where {suite.rows}"


@lru_cache(maxsize=1)
def _context() -> Any:
    """Return the one context of this process, in memory only: it writes no file and draws no progress bar."""
    gx = great_expectations()
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
            analytics_enabled=False,
        ),
    )


@contextlib.contextmanager
def open_batch(query: str, *, cursor: CursorFactory, parameters: Parameters) -> Iterator[Any]:
    """Yield a Great Expectations batch over ``query``; its connections are closed on the way out.

    The engine runs on cursors of the caller's connection, so it sees the attached catalogue; rows that are
    not committed it does not see.
    """
    great_expectations()
    from duckdb_sqlalchemy import ConnectionWrapper

    opened: list[Any] = []

    def connect() -> Any:
        opened.append(with_parameters(cursor, parameters))
        return ConnectionWrapper(opened[-1])

    source = _context().data_sources.add_or_update_sql(
        "wh",
        connection_string="duckdb:///:memory:",
        # Without the first three SQLAlchemy's rollback wipes DuckDB's pending result and every metric fails.
        kwargs={
            "pool_reset_on_return": None,
            "isolation_level": "AUTOCOMMIT",
            "skip_autocommit_rollback": True,
            "creator": connect,
        },
    )
    try:
        yield source.add_query_asset("rows", query=query).add_batch_definition_whole_table("all").get_batch()
    finally:
        source.get_execution_engine().engine.dispose()
        for con in opened:
            con.close()


def evaluate(batch: Any, suite: Suite) -> list[Any]:
    """Return Great Expectations' results on the suite's rules, with the key of up to three bad rows each."""
    gx = great_expectations()
    rules = gx.ExpectationSuite(
        name=suite.name, expectations=[rule.as_great_expectations() for rule in suite.rules]
    )
    evidence = {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": list(suite.key),
        "partial_unexpected_count": EXAMPLES,
    }
    return list(batch.validate(rules, result_format=evidence).results)
