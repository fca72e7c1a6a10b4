"""A borrower's own page draws its curve and tells it in numbers, or says why there is none."""

from __future__ import annotations

import polars as pl
from page_rows import borrower_rows

from models.telling.borrower_page import borrower_page


def page(**changed: object) -> str:
    return borrower_page(borrower_rows("E1", "E2", **changed), portfolio="lender", enterprise_id="E1")


def test_the_curve_is_a_picture_and_numbers():
    told = page()
    assert "Probability of default within so many months: 3 1.5%, 6 3.1%, 12 6.2%, 24 12.4%" in told
    for cell in ('<td class="number">60</td><td class="number">31.0%</td>', "<td>25.0% to 40.0%</td>"):
        assert cell in told
    assert "the shape is learnt from what became of past borrowers" in told


def test_a_constant_hazard_and_a_pd_without_an_interval_are_told_as_such():
    curve = borrower_rows("E1").curve.with_columns(
        shape=pl.lit("constant"),
        cumulative_lower=pl.lit(None, pl.Float64),
        cumulative_upper=pl.lit(None, pl.Float64),
    )
    told = page(curve=curve)
    assert "No shape could be learnt: every month has the same risk." in told
    assert "carried along" not in told


def test_without_a_curve_the_page_says_why():
    assert "No curve: it is in default, it was not scored tonight" in page(
        curve=borrower_rows("E1").curve.clear()
    )
