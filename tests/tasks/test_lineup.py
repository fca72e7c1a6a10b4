"""Who gives the headline follows the lender's choice, and the rows that say whether a chosen family is worse."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl
import pytest

from tasks import lead, score_part
from tasks.lineup import find_lineup
from tasks.parts import Part
from warehouse import class_leaders, evaluations, matrix, registry
from warehouse.buckets import ALL
from warehouse.class_leaders import LeaderRecord
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.registry import ModelRecord
from warehouse.settings import settings
from warehouse.snapshot import pinned

TRAINED, TONIGHT = date(2026, 6, 29), Night("p", date(2026, 6, 30), "r")
FAMILIES = ("operational_risk", "voting_ensemble", "wide_deep", "scorecard")
ROWS = 200  # unseen borrowers of each class, every fourth of them a default


def said(good: float) -> dict[str, float]:
    """PDs of the unseen rows of both classes: the nearer to 0 and 1, the better."""
    return {"thick": good, "transaction": good}


@pytest.fixture
def champions(opened_home: Any, caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """Registers a champion of each family, whose PDs of non-defaults are as given by class, and of defaults 1 less."""
    caplog.set_level(logging.INFO, logger="nightledger")
    settings().models_dir.mkdir(parents=True)

    def register(**given: dict[str, float]) -> None:
        with writer(purpose="test") as con:
            for family in FAMILIES:
                file = settings().models_dir / family
                file.write_text(family)
                record = ModelRecord(
                    model_family=family, model_version="1", portfolio="p", role="champion", purpose="forecast",
                    knowledge_date=TRAINED, label_definition="dpd90", horizon_days=365, settings={},
                    feature_groups=(), feature_names=(), schema_hash="s", data_fingerprint="d", metrics={},
                    artefact_path=str(file), artefact_sha256=hashlib.sha256(family.encode()).hexdigest(), run_id="r",
                )  # fmt: skip
                registry.register(con, record)
                evaluations.record(con, unseen(given.get(family, said(0.2))), record)

    with writer(purpose="test"):  # all that follows re-enters it
        yield register


def unseen(good: dict[str, float]) -> pl.DataFrame:
    label = pl.int_range(ROWS, dtype=pl.Int64) % 4 == 0
    # who differs a little from borrower to borrower has an interval
    noise = (pl.int_range(ROWS) % 5) / 1000
    return pl.concat(
        pl.select(
            as_of_date=pl.lit(date(2025, 6, 29)), enterprise_id=pl.lit(coverage) + pl.int_range(ROWS).cast(pl.String),
            repeat=pl.lit(0), coverage=pl.lit(coverage), label=label.cast(pl.Int32),
            pd=pl.when(label).then(1 - pd).otherwise(pd) + noise,
        ).with_columns(pd_raw="pd")
        for coverage, pd in good.items()
    )  # fmt: skip


def choose(family: str, *classes: str, day: date = TONIGHT.as_of_date) -> None:
    with writer(purpose="test") as con:
        class_leaders.record(
            con,
            [
                LeaderRecord(
                    portfolio="p", coverage=coverage, model_family=family, effective_from=day, reason="one page",
                    approver="credit committee", run_id="r",
                )
                for coverage in classes
            ],
        )  # fmt: skip


def headlines(monkeypatch: pytest.MonkeyPatch, night: Night = TONIGHT) -> dict[str, str]:
    """Score a part of one borrower of each class with the models of a night; return who gave which headline."""
    classes = ["thick", "transaction", "thin"]
    frame = pl.DataFrame({"enterprise_id": classes, "coverage": classes})

    def score(record: ModelRecord, _model: Any, covered: pl.DataFrame, _top: int) -> Any:
        told = covered.select("enterprise_id", pd_raw=pl.lit(0.1), pd=pl.lit(0.1), score_points=pl.lit(500.0))
        return told.with_columns(grade=pl.lit("D1")), None, ()

    monkeypatch.setattr(matrix, "scoring_matrix", lambda *_, **__: frame)
    monkeypatch.setattr(score_part, "load_model", lambda _: "a model")
    monkeypatch.setattr(score_part, "_score", score)
    lineup = find_lineup(night)
    with writer(purpose="test"), pinned() as snapshot:
        part = score_part.score_partition.fn(night, lineup, Part(ALL, 0, 1), snapshot, top_features=10)
    rows = pl.read_parquet(part.scores)
    assert rows.height == 8
    return dict(rows.filter(model_role="champion").select("coverage", "model_family").iter_rows())


MEANT = {"thick": "voting_ensemble", "transaction": "wide_deep", "thin": "operational_risk"}


def test_the_headline_of_a_class_is_of_the_chosen_family_from_its_night_on(champions, monkeypatch, caplog):
    champions()
    choose("scorecard", "thick", "transaction")
    assert headlines(monkeypatch, TONIGHT.on(TRAINED)) == MEANT
    assert "leads" not in caplog.text
    assert headlines(monkeypatch) == {
        "thick": "scorecard",
        "transaction": "scorecard",
        "thin": "operational_risk",
    }
    leads = "scorecard leads {} files since 2026-06-30, approved by credit committee: one page"
    told = [line.removeprefix("champion    ") for line in caplog.messages if " leads " in line]
    assert told == [leads.format("thick"), leads.format("transaction")]
    # and back again, for one of them
    choose("voting_ensemble", "thick", day=date(2026, 7, 1))
    next_night = TONIGHT.on(date(2026, 7, 1))
    assert headlines(monkeypatch, next_night) == {**MEANT, "transaction": "scorecard"}


def test_a_chosen_family_that_is_shown_to_be_worse_stands_beside_in_that_class_alone(
    champions, monkeypatch, caplog
):
    champions(scorecard={"thick": 0.3, "transaction": 0.2})
    choose("scorecard", "thick", "transaction")
    lineup = find_lineup(TONIGHT)
    assert lineup.worse == (("scorecard", "thick"),)
    assert "scorecard less operational_risk on 200 unseen thick files: log loss +0.13" in caplog.text
    assert headlines(monkeypatch) == {**MEANT, "transaction": "scorecard"}
    (line,) = lead.what_comes_of_it(TONIGHT, "scorecard", ["thick", "transaction"])
    assert line == (
        "voting_ensemble gives the headline of thick files all the same: scorecard is shown to be worse than "
        "operational_risk there, and stands beside until it is not"
    )


def test_where_all_that_lead_are_worse_the_stand_in_gives_the_headline(champions, monkeypatch):
    champions(scorecard=said(0.3), voting_ensemble=said(0.25))
    choose("scorecard", "thick")
    assert find_lineup(TONIGHT).worse == (("voting_ensemble", "thick"), ("scorecard", "thick"))
    assert headlines(monkeypatch) == {**MEANT, "thick": "operational_risk"}
