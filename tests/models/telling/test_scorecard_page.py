"""The sheet shows every bin with its points and what simplicity costs, and is one page of A4 at its largest."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.metrics import auc, log_loss
from models.scorecard.settings import ScorecardSettings
from models.telling.card import card
from models.telling.scorecard_page import ScorecardRows, costs, holds, scorecard_page, totals
from tests.chromium import LOOK, WIDTHS, Chromium, browser
from tests.models.telling.page_rows import card_rows

FIELDS = ScorecardSettings.model_fields
FEATURES, BINS = (
    next(bound.le for bound in FIELDS[name].metadata if hasattr(bound, "le"))
    for name in ("most_features", "most_bins")
)
LONG = "share_of_payments_to_the_largest_supplier"


def bins(place: int, *, intervals: int, category: bool = False) -> list[dict[str, object]]:
    kinds = ["category" if category else "interval"] * intervals + ["other"] * category + ["missing"]
    return [
        {
            "place": place, "feature": f"{LONG}_{place}_365d", "bin": number, "kind": kind,
            "lower": None if kind != "interval" or number == 1 else -12345.678 * number,
            "upper": None if kind != "interval" or number == intervals else -12345.678 * (number + 1),
            "levels": [f"line of trade <{number}>, {level}" for level in "ab"] if kind in ("category", "other") else [],
            "borrowers": 0 if kind == "other" else 100 * number, "defaults": 0 if kind == "other" else 10 * number,
            "weight_of_evidence": 0.5 - 0.1 * number, "information_value": 0.3, "direction": (None, 1, -1)[place % 3],
            "weight": 0.8, "points": 30 - 9 * number, "base_points": 562, "points_to_double": 20, "anchor_points": 600,
            "anchor_odds": 50.0, "slope_low": 0.9, "slope_high": 0.9, "intercept": -0.1,
            "business_name": "Share of payments that goes to the largest supplier, 365 days",
        }
        for number, kind in enumerate(kinds, start=1)
    ]  # fmt: skip


def rows(features: int = FEATURES, intervals: int = BINS) -> pl.DataFrame:
    whole = [
        row
        for place in range(1, features + 1)
        for row in bins(place, intervals=intervals, category=place > features - 2)
    ]
    return pl.DataFrame(whole, infer_schema_length=None)


def beside(shift: float = 0.0, count: int = 600) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    pd = rng.beta(1, 5, count)
    return pl.DataFrame(
        {"label": (rng.random(count) < pd).astype(int), "pd": pd + shift * (0.9 - pd) * rng.random(count),
         "other_pd": pd}
    )  # fmt: skip


def sheet(**changed: object) -> str:
    given = {
        "rows": rows(),
        "beside": {"wide_deep": beside(0.4), "voting_ensemble": beside(), "other": beside(0.1)},
    }
    return scorecard_page(ScorecardRows(card_rows().model, **{**given, **changed}))


def test_each_bin_is_there_with_its_points_and_names_are_escaped():
    page = sheet()
    points = re.findall(r'<td class="number">([+-]\d+)</td></tr>', page)
    assert [int(point) for point in points] == rows()["points"].to_list()
    assert "line of trade &lt;1&gt;, a" in page
    assert "<1>" not in page
    assert "begin with <b>562</b> points" in page
    assert page.count("risk rises with it") == page.count("risk falls with it") == FEATURES // 3


def test_the_cost_is_the_paired_difference_to_the_family_that_is_furthest_ahead():
    made = costs({"wide_deep": beside(0.4), "voting_ensemble": beside(), "nobody": beside()[:0]})
    assert [cost.family for cost in made] == ["wide_deep", "voting_ensemble"]
    labels, ours, theirs = (beside(0.4)[name].to_numpy() for name in ("label", "pd", "other_pd"))
    assert made[0].auc_difference.mean == pytest.approx(auc(labels, ours) - auc(labels, theirs))
    assert made[0].log_loss_difference.mean == pytest.approx(
        log_loss(labels, ours) - log_loss(labels, theirs)
    )
    assert made[0].verdict == "worse beyond noise"
    assert made[1].verdict == "no difference beyond noise"
    assert made[1].auc_difference == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)
    assert "Of the other families wide_deep is ahead of it by most" in sheet()


def test_alone_the_sheet_says_that_the_cost_is_not_known():
    assert "so it is not known" in sheet(beside={})


def test_totals_reach_from_the_worst_to_the_best_and_pds_fall():
    told = totals(rows(2, 3))
    assert [told[0]["points"], told[-1]["points"]] == [562 + 2 * (30 - 9 * 5), 562 + 2 * 21]
    pds = [row["pd"] for row in told]
    assert pds == sorted(pds, reverse=True)


def test_a_bound_is_shown_in_full():
    assert holds({"kind": "interval", "lower": 0.1, "upper": 1234567.125}) == "0.1 to below 1,234,567.125"
    assert holds({"kind": "interval", "lower": None, "upper": None}) == "any value"
    assert holds({"kind": "other", "levels": ["a", "b", "c", "d"]}) == "any other, such as a, b, c"


def test_the_card_of_a_model_links_to_its_sheet():
    assert 'href="sheet-1.html"' in card(card_rows(sheet="sheet-1.html"))
    assert "on one sheet" not in card(card_rows())


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sheet.html"
    path.write_text(sheet(), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", WIDTHS)
def test_the_sheet_is_whole_legible_and_alone(chromium: Chromium, file: Path, width: int):
    chromium.open(file, width=width)
    told = chromium.value(LOOK)
    assert told["looked"] > 10
    assert told["faults"] == told["files"] == []
    assert chromium.errors() == []
    assert chromium.requests() == [file.as_uri()]


def test_the_largest_card_prints_on_one_sheet_of_a4(chromium: Chromium, file: Path):
    chromium.open(file, width=1000)
    printed = base64.b64decode(chromium.ask("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    (width, height) = re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", printed).groups()
    assert (round(float(width)), round(float(height))) == (595, 842)  # points of A4
