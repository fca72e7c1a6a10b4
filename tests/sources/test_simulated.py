"""A delivery continues the one before it, whatever the day, the size of the portfolio or a crash between."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from feed_reading import FEEDS, LAST, read_events, read_feed, read_file

from sources.simulated import SimulationSettings, deliver


def test_three_deliveries_hold_the_rows_of_one(
    small: SimulationSettings, delivered: Path, tmp_path: Path
) -> None:
    stops = [date(2026, 3, 15), date(2026, 3, 31), LAST]
    shorter = small.model_copy(update={"history_days": small.history_days - (LAST - stops[0]).days})
    for stop in stops:
        assert deliver(shorter, tmp_path, through=stop).files
    for feed in FEEDS:
        assert read_feed(tmp_path, feed).equals(read_feed(delivered, feed)), feed
    names = {path.name for path in (tmp_path / "transactions").iterdir()}
    assert {
        "2026-02.parquet", "2026-03-01_2026-03-15.parquet", "2026-03-16_2026-03-31.parquet",
        "2026-04.parquet", "2026-05-01_2026-05-02.parquet",
    } <= names  # fmt: skip


def test_same_delivery_gives_the_same_bytes(
    small: SimulationSettings, delivered: Path, tmp_path: Path
) -> None:
    summary = deliver(small, tmp_path, through=LAST)
    for file in summary.files:
        assert (tmp_path / file.path).read_bytes() == (delivered / file.path).read_bytes(), file.path


def test_a_day_delivered_already_writes_nothing(small: SimulationSettings, tmp_path: Path) -> None:
    short = small.model_copy(update={"history_days": 30})
    deliver(short, tmp_path, through=LAST)
    for day in (LAST, LAST - timedelta(days=10)):
        again = deliver(short, tmp_path, through=day)
        assert (again.files, again.rows, again.through) == ((), 0, LAST)


def test_an_enterprise_is_the_same_in_a_smaller_portfolio(
    small: SimulationSettings, delivered: Path, tmp_path: Path
) -> None:
    deliver(small.model_copy(update={"enterprises": 100}), tmp_path, through=LAST)
    for feed in FEEDS:
        if feed == "operational_events":
            wanted, got = read_events(delivered), read_events(tmp_path)
        else:
            wanted, got = read_feed(delivered, feed), read_feed(tmp_path, feed)
        inside = wanted.filter(pl.col("enterprise_id").str.slice(1).cast(pl.Int64) < 100)
        assert got.equals(inside), feed
    truth = pl.read_parquet(delivered / "_truth.parquet").head(100)
    assert pl.read_parquet(tmp_path / "_truth.parquet").equals(truth)


def test_enterprises_beyond_the_first_thousand_differ_from_it(tmp_path: Path) -> None:
    settings = SimulationSettings(enterprises=1100, history_days=30, seed=3, dirt=0)
    deliver(settings, tmp_path, through=LAST)
    truth = pl.read_parquet(tmp_path / "_truth.parquet")
    assert truth.height == truth["enterprise_id"].n_unique() == 1100
    assert truth["latent_risk"].n_unique() > 1090


def test_a_crash_leaves_nothing_doubled(small: SimulationSettings, delivered: Path, tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def die_in_third_month(done: int, _total: int, _label: str) -> None:
        if done == 3:
            raise KilledError

    with pytest.raises(KilledError):
        deliver(small, tmp_path, through=LAST, on_progress=die_in_third_month)
    # As if the crash had come after the first of the third month's files was in place.
    unfinished = tmp_path / "outcomes" / "2026-01.csv.gz"
    unfinished.write_bytes(b"half a file")
    deliver(small, tmp_path, through=LAST)
    for feed in FEEDS:
        assert read_feed(tmp_path, feed).equals(read_feed(delivered, feed)), feed
    assert not (tmp_path / ".partial").exists()


def test_other_settings_in_the_same_folder_are_refused(small: SimulationSettings, tmp_path: Path) -> None:
    short = small.model_copy(update={"history_days": 30})
    deliver(short, tmp_path, through=LAST)
    with pytest.raises(ValueError, match="another seed than 12"):
        deliver(short.model_copy(update={"seed": 12}), tmp_path, through=LAST)


def test_a_folder_of_another_source_is_refused(small: SimulationSettings, tmp_path: Path) -> None:
    (tmp_path / "outcomes").mkdir()
    (tmp_path / "outcomes" / "a-lender.csv").write_text("enterprise_id\n")
    with pytest.raises(ValueError, match="holds files of another source"):
        deliver(small, tmp_path, through=LAST)


def test_progress_ends_at_its_total(small: SimulationSettings, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    short = small.model_copy(update={"history_days": 40})
    deliver(short, tmp_path, through=LAST, on_progress=lambda done, total, _: steps.append((done, total)))
    assert [done for done, _ in steps] == list(range(1, len(steps) + 1))
    assert {total for _, total in steps} == {len(steps)}


def test_summary_counts_what_lies_in_the_files(small: SimulationSettings, tmp_path: Path) -> None:
    summary = deliver(small.model_copy(update={"history_days": 40}), tmp_path, through=LAST)
    assert sum(1 for _ in tmp_path.glob("*/*")) == len(summary.files)
    for file in summary.files:
        assert read_file(tmp_path / file.path).height == file.rows, file.path
    assert sum(summary.rows_by_feed().values()) == summary.rows


@pytest.mark.parametrize(
    "wrong",
    [{"enterprises": 99}, {"dirt": 0.5}, {"thick_share": 0.9}, {"history_days": 1}, {"enterprise": 1000}],
)
def test_settings_out_of_bounds_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SimulationSettings(**wrong)
