"""A seed is split by borrower, looks at the test part only to score it, and its rows and differences are all told."""

from __future__ import annotations

import json
import re

import numpy as np
import polars as pl
import pytest

from models.errors import TooFewRowsError
from models.wide_deep.settings import WideDeepSettings
from papers.wide_deep import experiment
from papers.wide_deep.boosting import boosted_scores
from papers.wide_deep.experiment import (
    BEST,
    BOOSTED,
    FORMS,
    Sample,
    figure_2_seed,
    table_2_seed,
    thinned,
    three_parts,
)
from papers.wide_deep.page import page
from papers.wide_deep.plots import differences, sensitivity
from papers.wide_deep.summary import DIFFERENCES, summarised
from papers.wide_deep.tables import table_2

ROWS = 400
QUICK = WideDeepSettings(
    hidden=(4,), minimum_steps=1, patience=2, minimum_positives=5, cross_pairs=(("city", "trade"),)
)


@pytest.fixture(scope="module")
def sample() -> Sample:
    rng = np.random.default_rng(0)
    labels = (rng.random(ROWS) < 0.4).astype(np.int64)
    frame = pl.DataFrame(
        {
            "city": np.where(rng.random(ROWS) < 0.3 + 0.4 * labels, "a", "b"),
            "trade": rng.choice(["x", "y"], ROWS),
            "tx_sales_all": rng.normal(labels, 1.0),
        }
    )
    groups = {"city": "profile", "trade": "profile", "tx_sales_all": "volume"}
    return Sample(frame, labels, groups, QUICK, rates=(0.0001, 0.01))


@pytest.fixture(scope="module")
def quick_epochs() -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(experiment, "MOST_EPOCHS", 3)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def measured(sample: Sample, quick_epochs: None) -> pl.DataFrame:
    return as_folds({seed: list(table_2_seed(sample, seed=seed)) for seed in (7, 8)})


def as_folds(seeds: dict[int, list[experiment.SeedFigure]]) -> pl.DataFrame:
    return pl.DataFrame(
        [{**figure._asdict(), "repeat": seed} for seed, figures in seeds.items() for figure in figures]
    )


def as_figures(folds: pl.DataFrame, dataset: str, protocol: str, counts: dict[str, float]) -> pl.DataFrame:
    tables = summarised(folds, table_2() if dataset.startswith("simulated") else {})
    tables["data"] = [(name, "count", value, value, value, None) for name, value in counts.items()]
    names = ("row_name", "metric", "mean", "low", "high", "published")
    return pl.DataFrame(
        [
            {
                "dataset": dataset, "protocol": protocol, "table_number": table, "repeats": 2,
                **dict(zip(names, row, strict=True)),
            }
            for table, rows in tables.items()
            for row in rows
        ],
        infer_schema_length=None,
    )  # fmt: skip


def test_parts_are_three_fifths_and_two_fifths_and_keep_a_borrower_together():
    labels = (np.arange(500) % 5 < 2).astype(np.int64)
    parts = three_parts(labels, random_state=1)
    assert [len(part) for part in parts] == [300, 100, 100]
    assert sorted(np.concatenate(parts)) == list(range(500))
    assert {labels[part].mean() for part in parts} == {0.4}
    borrowers = [f"E{number // 3}" for number in range(500)]
    sides = [
        {borrowers[row] for row in part} for part in three_parts(labels, random_state=1, borrowers=borrowers)
    ]
    assert sum(len(side) for side in sides) == len(set(borrowers))


def test_thinned_to_size_and_mix_by_chance_alone():
    labels = (np.arange(1000) % 2).astype(np.int64)
    rows = thinned(labels, rows=500, positive_share=0.6, random_state=7)
    assert (len(rows), int(labels[rows].sum())) == (500, 300)
    assert (np.diff(rows) > 0).all()
    assert not np.array_equal(rows, thinned(labels, rows=500, positive_share=0.6, random_state=8))
    with pytest.raises(TooFewRowsError, match=r"500 rows of class 1, 600 are wanted; simulate more"):
        thinned(labels, rows=1000, positive_share=0.6, random_state=7)


def test_every_row_has_every_measure_at_both_readings_of_the_rate(measured: pl.DataFrame):
    for table in ("2", "2, rate chosen"):
        part = measured.filter(table_number=table, repeat=7)
        assert part["row_name"].unique(maintain_order=True).to_list() == [*FORMS, BOOSTED]
        for name in FORMS:
            own = dict(part.filter(row_name=name).select("metric", "value").iter_rows())
            assert {"auc", "precision", "recall", "f1", "average f1", "threshold", "best epoch"} <= set(own)
            assert table == "2, rate chosen" or own["learning rate"] == 0.0001


