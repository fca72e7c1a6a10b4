"""Two nights compared for real: a stored model, features in the warehouse, and each way in which it cannot be done."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from models import artefact
from models.calibration import Calibrator
from models.errors import ModelError
from models.master_scale import MasterScale
from models.operational_risk.classifier import OperationalRiskClassifier
from models.operational_risk.settings import OperationalRiskSettings
from models.scoring import CalibratedModel, score
from tasks import changes as tasks
from tasks import compared_models, run_parts
from tasks.compare_part import compare_part, data_first, groups
from warehouse import matrix, registry
from warehouse.buckets import bucket_of
from warehouse.changes import Nights, NotComparable
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.registry import ModelRecord
from warehouse.settings import settings

BEFORE, NIGHT = date(2026, 6, 29), date(2026, 6, 30)
TONIGHT = Night("lender", NIGHT, "r9")
NIGHTS = Nights(TONIGHT, BEFORE)
ROWS = 60
BAD = np.arange(ROWS) % 4 == 0


def features(seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "enterprise_id": [f"e{row:02d}" for row in range(ROWS)],
            "coverage": ["thin"] * ROWS,
            "gap": rng.gamma(2.0, np.where(BAD, 3.0, 1.0)),
            "late": rng.gamma(2.0, np.where(BAD, 2.0, 1.0)),
        }
    )


def fit(c: float) -> CalibratedModel:
    frame, labels = features(0), BAD.astype(int)
    chosen = OperationalRiskSettings(learner="logistic_regression", grid={"C": (c,)})
    groups = {"gap": "consistency", "late": "latency"}
    classifier = OperationalRiskClassifier(settings=chosen, groups=groups).fit(frame, labels)
    calibrator = Calibrator().fit(classifier.predict_proba(features(5))[:, 1], labels)
    return CalibratedModel(classifier, calibrator, MasterScale(), "other rows")


@pytest.fixture(scope="module")
def models() -> dict[str, CalibratedModel]:
    return {"1": fit(1.0), "2": fit(0.03)}


def register(con, model: CalibratedModel, version: str, family: str = "operational_risk") -> Path:
    path, sha256 = artefact.save(model, settings().models_dir)
    record = ModelRecord(
        model_family=family, model_version=version, portfolio="lender", role="champion", purpose="forecast",
        knowledge_date=BEFORE, label_definition="dpd90", horizon_days=365, settings={}, feature_groups=(),
        feature_names=tuple(model.classifier.feature_names_in_), schema_hash=model.classifier.schema_hash_,
        data_fingerprint="f", metrics={}, artefact_path=str(path), artefact_sha256=sha256, run_id="r",
    )  # fmt: skip
    registry.register(con, record)
    return path


def night(con, day: date, frame: pl.DataFrame, model: CalibratedModel, version: str) -> None:
    """Store the features of a night and the scores that a model makes of them."""
    con.register("feature_rows", frame.with_columns(portfolio=pl.lit("lender"), as_of_date=pl.lit(day)))
    for name in ("feat_coverage", "feat_enterprise", "feat_profile"):
        bucketed = f"select *, {bucket_of('enterprise_id')} as bucket from feature_rows"
        con.execute(f"create table if not exists wh.features.{name} as {bucketed} limit 0")
        con.execute(f"insert into wh.features.{name} {bucketed}")
    con.unregister("feature_rows")
    rows = score(model, frame).with_columns(
        coverage=pl.lit("thin"), score_status=pl.lit("fresh"), model_family=pl.lit("operational_risk"),
        model_version=pl.lit(version), model_role=pl.lit("champion"), portfolio=pl.lit("lender"),
        as_of_date=pl.lit(day), run_id=pl.lit("r"),
    )  # fmt: skip
    con.register("score_rows", rows)
    con.execute("insert into wh.scores.portfolio_scores by name from score_rows")
    con.unregister("score_rows")
    con.execute(
        "insert into wh.marts.mart_portfolio_summary by name select 'lender' as portfolio, ? as as_of_date",
        [day],
    )


class Done:
    """What a submitted part gives, done at once and without a server."""

    def __init__(self, *given, **named) -> None:
        self.given, self.named = given, named

    def result(self) -> Path:
        return compare_part.fn(*self.given, **self.named)


@pytest.fixture(autouse=True)
def at_once(monkeypatch) -> None:
    monkeypatch.setattr(tasks, "compare_part", SimpleNamespace(submit=Done))
    monkeypatch.setattr(run_parts, "wait", lambda _: None)


@pytest.fixture
def nights(opened_home, models):
    """A night of model 1 and the next one of model 2."""
    with writer(purpose="test") as con:
        paths = {version: register(con, model, version) for version, model in models.items()}
        night(con, BEFORE, features(1), models["1"], "1")
        night(con, NIGHT, features(2), models["2"], "2")
        yield con, paths


def compare(**given: object) -> dict[str, int]:
    return tasks.compare_nights(TONIGHT, BEFORE, top_features=1, **given)


def test_every_difference_is_split_written_and_told(nights, caplog, monkeypatch):
    con, _ = nights
    monkeypatch.setattr(matrix, "ROWS_A_PART", 25)
    caplog.set_level(logging.INFO, logger="nightledger")
    done = compare()
    assert done["compared"] == ROWS
    parts = dict(
        con.execute(
            "select part, count(distinct enterprise_id) from wh.scores.score_changes group by part"
        ).fetchall()
    )
    assert parts == {"data": ROWS, "model": ROWS, "calibration": ROWS}
    off = con.execute(
        "select max(abs(data + model + calibration - pd_change)), min(abs(model)) from wh.marts.mart_score_changes"
    ).fetchone()
    assert off[0] < 1e-12
    assert off[1] > 0
    lines = [one.getMessage() for one in caplog.records if one.name == "nightledger"]
    assert lines[0].startswith("changes     60 of 60 PDs moved since 2026-06-29, mean ")
    assert lines[1].startswith("            sum of all PDs: calibration ")
    assert len(lines) == 5
    assert not (settings().runs_dir / "r9" / "changes").exists()


def test_with_one_version_the_model_has_moved_nothing(opened_home, models):
    with writer(purpose="test") as con:
        register(con, models["1"], "1")
        night(con, BEFORE, features(1), models["1"], "1")
        night(con, NIGHT, features(2), models["1"], "1")
        compare()
        assert con.execute(
            "select count(*) filter (change <> 0), count(*) from wh.scores.score_changes "
            "where part in ('model', 'calibration')"
        ).fetchone() == (0, 2 * ROWS)


def test_a_retired_model_still_explains_its_night(nights):
    con, _ = nights
    for record in registry.records(con, portfolio="lender"):
        registry.retire(con, record, note="for the test")
    assert compare()["changes"] > ROWS


def test_a_model_file_that_is_gone_is_one_line(nights):
    _, paths = nights
    paths["1"].unlink()
    with pytest.raises(
        NotComparable,
        match=r"^lender on 2026-06-30 and 2026-06-29: the file of model operational_risk 1 cannot be read: .*; "
        "restore it or train again$",
    ):
        compare()


def test_a_model_that_the_registry_does_not_hold_is_one_line(nights):
    con, _ = nights
    con.execute("delete from wh.ops.model_registry where model_version = '1'")
    with pytest.raises(
        NotComparable, match=r"scored on 2026-06-29 by operational_risk 1, which is not in ops.model_reg"
    ):
        compare()


def test_features_that_were_built_again_are_not_taken_for_those_of_the_night(nights):
    con, _ = nights
    con.execute(
        "update wh.features.feat_enterprise set gap = gap + 5 where enterprise_id = 'e07' and as_of_date = '2026-06-29'"
    )
    with pytest.raises(
        NotComparable,
        match=r"^lender on 2026-06-29: 1 of 60 PDs are not what model and features give now \(e07: .*: "
        "python -m flows score --portfolio lender --as-of 2026-06-29$",
    ):
        compare()
    assert con.execute("select count(*) from wh.scores.score_changes").fetchone() == (0,)


def test_features_that_are_gone_hold_no_night_up_but_are_said(nights, caplog):
    con, _ = nights
    con.execute("delete from wh.features.feat_coverage where as_of_date = '2026-06-29'")
    tasks.compare_with_previous(TONIGHT, top_features=3)
    assert caplog.messages[-1] == (
        "changes     not compared with 2026-06-29: the features of lender as of 2026-06-29 are not there; build them "
        "again: python -m flows features --portfolio lender --as-of 2026-06-29"
    )


def test_a_first_night_has_nothing_to_be_compared_with(nights, caplog):
    tasks.compare_with_previous(TONIGHT.on(BEFORE), top_features=3)
    assert caplog.messages == []
    with pytest.raises(
        NotComparable, match="lender has no scored night before 2026-06-29 to compare it with"
    ):
        tasks.night_before(TONIGHT.on(BEFORE))
    assert tasks.night_before(TONIGHT) == BEFORE
    with pytest.raises(NotComparable, match="2026-06-30 does not lie before 2026-06-29"):
        tasks.compare_nights(TONIGHT.on(BEFORE), NIGHT, top_features=3)


def test_another_family_gives_coverage_parts_and_the_mark(nights):
    con, _ = nights
    # the same file under the name of another family, for a borrower whose class has changed
    record = registry.records(con, portfolio="lender")
    second = next(one for one in record if one.model_version == "2")
    registry.register(con, second.model_copy(update={"model_family": "wide_deep", "model_version": "w"}))
    con.execute(
        "update wh.scores.portfolio_scores "
        "set model_family = 'wide_deep', model_version = 'w', coverage = 'transaction' "
        "where enterprise_id = 'e01' and as_of_date = '2026-06-30'"
    )
    compare()
    rows = con.execute(
        "select part, coverage_changed, coverage_before, coverage from wh.scores.score_changes "
        "where enterprise_id = 'e01' order by 1"
    ).fetchall()
    assert rows == [
        ("coverage_data", True, "thin", "transaction"),
        ("coverage_model", True, "thin", "transaction"),
    ]
    # the same class, which another family leads since
    con.execute("update wh.scores.portfolio_scores set coverage = 'thin' where enterprise_id = 'e01'")
    compare()
    rows = con.execute(
        "select distinct part, coverage_changed, coverage_before, coverage from wh.scores.score_changes "
        "where enterprise_id = 'e01' order by 1"
    ).fetchall()
    assert rows == [("data", False, "thin", "thin"), ("model", False, "thin", "thin")]


def group(before: str, family_before: str, now: str, family: str) -> dict[str, str]:
    return {
        "coverage_before": before,
        "family_before": family_before,
        "coverage": now,
        "model_family": family,
    }


def test_the_family_that_can_read_both_nights_reads_them():
    assert data_first(group("thin", "operational_risk", "thick", "voting_ensemble"))
    assert data_first(group("thick", "wide_deep", "transaction", "operational_risk"))
    assert not data_first(group("thick", "voting_ensemble", "thin", "operational_risk"))
    assert not data_first(group("thick", "voting_ensemble", "transaction", "wide_deep"))
    with pytest.raises(ModelError, match="neither voting_ensemble covers thin files nor wide_deep thin"):
        data_first(group("thin", "voting_ensemble", "thin", "wide_deep"))


def test_borrowers_of_one_family_are_split_together_and_others_by_their_coverage():
    table = pl.DataFrame(
        [
            ("thin", "thin", "operational_risk", "1", "operational_risk", "2"),
            ("thick", "thin", "operational_risk", "1", "operational_risk", "2"),
            ("thick", "thin", "operational_risk", "1", "wide_deep", "w"),
            ("thin", "thin", "operational_risk", "1", "wide_deep", "w"),
            ("thick", "thick", "operational_risk", "2", "operational_risk", "2"),
        ],
        schema=["coverage_before", "coverage", *compared_models.MODELS],
        orient="row",
    ).with_row_index("place")
    assert [rows["place"].to_list() for rows in groups(table)] == [[0, 1], [4], [2], [3]]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("borrowers", "cores", "of"), [(0, 2, 0), (60, 2, 1), (1_001, 2, 2), (25_000, 2, 3), (1_200, 16, 3)]
)
def test_a_part_for_each_core_that_is_worth_it_and_none_above_the_bound(
    borrowers, cores, of, monkeypatch, tmp_path
):
    monkeypatch.setenv("NIGHTLEDGER_THREADS", str(cores))
    pairs = tmp_path / "pairs.parquet"
    pl.DataFrame({"bucket": np.arange(borrowers) % 4096}).write_parquet(pairs)
    cut = tasks.parts_of(pairs, borrowers)
    assert [(part.number, part.of) for part in cut] == [(number, of) for number in range(of)]


def test_each_night_is_read_once_and_each_model_is_loaded_once_whatever_the_parts(nights, monkeypatch):
    monkeypatch.setattr(matrix, "ROWS_A_PART", 25)
    read, loaded = [], []
    scoring_matrix, load = matrix.scoring_matrix, artefact.load

    def counted(con, night, part):
        frame = scoring_matrix(con, night, part)
        read.append((night.as_of_date, frame["enterprise_id"].to_list()))
        return frame

    monkeypatch.setattr(matrix, "scoring_matrix", counted)
    monkeypatch.setattr(artefact, "load", lambda path, **given: loaded.append(path) or load(path, **given))
    compare()
    for day in (BEFORE, NIGHT):
        frames = [ids for read_day, ids in read if read_day == day]
        assert len(frames) == 3
        assert sorted(name for ids in frames for name in ids) == features(0)["enterprise_id"].to_list()
    assert len(loaded) == 2
