"""A delivery says what it wrote, names its portfolio and day, and refuses in one line."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from flows.deliver import DeliverParameters
from tasks.deliver import deliver_feeds
from tasks.progress import Progress
from warehouse.errors import Refused
from warehouse.settings import settings

LAST = date(2026, 6, 30)


def test_simulated_feeds_land_in_the_home(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="nightledger")
    made = deliver_feeds.fn(source="simulated", enterprises=100, seed=5, through=LAST)
    assert made.portfolio == "simulated-100-5"
    assert made.landing == settings().landing_dir / "simulated-100-5"
    assert made.landing.is_relative_to(home)
    assert made.as_of_default == LAST
    assert made.files == sum(1 for _ in made.landing.glob("*/*"))
    assert made.rows > 10_000
    assert f"simulated-100-5  {made.rows:,} rows in {made.files} files through 2026-06-30" in caplog.text

    again = deliver_feeds.fn(source="simulated", enterprises=100, seed=5, through=date(2026, 5, 31))
    assert (again.files, again.rows, again.as_of_default) == (0, 0, LAST)
    assert "nothing new, delivered through 2026-06-30 already" in caplog.text

    with pytest.raises(Refused, match="another seed than 6"):
        deliver_feeds.fn(source="simulated", enterprises=100, seed=6, through=LAST, landing=made.landing)


def test_missing_data_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTLEDGER_DATA_DIR", str(home / "nowhere"))
    with pytest.raises(Refused, match=r"credit_purchase_invoices[.]parquet is missing"):
        deliver_feeds.fn(source="cumcm2020c")


def test_real_invoices_are_scored_on_their_last_date(
    home: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTLEDGER_DATA_DIR", str(data_dir))
    made = deliver_feeds.fn(source="cumcm2020c")
    assert (made.portfolio, made.as_of_default) == ("cumcm2020c", date(2020, 2, 21))
    assert (made.files, made.rows) == (7, 1_099_441 + 425 + 123 + 123)


def test_a_bad_size_is_refused_with_its_name(home: Path) -> None:
    with pytest.raises(Refused, match=r"enterprises: .*greater than or equal to 100"):
        deliver_feeds.fn(source="simulated", enterprises=5, through=LAST)


def test_a_last_day_goes_with_simulated_only() -> None:
    with pytest.raises(ValidationError, match="--through goes with --source simulated"):
        DeliverParameters(source="cumcm2020c", through=LAST)


def test_progress_speaks_now_and_then(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, logger="nightledger")
    clock = iter([0.0, 1.0, 6.0, 7.0, 60.0])
    monkeypatch.setattr("tasks.progress.time.perf_counter", lambda: next(clock))
    progress = Progress("deliver     simulated-100-5")
    for done in (1, 2, 3, 4):
        progress(done, 4, "2026-05")
    assert [record.getMessage() for record in caplog.records] == [
        "deliver     simulated-100-5  2026-05  50% done, about 6 s left"
    ]


def test_later_deliveries_keep_to_the_incidents_that_the_folder_began_with(home: Path) -> None:
    wanted = DeliverParameters.model_validate(
        {"enterprises": 100, "seed": 5, "history_days": 60, "incidents": {"drift_from": "2026-06-20"}}
    )
    first = deliver_feeds.fn(
        source="simulated", enterprises=100, seed=5, through=date(2026, 6, 15), world=wanted.world()
    )
    again = deliver_feeds.fn(source="simulated", enterprises=100, seed=5, through=LAST)
    assert (again.landing, again.as_of_default) == (first.landing, LAST)
    with pytest.raises(Refused, match="another history_days than 90"):
        deliver_feeds.fn(
            source="simulated", enterprises=100, seed=5, through=LAST, world={"history_days": 90}
        )
    with pytest.raises(ValidationError, match="--incidents goes with --source simulated"):
        DeliverParameters(source="cumcm2020c", incidents=wanted.incidents)