def test_the_labels_of_the_test_part_move_no_threshold_no_epoch_and_no_rate(
    sample: Sample, measured: pl.DataFrame
):
    """A threshold, a learning rate or a stop that had looked at the test part would move with it."""
    test = three_parts(sample.labels, random_state=7).test
    other = sample.labels.copy()
    other[test] = other[test[::-1]]  # the same number of defaults, so that the split stays
    assert not np.array_equal(other, sample.labels)
    chosen = ("threshold", "average threshold", "best epoch", "learning rate", "trees")
    with pytest.MonkeyPatch.context() as patch:
        parts = three_parts(sample.labels, random_state=7)
        patch.setattr(experiment, "three_parts", lambda *_, **__: parts)
        moved = as_folds({7: list(table_2_seed(sample._replace(labels=other), seed=7))})
    before, after = (
        frame.filter(pl.col("metric").is_in(chosen), repeat=7).select(
            "table_number", "row_name", "metric", "value"
        )
        for frame in (measured, moved)
    )
    assert after.equals(before)
    assert not moved.filter(metric="auc")["value"].equals(measured.filter(metric="auc", repeat=7)["value"])


def test_boosting_looks_at_its_two_parts_only(sample: Sample):
    parts = three_parts(sample.labels, random_state=7)
    other = sample.labels.copy()
    other[parts.test] = 1 - other[parts.test]
    wanted = {"train": parts.train, "validation": parts.validation, "random_state": 7}
    scores, trees = boosted_scores(sample.frame, sample.labels, **wanted)
    again, same = boosted_scores(sample.frame, other, **wanted)
    assert np.array_equal(scores, again)
    assert trees == same


def test_differences_are_paired_by_seed(measured: pl.DataFrame):
    tables = summarised(measured, {})
    left, right = DIFFERENCES[2]
    row = next(one for one in tables["2, paired"] if one[:2] == (f"{left} less {right}", "auc difference"))
    value = dict(
        measured.filter(table_number="2", metric="auc")
        .select(pl.format("{} {}", "row_name", "repeat"), "value")
        .iter_rows()
    )
    gaps = [value[f"{left} {seed}"] - value[f"{right} {seed}"] for seed in (7, 8)]
    assert row[2] == pytest.approx(np.mean(gaps))
    short = measured.filter(~((pl.col("row_name") == left) & (pl.col("repeat") == 8)))
    with pytest.raises(ValueError, match="same seeds on both sides"):
        summarised(short, {})


def test_the_page_shows_ours_the_published_and_the_words(measured: pl.DataFrame):
    counts = dict.fromkeys(
        ("rows", "positives", "enterprises", "labelled", "labelled_positives", "transactions"), 400.0
    ) | {"default_rate": 0.57}
    figures = as_figures(measured, "simulated (p)", "honest", counts)
    text = page(figures)
    assert "[0.669]" in text
    assert "In 6 of its 6 rows F1 lies below both" in text.replace("\n", " ")
    assert "57.0% a year" in text.replace("\n", " ")
    assert "**In words.** " in text
    assert f"| {BEST} less {BOOSTED} |" in text
    assert "taiwan" not in text.split("## What the published")[1]
    counts = {"rows": 400.0, "positives": 100.0}
    assert "[0.669]" not in page(as_figures(measured, "taiwan_default", "without sex", counts))


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        ((0.01, 0.005, 0.015), "help"),
        ((-0.01, -0.015, -0.005), "hurt"),
        ((0.001, -0.01, 0.012), "make no difference beyond noise in"),
    ],
)
def test_words_follow_the_interval(measured: pl.DataFrame, gap, words):
    left = f"{BEST} less Wide & Deep"
    figures = as_figures(measured, "taiwan_default", "without sex", {"rows": 4.0, "positives": 2.0})
    its = (pl.col("row_name") == left) & (pl.col("metric") == "auc difference")
    changed = [
        pl.when(its).then(value).otherwise(pl.col(name)).alias(name)
        for name, value in zip(("mean", "low", "high"), gap, strict=True)
    ]
    assert re.search(f"Crosses {words} [^.]*Wide & Deep", page(figures.with_columns(changed)))


def test_figure_2_has_a_point_for_each_epoch_and_setting(sample: Sample, quick_epochs: None):
    epochs = list(figure_2_seed(sample, ("epochs", 4), seed=7))
    assert [figure.row_name for figure in epochs if figure.metric == "validation auc"] == [
        f"epochs {number}" for number in (1, 2, 3, 4)
    ]
    points = [*epochs, *figure_2_seed(sample, ("batch_size", 64), seed=7)]
    points += figure_2_seed(sample, ("learning_rate", 0.01), seed=7)
    figures = as_figures(as_folds({7: points}), "simulated (p)", "epochs 4", {})
    drawn = json.dumps(sensitivity(figures).to_dict())
    assert '"x": 4.0' in drawn
    assert '"x": 64.0' in drawn
    assert sensitivity(figures.filter(table_number="2")) is None


def test_pictures_are_small_and_show_each_difference(measured: pl.DataFrame):
    figures = as_figures(measured, "taiwan_default", "without sex", {})
    drawn = json.dumps(differences(figures).to_dict())
    assert all(f"{left} less {right}" in drawn for left, right in DIFFERENCES)
    assert differences(figures.filter(table_number="2")) is None
