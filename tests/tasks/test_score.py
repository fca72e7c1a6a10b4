"""A night without a champion is refused in one line that says what to do."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from tasks import score
from warehouse import matrix
from warehouse.errors import Refused

DAY = date(2026, 6, 30)


def test_borrowers_without_any_champion_stop_the_night(home, monkeypatch):
    frame = pl.DataFrame({"enterprise_id": ["a", "b"], "coverage": ["unscoreable", "thick"]})
    monkeypatch.setattr(matrix, "scoring_matrix", lambda *_, **__: frame)
    with pytest.raises(
        Refused, match=r"^p has no champion for its thick files as of 2026-06-30; train one: "
    ) as no:
        score.score_partition.fn("p", DAY, 0, 1, top_features=10, run_id="r")
    assert str(no.value).endswith("python -m flows train --family operational_risk")


def test_borrowers_that_no_model_can_score_have_a_row_without_a_model(home, monkeypatch):
    frame = pl.DataFrame({"enterprise_id": ["a"], "coverage": ["unscoreable"]})
    monkeypatch.setattr(matrix, "scoring_matrix", lambda *_, **__: frame)
    part = score.score_partition.fn("p", DAY, 0, 1, top_features=10, run_id="r")
    assert part.contributions is None
    row = pl.read_parquet(part.scores).row(0, named=True)
    assert (row["score_status"], row["model_role"], row["model_family"], row["pd"]) == (
        "unscoreable",
        "champion",
        None,
        None,
    )
