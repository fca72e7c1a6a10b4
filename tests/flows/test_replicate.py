"""A replication that was killed goes on where it stopped, and its page is made of what is stored."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from prefect import flow as prefect_flow

from flows.replicate import ReplicateParameters, replicate
from models.wide_deep.settings import WideDeepSettings
from papers.paper import Request
from papers.wide_deep import data_sets, experiment
from papers.wide_deep import run as wide_deep
from papers.wide_deep.data_sets import DATA_SETS, PaperRows
from papers.wide_deep.experiment import BEST, Sample
from warehouse import replications
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night

ROWS = 200
QUICK = WideDeepSettings(hidden=(4,), minimum_steps=1, minimum_positives=5)


def paper_rows(shift: float = 1.0) -> PaperRows:
    rng = np.random.default_rng(0)
    labels = (rng.random(ROWS) < 0.4).astype(np.int64)
    frame = pl.DataFrame(
        {"city": rng.choice(["a", "b"], ROWS), "tx_sales_all": rng.normal(shift * labels, 1.0)}
    )
    groups = {"city": "profile", "tx_sales_all": "volume"}
    sample = Sample(frame, labels, groups, QUICK, forms=("Logistic Regression", BEST), rates=(0.01,))
    return PaperRows("taiwan_default", {"without sex": sample}, {})


def rows_are(monkeypatch: pytest.MonkeyPatch, rows: PaperRows) -> None:
    small = DATA_SETS["taiwan_default"]._replace(load=lambda _: rows)
    monkeypatch.setitem(DATA_SETS, "taiwan_default", small)


def loaded(dataset: str, sensitive: str = "drop") -> PaperRows:
    request = Request(
        dataset=dataset, protocol="honest", repeats=1, sensitive=sensitive, through=date(2026, 6, 30),
        docs=Path("docs"), run_id="r",
    )  # fmt: skip
    return DATA_SETS[dataset].load(request)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds that are measured, in order; two epochs each."""
    seeds: list[int] = []

    def table_2_seed(sample: Sample, *, seed: int) -> list[experiment.SeedFigure]:
        seeds.append(seed - wide_deep.SEED)
        return list(experiment.table_2_seed(sample, seed=seed))

    monkeypatch.setattr(experiment, "MOST_EPOCHS", 2)
    monkeypatch.setattr(wide_deep, "table_2_seed", table_2_seed)
    rows_are(monkeypatch, paper_rows())
    return seeds


def run(docs: Path, repeats: int) -> str:
    return replicate(
        run=ReplicateParameters(paper="wide-and-deep", dataset="taiwan_default", repeats=repeats, docs=docs)
    )


def test_a_killed_replication_measures_the_missing_seeds_only(
    home: Path, prefect_session: None, tmp_path: Path, measured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = replications.record_fold

    def killed_at_the_third(*args: object, repeat: int, **keep: object) -> None:
        if repeat == 2:
            raise RuntimeError("killed")
        store(*args, repeat=repeat, **keep)

    with monkeypatch.context() as patch:
        patch.setattr(replications, "record_fold", killed_at_the_third)
        with pytest.raises(RuntimeError, match="killed"):
            run(tmp_path, 3)
    assert not (tmp_path / "wide-and-deep.md").exists()
    done = sorted(set(measured) - {2})
    assert done
    measured.clear()
    run_id = run(tmp_path, 3)
    assert 2 in measured
    assert not set(measured) & set(done)
    measured.clear()
    run(tmp_path, 2)
    assert measured == []
    with writer(purpose="test") as con:
        figures = replications.figures(con, paper="wide-and-deep")
    assert figures["repeats"].unique().to_list() == [2]
    assert run_id
    row = figures.filter(table_number="2, rate chosen", row_name=BEST, metric="auc").row(0, named=True)
    assert f"| {BEST} | {row['mean']:.3f} (" in (tmp_path / "wide-and-deep.md").read_text()
    assert (tmp_path / "images" / "wide-and-deep-differences.svg").stat().st_size < 300_000


def test_other_rows_are_measured_again(
    home: Path, prefect_session: None, tmp_path: Path, measured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, 2)
    assert sorted(measured) == [0, 1]
    measured.clear()
    rows_are(monkeypatch, paper_rows(shift=2.0))
    run(tmp_path, 2)
    assert sorted(measured) == [0, 1]


def test_a_set_that_is_not_there_is_one_clear_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTLEDGER_DATA_DIR", raising=False)
    with pytest.raises(Refused, match="sba needs the folder of public data sets"):
        loaded("sba")


@pytest.mark.slow
def test_the_simulated_rows_go_through_the_pipeline_once(
    home: Path, prefect_session: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels are those of the stated definition, features those of half a year, and a second call builds none."""
    small = data_sets.SIMULATION.model_copy(update={"enterprises": 200})
    days = []
    build = data_sets.build_features

    def build_features(snapshot: Night) -> int:
        days.append(snapshot.as_of_date)
        return build(snapshot)

    @prefect_flow
    def load() -> tuple[str, pl.DataFrame]:
        return data_sets.load_portfolio("r", through=date(2026, 6, 30), simulation=small)

    monkeypatch.setattr(data_sets, "build_features", build_features)
    portfolio, frame = load()
    again = load()
    assert days == [date(2025, 6, 30)]
    assert again[1].equals(frame)
    assert portfolio == "wide-deep-200-20260630"
    assert 80 < frame.height < 160
    assert 0.45 < frame["label"].mean() < 0.75
    assert frame["enterprise_id"].is_unique().all()
    assert frame["delinquency_count"].null_count() < frame.height


def test_sex_enters_only_when_it_may(data_dir: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("NIGHTLEDGER_DATA_DIR", str(data_dir))
    ((name, sample),) = loaded("taiwan_default").samples.items()
    assert name == "without sex"
    assert "sex" not in sample.frame.columns
    ((name, sample),) = loaded("taiwan_default", sensitive="use").samples.items()
    assert name == "with sex"
    assert sample.groups["sex"] == "sensitive"
    assert ("sex", "marriage") in sample.settings.declared_crosses


def test_the_term_is_in_one_of_two_samples(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv("NIGHTLEDGER_DATA_DIR", str(data_dir))
    rows = loaded("sba")
    assert ["term" in sample.frame.columns for sample in rows.samples.values()] == [False, True]
    assert rows.counts["whole_years_paid"] == pytest.approx(0.864, abs=0.001)
    assert rows.counts["whole_years_charged_off"] == pytest.approx(0.109, abs=0.001)
    assert {sample.positive_share for sample in rows.samples.values()} == {0.175}
