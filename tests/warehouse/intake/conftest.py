"""One warehouse for all tests of a file, and a lender of its own for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from feed_rows import Lender

from warehouse.connection import writer


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A writer's cursor; portfolios of lenders do not meet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(tmp_path_factory.mktemp("intake")))
        with writer(purpose="test") as cursor:
            yield cursor


@pytest.fixture(scope="module")
def base(con: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """A lender whose three enterprises are loaded, and who delivers nothing else."""
    return Lender(con, tmp_path_factory.mktemp("base"))


@pytest.fixture
def lender(con: duckdb.DuckDBPyConnection, base: Lender, tmp_path: Path) -> Lender:
    """A lender whose three enterprises are loaded."""
    return Lender(con, tmp_path, base=base)
