"""The record of a paper's figures: one experiment replaced, the others kept, read back as they were written."""

from __future__ import annotations

from datetime import datetime

import polars as pl
from polars.testing import assert_frame_equal

from papers.record import kept_figures


def figures(dataset: str, *means: float, protocol: str = "honest") -> pl.DataFrame:
    count = len(means)
    return pl.DataFrame(
        {
            "paper": ["voting-ensemble"] * count,
            "dataset": [dataset] * count,
            "protocol": [protocol] * count,
            "table_number": ["4"] * count,
            "row_name": [f"row {number}" for number in range(count)],
            "metric": ["auc"] * count,
            "mean": means,
            "low": [None] * count,
            "high": [None] * count,
            "published": [None] * count,
            "repeats": [1] * count,
            "run_id": ["r"] * count,
            "recorded_at": [datetime(2026, 6, 30, 2, 30)] * count,
        }
    )


def test_one_experiment_is_replaced_whole_and_the_others_stay(tmp_path):
    kept_figures(figures("Polish 1", 0.9, 0.8), docs=tmp_path, paper="p")
    kept_figures(figures("Australian", 0.7), docs=tmp_path, paper="p")
    kept_figures(figures("Polish 1", 0.6, protocol="leaky"), docs=tmp_path, paper="p")
    last = kept_figures(figures("Polish 1", 0.95), docs=tmp_path, paper="p")
    assert last.select("dataset", "protocol", "mean").rows() == [
        ("Australian", "honest", 0.7),
        ("Polish 1", "honest", 0.95),
        ("Polish 1", "leaky", 0.6),
    ]


def test_the_same_figures_again_change_nothing(tmp_path):
    first = kept_figures(figures("Polish 1", 0.123456789, 0.8), docs=tmp_path, paper="p")
    text = (tmp_path / "figures" / "p.csv").read_text()
    assert_frame_equal(kept_figures(figures("Polish 1", 0.123456789, 0.8), docs=tmp_path, paper="p"), first)
    assert (tmp_path / "figures" / "p.csv").read_text() == text
    assert first["mean"].to_list() == [0.123457, 0.8]
    assert first["low"].null_count() == 2


def test_an_experiment_may_be_named_without_its_protocol(tmp_path):
    name = ("dataset", "table_number")
    kept_figures(figures("a", 0.5, protocol="5 folds"), docs=tmp_path, paper="p", experiment=name)
    last = kept_figures(figures("a", 0.6, protocol="10 folds"), docs=tmp_path, paper="p", experiment=name)
    assert last["protocol"].to_list() == ["10 folds"]
