"""A night without a champion is refused in one line that says what to do."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from tasks import load_model, run_parts, score, score_part
from tasks.lineup import Lineup
from tasks.parts import Part
from tasks.score_part import PartFiles
from warehouse import matrix, scores
from warehouse.buckets import ALL, BucketRange
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.snapshot import pinned

NIGHT = Night("p", date(2026, 6, 30), "r")
NOBODY = Lineup({})
WHOLE = Part(ALL, 0, 1)


@pytest.fixture
def snapshot(opened_home, monkeypatch):
    """An empty warehouse, pinned, whose models need no file."""
    monkeypatch.setattr(score_part, "load_model", lambda _: "a model")
    with writer(purpose="test"), pinned() as now:
        yield now


def test_borrowers_without_any_champion_stop_the_night(snapshot, monkeypatch):
    frame = pl.DataFrame({"enterprise_id": ["a", "b"], "coverage": ["unscoreable", "thick"]})
    monkeypatch.setattr(matrix, "scoring_matrix", lambda *_, **__: frame)
    with pytest.raises(
        Refused, match=r"^p has no champion for its thick files as of 2026-06-30; train one of "
    ) as no:
        score_part.score_partition.fn(NIGHT, NOBODY, WHOLE, snapshot, top_features=10)
    assert str(no.value).endswith(
        "voting_ensemble, operational_risk, wide_deep, scorecard: "
        "python -m flows train --portfolio p --family NAME"
    )


def test_borrowers_whom_no_champion_covers_have_a_row_without_a_model(snapshot, monkeypatch):
    frame = pl.DataFrame(
        {"enterprise_id": ["a", "b", "c", "d"], "coverage": ["unscoreable", "thin", "transaction", "thick"]}
    )
    monkeypatch.setattr(matrix, "scoring_matrix", lambda *_, **__: frame)
    monkeypatch.setattr(score_part, "_score", tenth)
    lineup = Lineup({"voting_ensemble": model("1", "champion", family="voting_ensemble")})
    part = score_part.score_partition.fn(NIGHT, lineup, WHOLE, snapshot, top_features=10)
    rows = pl.read_parquet(part.scores).sort("enterprise_id")
    assert rows.select("coverage", "model_family", "pd", "score_status", "model_role").rows() == [
        ("unscoreable", None, None, "unscoreable", "champion"),
        ("thin", None, None, "unscoreable", "champion"),
        ("transaction", None, None, "unscoreable", "champion"),
        ("thick", "voting_ensemble", 0.1, "fresh", "champion"),
    ]


def test_borrowers_that_no_model_can_score_have_a_row_without_a_model(snapshot, monkeypatch):
    frame = pl.DataFrame({"enterprise_id": ["a"], "coverage": ["unscoreable"]})
    monkeypatch.setattr(matrix, "scoring_matrix", lambda *_, **__: frame)
    part = score_part.score_partition.fn(NIGHT, NOBODY, WHOLE, snapshot, top_features=10)
    assert part.contributions is None
    row = pl.read_parquet(part.scores).row(0, named=True)
    assert (row["score_status"], row["model_role"], row["model_family"], row["pd"]) == (
        "unscoreable",
        "champion",
        None,
        None,
    )


def model(version: str, role: str, *, family: str = "operational_risk") -> SimpleNamespace:
    return SimpleNamespace(
        model_family=family, model_version=version, role=role, feature_names=(), horizon_days=365
    )


def tenth(_record, _model, frame, _top):
    """Give everybody a PD of a tenth."""
    scored = frame.select("enterprise_id", pd_raw=pl.lit(0.1), pd=pl.lit(0.1))
    return (
        scored.with_columns(score_points=pl.lit(500.0), grade=pl.lit("D1")),
        None,
        ("a tree is read by its library",),
    )


def test_challengers_and_shadows_of_a_family_are_scored_beside_its_champion(snapshot, monkeypatch):
    frame = pl.DataFrame({"enterprise_id": ["a", "b"], "coverage": ["unscoreable", "thin"]})
    monkeypatch.setattr(matrix, "scoring_matrix", lambda *_, **__: frame)
    others = (model("2", "challenger"), model("3", "shadow"), model("4", "challenger"))
    lineup = Lineup({"operational_risk": model("1", "champion")}, others)

    def ask(record, model, here, top):
        if record.model_version == "4":
            raise Refused("operational_risk 4 cannot score p: a feature is gone")
        return tenth(record, model, here, top)

    monkeypatch.setattr(score_part, "_score", ask)
    part = score_part.score_partition.fn(NIGHT, lineup, WHOLE, snapshot, top_features=10)
    rows = pl.read_parquet(part.scores).select("enterprise_id", "model_version", "model_role").rows()
    assert sorted(rows, key=str) == [
        ("a", None, "champion"),
        ("b", "1", "champion"),
        ("b", "2", "challenger"),
        ("b", "3", "shadow"),
    ]
    # who is not the headline may not stop the night
    assert part.remarks == (
        "operational_risk 1: a tree is read by its library",
        "operational_risk 2: a tree is read by its library",
        "operational_risk 3: a tree is read by its library",
        "without the challenger: operational_risk 4 cannot score p: a feature is gone",
    )


class Done:
    """What a submitted part gives, done at once and without a server."""

    def __init__(self, *, part, lineup, **_) -> None:
        self.part, self.records = part, lineup.records

    def result(self) -> PartFiles:
        versions = ", ".join(record.model_version for record in self.records)
        return PartFiles(Path(str(self.part.number)), 1, None, None, (f"of every part: {versions}",))


def test_models_are_loaded_once_and_what_every_part_remarks_is_told_once(snapshot, monkeypatch, caplog):
    records = {
        version: model(version, role)
        for version, role in (("1", "champion"), ("2", "shadow"), ("3", "shadow"))
    }
    lineup = Lineup({"operational_risk": records["1"]}, (records["2"], records["3"]))
    asked = []

    def load(record):
        asked.append(record.model_version)
        if record.model_version == "3":
            raise Refused("the file of model operational_risk 3 cannot be read: gone")
        return SimpleNamespace(classifier=SimpleNamespace(unexplained=None))

    monkeypatch.setattr(load_model, "load_model", load)
    monkeypatch.setattr(score, "score_partition", SimpleNamespace(submit=Done))
    monkeypatch.setattr(run_parts, "wait", lambda _: None)
    ranges = [BucketRange(0, 9), BucketRange(10, 19), BucketRange(20, 4095)]
    monkeypatch.setattr(matrix, "parts_of", lambda *_, at_least: ranges[: at_least + 1])
    files = score.score_parts(NIGHT, lineup, partitions=2, top_features=10)
    assert [str(part.scores) for part in files] == ["0", "1", "2"]
    assert asked == ["1", "2", "3"]
    assert caplog.messages == [
        "score       without the shadow: the file of model operational_risk 3 cannot be read: gone",
        "score       of every part: 1, 2",
    ]


def test_features_that_do_not_pass_beside_the_parts_let_nothing_be_staged(snapshot, monkeypatch):
    events = []

    def gate() -> None:
        events.append("judged")
        raise Refused("gate features: 1 failed")

    monkeypatch.setattr(score, "score_partition", SimpleNamespace(submit=Done))
    monkeypatch.setattr(run_parts, "wait", lambda futures: events.append(f"{len(futures)} parts ended"))
    monkeypatch.setattr(matrix, "parts_of", lambda *_, at_least: [BucketRange(0, 9), BucketRange(10, 4095)])
    monkeypatch.setattr(scores, "stage_scores", lambda *_, **__: events.append("staged"))
    with pytest.raises(Refused, match="gate features"):
        score.score_portfolio(NIGHT, NOBODY, partitions=2, top_features=10, meanwhile=gate)
    assert events == ["judged", "2 parts ended"]


def test_a_champion_that_cannot_be_loaded_stops_the_night(monkeypatch):
    def load(_record):
        raise Refused("the file of model operational_risk 1 cannot be read: gone")

    monkeypatch.setattr(load_model, "load_model", load)
    with pytest.raises(Refused, match="cannot be read: gone"):
        load_model.loadable(Lineup({"operational_risk": model("1", "champion")}))
