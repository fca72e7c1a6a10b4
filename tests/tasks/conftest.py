"""A night that is scored and done, with the models and features of today; a portfolio whose nights are watched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scored_night import DAY, GIVEN, MODEL, score_borrower
from watched import Watched

from warehouse import ledger, run_inputs
from warehouse.connection import writer


@pytest.fixture
def scored(opened_home, monkeypatch):
    """A night that is done, as cursor and run, and the list of the models that a night would have now."""
    now = [MODEL]
    monkeypatch.setattr(run_inputs, "models", lambda *_, **__: tuple(now))
    with writer(purpose="test") as con:
        run_id = ledger.start_run(con, flow="nightly", portfolio="p", as_of_date=DAY, parameters=GIVEN)
        score_borrower(con, DAY, run_id)
        ledger.finish_run(con, run_id, status="done")
        yield con, run_id, now


@pytest.fixture
def book(opened_home) -> Iterator[Watched]:
    """A portfolio whose nights are made by hand."""
    with writer(purpose="test") as con:
        yield Watched(con)
