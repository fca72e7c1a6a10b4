"""The page of a stress tells each loss as text, by hostile names too, and is whole and legible in a browser."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.stress import Path as Months
from models.stress import StressSettings
from models.stress_losses import losses
from models.telling.pages import MissingFigureError
from models.telling.stress_page import StressRows, stress_page
from tests.chromium import LOOK, WIDTHS, browser

GRADES = ("A1", "A2", "B1", "B2", "C1", "C2", "D1", "D2", "E1", "E2", "in default", "no grade")
SECTORS = (
    "trade",
    "manufacturing",
    "professional, scientific and technical services",
    "<b>farming</b>",
    None,
)
NIGHT = date(2026, 6, 30)


def rows(*, paths: bool = True, exposure: int | None = 5_000_000_00) -> StressRows:
    draws = np.random.default_rng(18)
    borrowers = pl.DataFrame(
        [
            {
                "enterprise_id": f"E{n:03d}",
                "grade": GRADES[n % 12],
                "industry_primary": SECTORS[n % 5],
                "in_default": n % 12 == 10,
                "pd": None if n % 12 == 11 else 0.002 * 1.7 ** (n % 12),
                "exposure_cents": None
                if n % 17 == 3 or exposure is None
                else int(exposure * draws.uniform()),
                "cumulative_pd": None,
            }
            for n in range(240)
        ],
        schema_overrides={"cumulative_pd": pl.List(pl.Float64), "exposure_cents": pl.Int64},
    )
    how = StressSettings(lgd=0.45)
    months = [
        Months("base", 0.6, (0.0,) * 36),
        Months("better", 0.15, (0.7,) * 36),
        Months("severe & long <i>slump</i>", 0.25, (-1.5,) * 36),
    ]
    found = losses(borrowers, how, months if paths else [])
    run = {
        "basel": None, "correlation": 0.15, "lgd": 0.45, "ead_factor": 1.0, "factor": how.severity, "level": how.level,
        "scenarios_decided_on": date(2026, 6, 15) if paths else None, "horizon_months": 36 if paths else None,
        "without_curve": found.without_curve, "effective_number": found.effective_number,
    }  # fmt: skip
    cells = found.cells.with_columns(
        exposure=pl.col("exposure_cents") / 100, exposure_without_pd=pl.col("exposure_without_pd_cents") / 100
    )
    return StressRows("lender", NIGHT, run, cells)


def test_the_figures_stand_in_the_page_as_text():
    page = stress_page(rows())
    assert "asset correlation\n0.15" in page
    assert "In the severe year the factor is -3.09" in page
    assert "20 borrowers are in default already" in page
    assert "No loss is known of 20 borrowers without a PD (exposure " in page
    assert "In 99.90% of years a portfolio of many small loans" in page
    assert "decided on 2026-06-15" in page
    assert "<b>farming</b>" not in page
    assert "severe &amp; long &lt;i&gt;slump&lt;/i&gt;" in page
    assert "sector unknown" in page


def test_without_scenarios_the_page_says_nothing_of_them():
    page = stress_page(rows(paths=False))
    assert "delivered" not in page.split("<h2>By scenario")[0].split("<h1>")[1]
    assert "have no curve" not in page


def test_a_portfolio_without_any_known_exposure_has_a_page():
    page = stress_page(rows(exposure=None))
    assert "as concentrated as\n0 equal loans" in page


def test_a_missing_parameter_makes_no_page():
    found = rows()
    with pytest.raises(MissingFigureError):
        stress_page(StressRows("lender", NIGHT, {**found.run, "lgd": None}, found.cells))


@pytest.mark.parametrize("paths", [True, False])
def test_it_is_whole_legible_and_alone_in_a_browser(paths, tmp_path: Path):
    file = tmp_path / "stress.html"
    file.write_text(stress_page(rows(paths=paths)), encoding="utf-8")
    with browser(tmp_path) as chromium:
        for width in WIDTHS:
            chromium.open(file, width=width)
            assert chromium.value(LOOK)["faults"] == []
            chromium.value("document.querySelectorAll('details').forEach(part => { part.open = true })")
            told = chromium.value(LOOK)
            assert (told["faults"], told["files"]) == ([], [])
            assert chromium.errors() == []
            assert chromium.requests() == [file.as_uri()]
            assert chromium.value("document.scripts.length") == 0
            chromium.picture(tmp_path / f"{width}.png")
