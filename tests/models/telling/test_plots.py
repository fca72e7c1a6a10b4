"""A chart keeps the schema of Vega-Lite: the pages that show it are made without a look at it."""

from __future__ import annotations

import polars as pl
import pytest

from models.calibration import ReliabilityBin
from models.telling import plots

BIN = ReliabilityBin(mean_pd=0.1, default_rate=0.2, rows=10)
PUBLISHED = pl.DataFrame(
    {
        "published": [0.8], "metric": ["auc"], "protocol": ["honest"], "table_number": ["6"], "dataset": ["d"],
        "row_name": ["r"], "mean": [0.7], "low": [0.6], "high": [0.8],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    "chart",
    [
        plots.reliability({"before": [BIN], "after": [BIN]}),
        plots.importance({"age": 0.6, "size": 0.4}),
        plots.grades(pl.DataFrame({"grade": ["A1", "B1"], "enterprises": [3, 4]})),
        plots.beside_published(PUBLISHED),
    ],
    ids=["reliability", "importance", "grades", "beside_published"],
)
def test_a_chart_keeps_the_schema_and_can_be_drawn(chart):
    assert chart.to_dict()["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    assert plots.svg(chart).startswith("<svg")
