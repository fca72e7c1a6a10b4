"""The night in one process: whole, twice, an earlier date after a later one, and stopped by a gate."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from night_processes import FirstNight
from polars.testing import assert_frame_equal
from quick_families import train_quickly

from flows.nightly import NightlyParameters, nightly
from warehouse import examples, sql
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.publishing.published import ask

pytestmark = pytest.mark.server

MAY, JUNE = date(2026, 5, 31), date(2026, 6, 30)
PORTFOLIO = "simulated-150-7"
SCORES = """
select * exclude (run_id, scored_at) from wh.scores.portfolio_scores
where portfolio = $portfolio and as_of_date = $day order by enterprise_id, model_family
"""
CONTRIBUTIONS = """
select * exclude (run_id, scored_at) from wh.scores.contributions
where portfolio = $portfolio and as_of_date = $day order by enterprise_id, model_family, rank
"""
FEATURES = "from wh.features.feat_enterprise where portfolio = $portfolio and as_of_date = $day order by enterprise_id"


def night(day: date) -> str:
    return nightly(run=NightlyParameters(source="simulated", enterprises=150, as_of=day))


def rows(query: str, **params: object) -> pl.DataFrame:
    with writer(purpose="test") as con:
        return sql.frame(con, query, params)


@pytest.fixture(scope="module")
def nights(may_night: FirstNight, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """May, then June, then June again, then May again, in one warehouse; what each left behind."""
    home = tmp_path_factory.mktemp("nights") / "home"
    shutil.copytree(may_night.home, home, symlinks=True)
    kept: dict[str, pl.DataFrame] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(home))
        train_quickly(patch)
        for name, day in (("may", MAY), ("june", JUNE), ("june again", JUNE), ("may again", MAY)):
            if name != "may":
                night(day)
            kept[name] = rows(SCORES, portfolio=PORTFOLIO, day=day)
            kept[f"{name} contributions"] = rows(CONTRIBUTIONS, portfolio=PORTFOLIO, day=day)
            kept[f"{name} features"] = rows(FEATURES, portfolio=PORTFOLIO, day=day)
            kept[f"{name} published"] = ask("from scores.portfolio_scores")
        for relation in (
            "run_ledger",
            "file_ledger",
            "model_registry",
            "evaluation_scores",
            "validation_results",
            "quarantine",
            "lineage",
            "reference_bins",
            "monitoring",
            "fairness",
            "scorecard",
        ):
            kept[relation] = ask(f"from ops.{relation}")
        kept["latest"] = ask("from marts.mart_portfolio_latest")
        kept["summary"] = ask("from marts.mart_portfolio_summary")
        kept["recomputed"] = ask(examples.example("scorecard_score").query)
    return kept


def test_every_enterprise_has_one_champion_row(nights: dict[str, pl.DataFrame]) -> None:
    june = nights["june"].filter(model_role="champion")
    assert june.height == june["enterprise_id"].n_unique() == 150
    scored = june.filter(pl.col("score_status") == "fresh")
    assert scored["pd"].is_between(0, 1, closed="none").all()
    assert scored["grade"].null_count() == 0
    kept, nobody = june.filter(score_status="stale"), june.filter(score_status="unscoreable")
    assert scored.height + kept.height + nobody.height == june.height
    assert nobody["pd"].null_count() == nobody.height > 0
    assert kept["pd"].null_count() == 0
    assert set(kept["scored_as_of"]) <= {MAY}


def test_files_are_scored_by_every_family_that_covers_them_and_one_gives_the_headline(
    nights: dict[str, pl.DataFrame],
) -> None:
    stale = nights["june"].filter(score_status="stale").height  # keeps the family of its last good score
    june = nights["june"].filter(pl.col("score_status") != "stale")
    counts = june.group_by("coverage", "model_family").len()
    files = dict(nights["june features"].group_by("coverage").len().iter_rows())
    files["unscoreable"] -= stale
    assert min(files["thick"], files["transaction"], files["thin"]) > 20
    covered = {
        "thick": ("operational_risk", "voting_ensemble", "wide_deep", "scorecard"),
        "transaction": ("operational_risk", "wide_deep", "scorecard"),
        "thin": ("operational_risk",),
        "unscoreable": (None,),
    }
    wanted = {(kind, family, files[kind]) for kind, families in covered.items() for family in families}
    assert set(counts.iter_rows()) == wanted
    heads = june.filter(model_role="champion").group_by("coverage").agg(pl.col("model_family").unique())
    # no family is shown to be worse on so few rows
    assert dict(heads.explode("model_family").iter_rows()) == {
        "thick": "voting_ensemble",
        "transaction": "wide_deep",
        "thin": "operational_risk",
        "unscoreable": None,
    }
    assert set(nights["latest"].select("coverage", "model_family").iter_rows()) == set(
        nights["june"].filter(model_role="champion").select("coverage", "model_family").iter_rows()
    )


def test_what_models_said_of_unseen_rows_is_published(nights: dict[str, pl.DataFrame]) -> None:
    unseen = nights["evaluation_scores"]
    models = nights["model_registry"].filter(pl.col("model_family") != "pd_curve")
    assert set(unseen["model_version"]) == set(models["model_version"])
    assert unseen.select("model_version", "as_of_date", "enterprise_id", "repeat").is_unique().all()
    assert unseen["pd"].is_between(0, 1, closed="none").all()


def test_every_pd_of_the_scorecard_is_the_sum_of_its_points(nights: dict[str, pl.DataFrame]) -> None:
    told, june = nights["recomputed"], nights["june"].filter(model_family="scorecard", score_status="fresh")
    assert told["as_of_date"].unique().to_list() == [JUNE]
    assert sorted(told["enterprise_id"]) == sorted(june["enterprise_id"])
    assert told["difference"].max() < 1e-14
    assert told["score"].n_unique() > 3
    card = nights["scorecard"]
    version = nights["model_registry"].filter(model_family="scorecard")["model_version"].item()
    assert set(card["model_version"]) == {version}


def test_each_night_is_watched_with_the_reference_of_its_models(nights: dict[str, pl.DataFrame]) -> None:
    bins, watched = nights["reference_bins"], nights["monitoring"]
    models = (
        nights["model_registry"]
        .select("model_family", "model_version")
        .filter(pl.col("model_family") != "pd_curve")
    )
    assert set(bins.select("model_family", "model_version").iter_rows()) == set(models.iter_rows())
    assert set(watched["as_of_date"]) == set(nights["fairness"]["as_of_date"]) == {MAY, JUNE}
    assert set(watched["heading"]) == {"performance", "stability", "calibration"}
    training = watched.filter(measure="psi_training", subject="score")
    assert set(training["model_family"]) == {"operational_risk", "voting_ensemble", "wide_deep", "scorecard"}
    unknown = watched.filter(severity="unknown")
    assert unknown["value"].null_count() == unknown.height
    assert unknown["note"].null_count() == 0
    batch = watched.filter(measure="csi_batch", model_family="operational_risk")
    assert batch.filter(as_of_date=JUNE, severity="unknown").height < batch.filter(as_of_date=JUNE).height
    assert (
        batch.filter(as_of_date=MAY)["value"].null_count() == batch.filter(as_of_date=MAY).height
    )  # the first


def test_features_mean_the_same_on_a_record_three_times_as_long_as_at_training(
    nights: dict[str, pl.DataFrame],
) -> None:
    moved = nights["monitoring"].filter(pl.col("measure") == "csi_training", pl.col("value").is_not_null())
    assert moved.height > 100
    beyond_noise = moved.filter(pl.col("value") > pl.col("critical"))
    assert beyond_noise.select("model_family", "subject", "value", "critical").rows() == []


def test_contributions_add_up_to_the_pd_that_is_shown(nights: dict[str, pl.DataFrame]) -> None:
    key = ["enterprise_id", "model_family"]
    told = nights["june contributions"].group_by(key).agg(pl.col("contribution").sum())
    both = nights["june"].filter(pl.col("pd").is_not_null()).join(told, on=key, how="left")
    assert both["model_family"].n_unique() == 4
    off = (both["base_value"] + both["contribution"] - both["pd"]).abs()
    assert off.null_count() == 0
    assert off.max() < 1e-9
    rows_of = nights["june contributions"]
    assert rows_of["rank"].max() == 11
    assert rows_of.filter(feature="other")["rank"].unique().to_list() == [11]
    assert set(both["reason_1"].drop_nulls()) <= set(rows_of["feature"]) - {"other"}


def test_a_night_twice_writes_the_same_rows_once(nights: dict[str, pl.DataFrame]) -> None:
    assert_frame_equal(nights["june"], nights["june again"])
    assert_frame_equal(nights["june features"], nights["june again features"])
    assert_frame_equal(nights["june contributions"], nights["june again contributions"])


def test_an_earlier_date_after_a_later_one_uses_only_what_was_known(nights: dict[str, pl.DataFrame]) -> None:
    assert_frame_equal(nights["may features"], nights["may again features"])
    assert_frame_equal(nights["may"], nights["may again"])
    assert_frame_equal(nights["may contributions"], nights["may again contributions"])


def test_an_earlier_night_never_uses_a_later_champion(nights: dict[str, pl.DataFrame]) -> None:
    trained = dict(nights["model_registry"].select("model_version", "knowledge_date").iter_rows())
    assert {trained[version] for version in nights["may again"]["model_version"].drop_nulls()} == {MAY}


def test_the_published_copy_holds_every_night_once(nights: dict[str, pl.DataFrame]) -> None:
    last = nights["may again published"]
    headlines = last.filter(model_role="champion")
    assert headlines.group_by("as_of_date").len().sort("as_of_date").rows() == [(MAY, 150), (JUNE, 150)]
    assert nights["latest"]["as_of_date"].unique().to_list() == [JUNE]
    june = nights["summary"].filter(pl.col("as_of_date") == JUNE)
    assert june["enterprises"].sum() == 150
    scored = nights["june"].filter(model_role="champion").drop_nulls("pd")
    performing = scored.filter(pl.col("in_default").ne_missing(True))
    assert 0 < performing.height < scored.height
    assert june["performing"].sum() == performing.height
    assert june["expected_defaults"].sum() == pytest.approx(performing["pd"].sum())


def test_the_ledgers_tell_what_happened(nights: dict[str, pl.DataFrame]) -> None:
    runs = nights["run_ledger"].filter(pl.col("flow") == "nightly")
    assert runs["status"].to_list() == ["done"] * 4
    files = nights["file_ledger"]
    assert files["status"].unique().to_list() == ["loaded"]
    assert (files["delivered"] == files["loaded"] + files["quarantined"] + files["exact_duplicates"]).all()
    assert files["quarantined"].sum() == nights["quarantine"].height > 0
    assert nights["lineage"].height > 20
    verdicts = nights["validation_results"].group_by("run_id").len()
    assert set(verdicts["run_id"]) == set(runs["run_id"])


def test_a_stopped_night_leaves_the_last_good_scores(
    may_night: FirstNight, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(may_night.home, home, symlinks=True)
    before = ask("from scores.portfolio_scores")
    from models import scoring

    honest = scoring.contributions

    def broken(*model_and_frame: Any, top: int) -> scoring.Contributions:
        explained = honest(*model_and_frame, top=top)
        return explained._replace(scores=explained.scores.with_columns(pd=pl.lit(1.5)))

    monkeypatch.setattr(scoring, "contributions", broken)
    with pytest.raises(Refused, match="scores"):
        night(MAY)
    assert_frame_equal(ask("from scores.portfolio_scores"), before)
    with writer(purpose="test") as con:
        left = sql.frame(con, "select distinct run_id from wh.scores.portfolio_scores")
        ends = sql.frame(con, "select status from wh.ops.run_ledger order by started_at")
    assert left["run_id"].to_list() == [may_night.run_id]
    assert ends["status"].to_list() == ["done", "refused"]
