"""A night without a champion is refused in one line that says what to do."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import polars as pl
import pytest

from tasks import score_part
from tasks.lineup import Lineup
from warehouse import matrix
from warehouse.errors import Refused
from warehouse.night import Night

NIGHT = Night("p", date(2026, 6, 30), "r")
NOBODY = Lineup({})


def test_borrowers_without_any_champion_stop_the_night(home, monkeypatch):
    frame = pl.DataFrame({"enterprise_id": ["a", "b"], "coverage": ["unscoreable", "thick"]})
    monkeypatch.setattr(matrix, "scoring_matrix", lambda *_, **__: frame)
    with pytest.raises(
        Refused, match=r"^p has no champion for its thick files as of 2026-06-30; train one of "
    ) as no:
        score_part.score_partition.fn(NIGHT, NOBODY, 0, 1, top_features=10)
    assert str(no.value).endswith(
        "voting_ensemble, operational_risk, wide_deep: python -m flows train --portfolio p --family NAME"
    )


def test_borrowers_whom_no_champion_covers_have_a_row_without_a_model(home, monkeypatch):
    frame = pl.DataFrame(
        {"enterprise_id": ["a", "b", "c", "d"], "coverage": ["unscoreable", "thin", "transaction", "thick"]}
    )
    monkeypatch.setattr(matrix, "scoring_matrix", lambda *_, **__: frame)
    monkeypatch.setattr(score_part, "_score", tenth)
    lineup = Lineup({"voting_ensemble": model("1", "champion", family="voting_ensemble")})
    part = score_part.score_partition.fn(NIGHT, lineup, 0, 1, top_features=10)
    rows = pl.read_parquet(part.scores).sort("enterprise_id")
    assert rows.select("coverage", "model_family", "pd", "score_status", "model_role").rows() == [
        ("unscoreable", None, None, "unscoreable", "champion"),
        ("thin", None, None, "unscoreable", "champion"),
        ("transaction", None, None, "unscoreable", "champion"),
        ("thick", "voting_ensemble", 0.1, "fresh", "champion"),
    ]


def test_borrowers_that_no_model_can_score_have_a_row_without_a_model(home, monkeypatch):
    frame = pl.DataFrame({"enterprise_id": ["a"], "coverage": ["unscoreable"]})
    monkeypatch.setattr(matrix, "scoring_matrix", lambda *_, **__: frame)
    part = score_part.score_partition.fn(NIGHT, NOBODY, 0, 1, top_features=10)
    assert part.contributions is None
    row = pl.read_parquet(part.scores).row(0, named=True)
    assert (row["score_status"], row["model_role"], row["model_family"], row["pd"]) == (
        "unscoreable",
        "champion",
        None,
        None,
    )


def model(version: str, role: str, *, family: str = "operational_risk") -> SimpleNamespace:
    return SimpleNamespace(model_family=family, model_version=version, role=role, feature_names=())


def tenth(_record, frame, _top):
    """Give everybody a PD of a tenth."""
    scored = frame.select("enterprise_id", pd_raw=pl.lit(0.1), pd=pl.lit(0.1))
    return scored.with_columns(score_points=pl.lit(500.0), grade=pl.lit("D1")), None


def test_challengers_and_shadows_of_a_family_are_scored_beside_its_champion(home, monkeypatch, caplog):
    frame = pl.DataFrame({"enterprise_id": ["a", "b"], "coverage": ["unscoreable", "thin"]})
    monkeypatch.setattr(matrix, "scoring_matrix", lambda *_, **__: frame)
    others = (model("2", "challenger"), model("3", "shadow"), model("4", "challenger"))
    lineup = Lineup({"operational_risk": model("1", "champion")}, others)

    def ask(record, here, top):
        if record.model_version == "4":
            raise Refused("operational_risk 4 cannot score p: a feature is gone")
        return tenth(record, here, top)

    monkeypatch.setattr(score_part, "_score", ask)
    part = score_part.score_partition.fn(NIGHT, lineup, 0, 1, top_features=10)
    rows = pl.read_parquet(part.scores).select("enterprise_id", "model_version", "model_role").rows()
    assert sorted(rows, key=str) == [
        ("a", None, "champion"),
        ("b", "1", "champion"),
        ("b", "2", "challenger"),
        ("b", "3", "shadow"),
    ]
    # who is not the headline may not stop the night
    assert caplog.messages == [
        "score       without the challenger: operational_risk 4 cannot score p: a feature is gone"
    ]
