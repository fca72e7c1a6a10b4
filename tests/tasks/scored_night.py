"""A night of one borrower: its date, what it was asked for, its model, and how it is scored."""

from __future__ import annotations

from datetime import date

import duckdb

from warehouse import run_inputs
from warehouse.night import Night
from warehouse.run_inputs import RunInput

DAY = date(2026, 2, 28)
GIVEN = {"source": "folder", "enterprises": 2000, "as_of": DAY}
MODEL = RunInput(kind="model", name="operational_risk 1", role="champion", fingerprint="0" * 64)


def score_borrower(con: duckdb.DuckDBPyConnection, day: date, run_id: str) -> None:
    """Store a score of a day, and the inputs that its run had."""
    run_inputs.record(con, run_id, run_inputs.current(con, Night("p", day, run_id)))
    con.execute(
        "insert into wh.scores.portfolio_scores (portfolio, as_of_date, enterprise_id, model_role, run_id) "
        "values ('p', ?, 'e0', 'champion', ?)",
        [day, run_id],
    )
