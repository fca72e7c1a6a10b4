"""An incident changes the rows that it names, on the days that it names, however the deliveries are cut."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from feed_reading import FEEDS, LAST, read_feed
from pydantic import ValidationError

from sources.simulated import SimulationSettings, deliver
from sources.simulated_incidents import Incidents

KEY = ["transaction_id", "voided"]
OUTAGE = Incidents(
    outage_feed="transactions", outage_from=date(2026, 4, 10), outage_through=date(2026, 4, 14)
)


def test_a_drift_halves_the_amounts_from_its_day_on_and_nothing_else(
    small: SimulationSettings, delivered: Path, tmp_path: Path
) -> None:
    deliver(
        small.model_copy(update={"incidents": Incidents(drift_from=date(2026, 4, 1))}), tmp_path, through=LAST
    )
    rows = (
        read_feed(delivered, "transactions")
        .unique(KEY)
        .join(read_feed(tmp_path, "transactions").unique(KEY), on=KEY)
        .filter(pl.col("amount").is_not_null() & pl.col("amount_right").is_not_null())
    )
    late = rows["occurred_at"].str.slice(0, 10) >= "2026-04-01"
    ratio = rows["amount_right"].cast(pl.Float64) / rows["amount"].cast(pl.Float64)
    assert 0 < late.sum() < rows.height
    assert (ratio.filter(~late) == 1).all()
    sizeable = late & (rows["amount"].cast(pl.Float64).abs() >= 10)
    assert (ratio.filter(sizeable) - 0.5).abs().max() < 0.001
    for feed in set(FEEDS) - {"transactions"}:
        assert read_feed(tmp_path, feed).equals(read_feed(delivered, feed)), feed


def test_what_an_outage_holds_up_arrives_the_day_after_it_all_at_once(
    small: SimulationSettings, tmp_path: Path
) -> None:
    settings = small.model_copy(update={"incidents": OUTAGE, "dirt": 0.0})
    first = date(2026, 4, 9)
    shorter = settings.model_copy(update={"history_days": settings.history_days - (LAST - first).days})
    daily, whole = tmp_path / "daily", tmp_path / "whole"
    day = first
    while day <= LAST:
        deliver(shorter, daily, through=day)
        day += timedelta(days=1)
    deliver(settings, whole, through=LAST)
    for feed in FEEDS:
        assert read_feed(daily, feed).equals(read_feed(whole, feed)), feed
    names = {path.name for path in (daily / "transactions").iterdir()}
    assert not names & {f"2026-04-{day}_2026-04-{day}.parquet" for day in range(10, 15)}
    known = read_feed(daily, "transactions")["known_at"].str.slice(0, 10)
    assert not known.is_in([f"2026-04-{day}" for day in range(10, 15)]).any()
    usual = known.filter(known == "2026-04-09").len()
    assert known.filter(known == "2026-04-15").len() > 3 * usual > 0


@pytest.mark.parametrize(
    "asked",
    [
        {"outage_feed": "transactions"},
        {"outage_from": date(2026, 4, 10), "outage_through": date(2026, 4, 14)},
        {**OUTAGE.model_dump(exclude_none=True), "outage_through": date(2026, 4, 9)},
        {"drift_from": date(2026, 4, 1), "drift_factor": 0},
        {"outage_feed": "enterprises", "outage_from": LAST, "outage_through": LAST},
    ],
)
def test_half_an_incident_is_refused(asked: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Incidents.model_validate(asked)
