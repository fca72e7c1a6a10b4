"""The form of a comparison, and a night that does not exist: one line, refused in the run ledger."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from flows.compare import CompareParameters, compare
from warehouse.connection import writer
from warehouse.errors import Refused


def test_the_earlier_night_lies_before_the_later_one():
    with pytest.raises(ValidationError, match="--against must lie before --as-of"):
        CompareParameters(as_of=date(2026, 6, 30), against=date(2026, 6, 30))


def test_a_night_that_does_not_exist_is_one_line(home, prefect_session):
    with pytest.raises(Refused, match=r"^lender has no scored night before 2026-06-30 to compare it with$"):
        compare(CompareParameters(as_of=date(2026, 6, 30)))
    with pytest.raises(
        Refused, match=r"^lender has no scores of 2026-06-30 to compare; scored nights near it: none; "
    ):
        compare(CompareParameters(as_of=date(2026, 6, 30), against=date(2026, 6, 29)))
    with writer(purpose="test") as con:
        rows = con.execute("select flow, status from wh.ops.run_ledger").fetchall()
    assert rows == [("compare", "refused")] * 2
