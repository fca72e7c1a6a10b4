"""Real processes: killed at random moments, two at once, with a reader open throughout."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import duckdb
import polars as pl
import pytest
from night_processes import NEXT_NIGHT, NIGHT, TwoNights, delivered_home, finish, start
from polars.testing import assert_frame_equal

pytestmark = pytest.mark.server

KILLS = 4
FACTS = {
    "scores": "select * exclude (run_id, scored_at) from wh.scores.portfolio_scores order by all",
    "features": "from wh.features.feat_enterprise order by as_of_date, enterprise_id",
    "files": "select path, file_hash, status, delivered, loaded, quarantined, exact_duplicates"
    " from wh.ops.file_ledger order by path",
    "quarantine": "select path, file_row, rule from wh.ops.quarantine order by all",
    "transactions": "select count(*), count(distinct (transaction_id, known_at)), sum(amount) from wh.raw.transactions",
    "events": "select count(*), count(distinct (event_id, known_at)) from wh.raw.operational_events",
}
# what a night leaves apart from its runs and the moments at which it wrote
LEFT = (
    "scores.portfolio_scores", "scores.contributions", "scores.score_changes", "scores.pd_curves",
    "scores.loan_stages", "scores.scenario_curves", "scores.expected_credit_losses",
    "ops.monitoring", "ops.alerts", "ops.fairness", "ops.bin_counts",
    "marts.mart_portfolio_latest", "marts.mart_portfolio_summary", "marts.mart_score_changes", "marts.mart_migration",
    "marts.mart_early_warning", "marts.mart_watch_list", "marts.mart_pd_curve", "marts.mart_allowance_changes",
    "features.feat_enterprise",
)  # fmt: skip
STAMPS = {"run_id", "scored_at", "recorded_at"}


def facts(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Read everything that must not depend on how often the night was killed."""
    with duckdb.connect() as con:
        con.execute(f"attach '{home / 'warehouse.duckdb'}' as wh (read_only)")
        return {name: con.execute(query).fetchall() for name, query in FACTS.items()}


