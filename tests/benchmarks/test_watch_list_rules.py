"""The benchmark of the watch list's rules: lists of equal length, and who a trigger adds, on hand-made rows."""

from __future__ import annotations

import polars as pl
import pytest

from benchmarks.early_warning import added, filled, less, table, worst


@pytest.fixture
def rows() -> pl.DataFrame:
    """Two nights, the worst PD of each first; the second borrower of the first night and the last ones default."""
    return pl.DataFrame(
        {
            "portfolio": ["p"] * 8,
            "as_of_date": [1] * 5 + [2] * 3,
            "place": [1, 2, 3, 4, 5, 1, 2, 3],
            "pd": [0.9, 0.4, 0.2, 0.1, None, 0.3, 0.2, 0.1],
            "label": [0, 1, 0, 0, 1, 0, 0, 1],
            "quiet": [False, False, False, True, True, False, False, True],
            "former": [False, True, False, False, True, True, False, False],
        }
    )


def test_as_many_of_the_worst_pds_are_counted_night_by_night(rows):
    assert worst(rows, rows["quiet"]).to_list() == [True, True, False, False, False, True, False, False]


def test_whom_a_trigger_marks_comes_first_then_the_worst_pds(rows):
    rows = rows.with_columns(quiet=pl.Series([False] * 4 + [True] + [False] * 3))
    assert filled(rows, pl.col("quiet")).to_list() == [True, False, False, False, True, True, False, False]


def test_who_would_be_added_below_the_cut_and_who_instead(rows):
    marked, instead = added(rows, 0.25, "quiet")
    assert marked.to_list() == [0, 1, 1]  # also the borrower without a PD
    assert instead.to_list() == [0, 0, 0]


def test_recall_less_that_of_another_list_comes_from_the_defaults_of_one_alone(rows):
    # two of three are of the marked alone, one of the others: 1.96 sqrt(3 - 1 / 3) / 3
    assert less(rows["label"], rows["quiet"], worst(rows, rows["quiet"])) == "+33.3% ± 106.7%"
    assert less(rows["label"], rows["quiet"], rows["quiet"]) == "+0.0% ± 0.0%"


def test_a_table_is_markdown():
    assert table(("rule", "listed"), [("a", "1")]) == "| rule | listed |\n| --- | --: |\n| a | 1 |"
