"""Run Great Expectations on the caller's DuckDB connection, in place, and close what it opened."""

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
    """Import and return Great Expectations; the first call takes seconds, so nothing imports it before it is needed."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    if "great_expectations" not in sys.modules:
        # Its loggers tell developers what our records already tell users; importing it resets their level, so it is
        # set before and after.
        gx_logger = logging.getLogger("great_expectations")
        gx_logger.setLevel(logging.ERROR)
        started = time.perf_counter()
        import great_expectations as gx

        gx_logger.setLevel(logging.ERROR)
        logger.info("Great Expectations loaded in %.1f s", time.perf_counter() - started)
    import great_expectations as gx

    return gx


def with_parameters(cursor: CursorFactory, parameters: Parameters) -> Any:
    """Return a cursor on which ``getvariable(name)`` yields each parameter; values are bound, never formatted in."""
    con = cursor()
    for name, value in parameters.items():
        con.execute(f"set variable {name} = $value", {"value": value})
    return con


def columns_present(con: Any, suite: Suite) -> tuple[str, ...]:
    """Return the declared columns that the relation has, in declared order; none if the relation does not exist."""
    schema, name = suite.relation.split(".")
    rows = con.execute(
        """select column_name from duckdb_columns()
           where database_name = 'wh' and schema_name = $s and table_name = $n""",
        {"s": schema, "n": name},
    ).fetchall()
    in_relation = {column for (column,) in rows}
    return tuple(column for column in suite.columns if column in in_relation)


def rows_of(suite: Suite) -> str:
    """Return the query of exactly those rows and columns of the relation that are judged."""
    return f"select {', '.join(suite.columns)} from wh.{suite.relation} where {suite.rows}"


@lru_cache(maxsize=1)
def _context() -> Any:
    """Return the context of this process; it is in memory, writes no file and draws no progress bar."""
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
    """Yield a Great Expectations batch over ``query`` and close its connections afterwards.

    The engine runs on cursors of the caller's connection, so it sees the attached catalogue; it does not see rows
    that are not committed.
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
    """Return Great Expectations' results for the suite's rules, each failure with the keys of up to three bad rows.

    All rules are counted first; only those that fail are run again for their rows.
    """
    counted = _validate(
        batch,
        suite,
        [_counting(rule.as_great_expectations()) for rule in suite.rules],
        {"result_format": "BASIC"},
    )
    failed = {
        result.expectation_config.meta["rule"] for result in counted if result.result and not result.success
    }
    if not failed:
        return counted
    with_rows = {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": list(suite.key),
        "partial_unexpected_count": EXAMPLES,
    }
    again = [rule.as_great_expectations() for rule in suite.rules if rule.name in failed]
    passed = [result for result in counted if result.expectation_config.meta["rule"] not in failed]
    return [*passed, *_validate(batch, suite, again, with_rows)]


def _validate(
    batch: Any, suite: Suite, rules: list[dict[str, Any]], result_format: dict[str, Any]
) -> list[Any]:
    gx = great_expectations()
    expectations = gx.ExpectationSuite(name=suite.name, expectations=rules)
    return list(batch.validate(expectations, result_format=result_format).results)


def _counting(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a rule in SQL as one that counts its rows and fetches none; any other rule as it is."""
    if rule["type"] != "unexpected_rows_expectation":
        return rule
    return {**rule, "type": _no_rows().expectation_type}


@lru_cache(maxsize=1)
def _no_rows() -> Any:
    """Return our expectation that a query finds nothing; Great Expectations' own runs every query twice."""
    from great_expectations.expectations.core import UnexpectedRowsExpectation

    class ExpectQueryToFindNoRows(UnexpectedRowsExpectation):  # type: ignore[misc, unused-ignore]
        """Pass where the query finds no row; the observed value is how many it finds."""

        metric_dependencies = ("unexpected_rows_query.row_count",)

        def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
            count = metrics["unexpected_rows_query.row_count"]
            return {"success": count == 0, "result": {"observed_value": count}}

    return ExpectQueryToFindNoRows