def kill_after(process: subprocess.Popen[str], line: str) -> None:
    """Kill a night with all its threads as soon as it has printed the line of a step."""
    assert process.stdout is not None
    printed = []
    for text in process.stdout:
        printed.append(text)
        if line in text:
            break
    os.killpg(process.pid, signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, "".join(printed) + err


def left_in(file: Path) -> dict[str, pl.DataFrame]:
    """Read what a night leaves in a warehouse or in a published copy, without its runs, in an order of its own."""
    frames = {}
    with duckdb.connect() as con:
        con.execute(f"attach '{file}' as wh (read_only)")
        for relation in LEFT:
            frame = con.execute(f"from wh.{relation}").pl()
            kept = [name for name in frame.columns if name not in STAMPS]
            frames[relation] = frame.select(pl.col(kept).sort_by(pl.struct(kept)))
    return frames


def pages(home: Path) -> dict[str, str]:
    """Read the report and the cards of a home, without the keys of runs, which differ."""
    files = sorted((home / "reports").rglob("*.html"))
    return {file.name: re.sub(r"\d{8}T\d{6}-nightly-[0-9a-f]{6}", "RUN", file.read_text()) for file in files}


class Reader(threading.Thread):
    """An analyst who asks the published copy again and again."""

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self.file = home / "published" / "portfolio.duckdb"
        self.stop = threading.Event()
        self.answers: list[tuple[int, int]] = []
        self.errors: list[str] = []

    def run(self) -> None:
        while not self.stop.wait(0.2):
            if not self.file.exists() and not self.answers:
                continue
            try:
                with duckdb.connect(self.file, read_only=True) as con:
                    query = "select count(*), count(distinct enterprise_id) from scores.portfolio_scores"
                    self.answers.append(con.execute(query).fetchone())  # type: ignore[arg-type]
            except duckdb.Error as error:
                self.errors.append(str(error))


@pytest.mark.timeout(1200)  # six starts of a night: ten minutes and more where all else is busy
def test_killed_again_and_again_loses_nothing_and_doubles_nothing(
    two_nights: TwoNights, tmp_path: Path
) -> None:
    dice = random.Random(20260630)
    homes = [tmp_path / "a", tmp_path / "b"]  # a first night, and one that others came before
    delivered_home(homes[0])
    shutil.copytree(two_nights.first, homes[1], symlinks=True)
    nights, references = [NIGHT, NEXT_NIGHT], [two_nights.first, two_nights.both]
    readers = [Reader(home) for home in homes]
    for reader in readers:
        reader.start()
    ended = []
    for kill in range(KILLS):
        process = start(homes[kill % 2], nights[kill % 2])
        # a start without work to do takes about a third of the first night, so later kills come sooner
        time.sleep(dice.uniform(0.15, 0.95) * two_nights.seconds[kill % 2] * (1.0 if kill < 2 else 0.7))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        ended.append(process.returncode)
    for home, night in zip(homes, nights, strict=True):
        finish(start(home, night))
    for reader in readers:
        reader.stop.set()
        reader.join()
    assert ended.count(-signal.SIGKILL) >= KILLS // 2, f"most nights must die, not end: {ended}"
    for number, (home, reader) in enumerate(zip(homes, readers, strict=True), start=1):
        assert facts(home) == facts(references[number - 1])
        assert reader.errors == []
        assert set(reader.answers) <= {(120 * before, 120) for before in range(1, number + 1)}
        assert reader.answers[-1] == (120 * number, 120)
        with duckdb.connect(home / "published" / "portfolio.duckdb", read_only=True) as con:
            status = dict(con.execute("select status, count(*) from ops.run_ledger group by all").fetchall())
        assert set(status) <= {"done", "aborted"}
        assert status["done"] >= number


def test_a_night_killed_after_its_scores_goes_on_from_them_and_ends_as_if_undisturbed(
    two_nights: TwoNights, tmp_path: Path
) -> None:
    reference, home = two_nights.both, tmp_path / "killed"
    shutil.copytree(two_nights.first, home, symlinks=True)
    kill_after(start(home, NEXT_NIGHT), "changes     ")
    kill_after(start(home, NEXT_NIGHT), "publish     ")
    with duckdb.connect(home / "published" / "portfolio.duckdb", read_only=True) as con:
        runs = con.execute("select run_id, status from ops.run_ledger order by run_id").fetchall()
    assert [status for _, status in runs] == ["done", "published", "running"]
    out = finish(start(home, NEXT_NIGHT))
    scored = runs[1][0]
    assert f"goes on from {scored} (published), whose scores are kept" in out
    assert "validate    " not in out
    with duckdb.connect(home / "published" / "portfolio.duckdb", read_only=True) as con:
        runs = con.execute("select run_id, status, message from ops.run_ledger order by run_id").fetchall()
        wrote = con.execute(
            "select distinct run_id from scores.portfolio_scores where as_of_date = '2026-07-01'"
        ).fetchall()
    assert wrote == [(scored,)]
    assert [row[1:] for row in runs] == [
        ("done", "scores committed"),
        ("done", f"its process ended after its scores were written; finished by {runs[3][0]}"),
        ("aborted", "its process ended without a word; safe to run again"),
        ("done", f"went on from {scored}, whose scores are kept"),
    ]
    assert facts(home) == facts(reference)
    for file in ("warehouse.duckdb", "published/portfolio.duckdb"):
        expected, ours = left_in(reference / file), left_in(home / file)
        for relation in LEFT:
            assert_frame_equal(ours[relation], expected[relation])
        assert expected["scores.score_changes"].height > 0
        assert expected["ops.monitoring"].height > 0
    assert pages(home) == pages(reference)
    assert "report-2026-07-01.html" in pages(home)


def test_two_nights_at_once_write_the_same_rows_once(two_nights: TwoNights, tmp_path: Path) -> None:
    home = tmp_path / "both"
    shutil.copytree(two_nights.first, home, symlinks=True)
    first, second = start(home, NEXT_NIGHT), start(home, NEXT_NIGHT)
    finish(first)
    finish(second)
    assert facts(home) == facts(two_nights.both)
    with duckdb.connect(home / "published" / "portfolio.duckdb", read_only=True) as con:
        runs = con.execute(
            "select status, started_at, finished_at from ops.run_ledger order by started_at"
        ).fetchall()
    assert [status for status, *_ in runs] == ["done"] * 3
    assert runs[1][2] <= runs[2][1], "the second night starts when the first has ended"


def test_the_second_night_refuses_after_its_wait_and_names_the_holder(
    two_nights: TwoNights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from warehouse.connection import writer

    home = tmp_path / "held"
    shutil.copytree(two_nights.first, home, symlinks=True)
    monkeypatch.setenv("NIGHTLEDGER_HOME", str(home))
    monkeypatch.setenv("NIGHTLEDGER_LOCK_WAIT_SECONDS", "1")
    with writer(purpose="a long backfill"):
        process = start(home)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert err.count("\n") == 1
    assert "'a long backfill'" in err
    assert f"pid {os.getpid()}" in err
