"""One small portfolio for all suites, built once; Great Expectations is imported once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pytest
import small_portfolio as small

from warehouse.connection import writer


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse in which every suite finds good rows; tests look at it through views of their own."""
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NIGHTLEDGER_HOME", str(tmp_path_factory.mktemp("gates") / "home"))
            con = stack.enter_context(writer(purpose="suites"))
            small.deliver(con)
            for feed in small.RAW:
                small.record(
                    con, feed, portfolio=small.PORTFOLIO, run_id="spoilt", quarantined=50, superseded=50
                )
            small.build_features(con, small.NIGHT)
            small.repeat_features(
                con, ("feat_delivered", "feat_ledger", "feat_transactions", "feat_operations")
            )
            small.score(con)
        yield con


@pytest.fixture
def fresh(opened_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse of its own for tests that move rows."""
    with writer(purpose="test") as con:
        small.deliver(con)
        yield con
