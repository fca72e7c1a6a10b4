"""A family is one folder and one line: the toy family trains, scores and explains in a real night, and in the next."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from night_processes import FirstNight
from prefect.artifacts import Artifact
from quick_families import train_quickly
from toy_family.family import TOY

from flows.nightly import NightlyParameters, nightly
from models.families import FAMILIES
from warehouse.publishing.published import ask

pytestmark = pytest.mark.server

FIRST = date(2026, 5, 31)
SECOND = date(
    2026, 6, 7
)  # before anybody comes from a thick file to a thin one, which the toy cannot compare
PORTFOLIO = "simulated-150-7"
FEATURES = {"tx_count_365d", "tx_gap_std_365d"}


@pytest.fixture(scope="module")
def home(may_night: FirstNight, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of two nights with the toy family; the first of them was run before without it."""
    home = tmp_path_factory.mktemp("toy") / "home"
    shutil.copytree(may_night.home, home, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(home))
        train_quickly(patch)
        patch.setitem(FAMILIES, TOY.name, TOY)
        for day in (FIRST, SECOND):
            nightly(run=NightlyParameters(source="simulated", enterprises=150, as_of=day))
        yield home


def test_it_is_trained_once_and_is_champion(home: Path) -> None:
    models = ask("from ops.model_registry").filter(model_family="toy")
    assert models.select("role", "knowledge_date", "portfolio").rows() == [("champion", FIRST, PORTFOLIO)]
    unseen = ask("from ops.evaluation_scores").filter(model_family="toy")
    assert set(unseen["model_version"]) == set(models["model_version"])
    assert set(unseen["coverage"]) == set(TOY.covers)
    bins = ask("from ops.reference_bins").filter(model_family="toy")
    assert set(bins["subject"]) == {"score", *FEATURES}


@pytest.mark.parametrize("day", [FIRST, SECOND])
def test_it_scores_every_borrower_that_it_covers_and_leads_the_thin_ones(home: Path, day: date) -> None:
    scores = ask("from scores.portfolio_scores").filter(as_of_date=day, score_status="fresh")
    heads, toy = scores.filter(model_role="champion"), scores.filter(model_family="toy")
    covered = heads.filter(pl.col("coverage").is_in(TOY.covers))
    assert sorted(toy["enterprise_id"]) == sorted(covered["enterprise_id"])
    assert set(toy.select("coverage", "model_role").iter_rows()) == {
        ("thin", "champion"),
        ("transaction", "challenger"),
    }
    assert toy.filter(model_role="champion").height > 20
    assert set(heads.select("coverage", "model_family").iter_rows()) == {
        ("thick", "voting_ensemble"),
        ("transaction", "wide_deep"),
        ("thin", "toy"),
    }
    beside = scores.filter(coverage="thin", model_role="challenger")
    assert set(beside["model_family"]) == {"operational_risk"}


@pytest.mark.parametrize("day", [FIRST, SECOND])
def test_its_contributions_add_up_to_its_pd(home: Path, day: date) -> None:
    scores = ask("from scores.portfolio_scores").filter(
        as_of_date=day, model_family="toy", score_status="fresh"
    )
    contributions = ask("from scores.contributions").filter(as_of_date=day, model_family="toy")
    sums = contributions.group_by("enterprise_id").agg(pl.sum("contribution"))
    both = scores.join(sums, on="enterprise_id", how="left", validate="1:1")
    assert (both["base_value"] + both["contribution"] - both["pd"]).abs().max() < 1e-9
    assert both["contribution"].null_count() == 0
    assert set(contributions["feature"]) == FEATURES


def test_it_has_a_card_and_is_watched(home: Path) -> None:
    version = ask("from ops.model_registry").filter(model_family="toy")["model_version"].item()
    page = home / "reports" / PORTFOLIO / f"card-toy-{version}.html"
    assert version in page.read_text(encoding="utf-8")
    assert "Intercept: " in str(Artifact.get("model-card-toy").data)
    watched = ask("from ops.monitoring").filter(model_family="toy")
    assert set(watched["as_of_date"]) == {FIRST, SECOND}


def test_both_nights_are_done_and_their_changes_are_split(home: Path) -> None:
    runs = ask("from ops.run_ledger")
    assert runs.filter(flow="nightly")["status"].to_list() == ["done"] * 3
    changes = ask("from scores.score_changes").filter(
        as_of_date=SECOND, coverage="thin", coverage_before="thin"
    )
    assert set(changes.filter(part="data")["feature"]) == FEATURES
    pds = ask("from scores.portfolio_scores").filter(model_family="toy", model_role="champion")
    before, now = (pds.filter(as_of_date=day).select("enterprise_id", "pd") for day in (FIRST, SECOND))
    moved = changes.group_by("enterprise_id").agg(pl.sum("change"))
    both = moved.join(now, on="enterprise_id").join(before, on="enterprise_id", suffix="_before")
    assert both.height == moved.height > 10
    assert (both["pd"] - both["pd_before"] - both["change"]).abs().max() < 1e-9
