"""The tables of the SBA's nights: loans of the quarter alone, and no recalibration knows more than its night."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.sba import DAYS, QUARTERS, of_quarter, quarter
from benchmarks.sba_figures import ratio, share
from benchmarks.sba_tables import cohort_rows, recalibrations


@pytest.fixture
def cohorts() -> dict[int, pl.DataFrame]:
    """Two hundred loans a quarter, with twice as many defaults as the PDs tell."""
    rng, frames = np.random.default_rng(3), []
    for day in QUARTERS:
        raw = rng.uniform(0.01, 0.2, 200)
        frames.append(
            pl.DataFrame(
                {
                    "as_of_date": [day] * 200,
                    "pd_raw": raw,
                    "pd": raw,
                    "label": (rng.random(200) < 2 * raw) * 1,
                }
            )
        )
    return {24: pl.concat(frames)}


def test_a_quarter_begins_on_its_first_day() -> None:
    assert [quarter(day) for day in QUARTERS[:2]] == [date(2005, 1, 1), date(2005, 4, 1)]
    frame = pl.DataFrame({"ledger_days_since_last": [0, 89, 90]})
    assert of_quarter(frame, date(2005, 3, 31))["ledger_days_since_last"].to_list() == [0, 89]


def test_intervals_are_the_exact_ones() -> None:
    assert share(0, 100) == "0.0% (0.0% to 3.6%)"
    assert share(0, 0) == "no loan"
    assert ratio(10, 5.0) == "2.00 (0.96 to 3.68)"  # Garwood: 4.795 to 18.390 for a count of 10
    assert ratio(0, 2.0) == "0.00 (0.00 to 1.84)"


def test_only_the_loans_of_the_nights_own_quarter_are_of_its_cohort(tmp_path: Path) -> None:
    night = date(2006, 3, 31)
    names = ["now", "before", "last"]
    said = {"as_of_date": [night] * 3, "enterprise_id": names, "pd": [0.1] * 3, "label": [1, 0, 0]}
    pl.DataFrame(said).write_parquet(tmp_path / "said-24.parquet")
    days = [date(2006, 1, 1), date(2005, 12, 31), night]
    loans = pl.DataFrame({"enterprise_id": names, "part": ["block"] * 3, "disbursed_on": days})
    assert cohort_rows(tmp_path, loans, 24)["enterprise_id"].to_list() == ["now", "last"]


def test_a_recalibration_knows_only_quarters_whose_windows_are_closed(
    cohorts: dict[int, pl.DataFrame],
) -> None:
    told = list(recalibrations(cohorts))
    first = QUARTERS[0] + timedelta(days=DAYS[24])
    assert [line[0] for line in told] == [str(day) for day in QUARTERS if day >= first]
    night = told[2][0]
    later = pl.col("as_of_date") + pl.duration(days=DAYS[24]) > pl.lit(night).str.to_date()
    own = pl.col("as_of_date") == pl.lit(night).str.to_date()
    other = cohorts[24].with_columns(label=pl.when(later & ~own).then(1 - pl.col("label")).otherwise("label"))
    assert list(recalibrations({24: other}))[2] == told[2]


def test_a_recalibration_learns_the_level(cohorts: dict[int, pl.DataFrame]) -> None:
    last = list(recalibrations(cohorts))[-1]
    before, after, defaults = float(last[5]), float(last[6]), int(last[7])
    assert abs(after - defaults) < abs(before - defaults)
    assert after == pytest.approx(2 * before, rel=0.25)
