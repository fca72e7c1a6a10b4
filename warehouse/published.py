"""Answer read-only queries of the published copy."""

from __future__ import annotations

import duckdb
import polars as pl

from warehouse import sql
from warehouse.connection import reader
from warehouse.errors import Refused


def ask(query: str) -> pl.DataFrame:
    """Answer one query of the published copy as a frame, without waiting for a running night.

    Raises:
        Refused: with DuckDB's own first line when the query is wrong, or when nothing is published yet.
    """
    with reader() as con:
        try:
            return sql.frame(con, query)
        except duckdb.Error as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            hint = next((line.strip() for line in lines if "Did you mean" in line or "Candidate" in line), "")
            raise Refused(f"{lines[0]} {hint}".strip()) from error
