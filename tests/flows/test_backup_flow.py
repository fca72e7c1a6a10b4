"""Real processes: a home is backed up, restored elsewhere and goes on with its nights as if nothing had happened."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb
import pytest
from night_processes import NEXT_NIGHT, TwoNights, finish, start
from test_crash import facts

from warehouse.connection import writer

pytestmark = pytest.mark.server

MODELS = "select model_family, model_version, role, artefact_sha256 from wh.ops.model_registry order by all"
CONTRIBUTIONS = "select * exclude (run_id, scored_at) from wh.scores.contributions order by all"
CHANGES = "select * exclude (run_id) from wh.scores.score_changes order by all"
RUNS = "select flow, status from wh.ops.run_ledger order by started_at"


def answers(home: Path, *queries: str) -> list[list[tuple[object, ...]]]:
    with duckdb.connect() as con:
        con.execute(f"attach '{home / 'warehouse.duckdb'}' as wh (read_only)")
        return [con.execute(query).fetchall() for query in queries]


@pytest.fixture(scope="module")
def night(two_nights: TwoNights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one night."""
    home = tmp_path_factory.mktemp("backed-up") / "home"
    return Path(shutil.copytree(two_nights.first, home, symlinks=True))


@pytest.mark.timeout(1200)  # four processes in turn, the last of them a night
def test_a_restored_home_has_the_next_night_of_the_undisturbed_home(
    two_nights: TwoNights, night: Path, tmp_path: Path
) -> None:
    shelf, restored = tmp_path / "shelf", tmp_path / "elsewhere" / "home"
    shelf.mkdir()
    line = finish(start(night, ["backup", "--to", str(shelf)])).strip()
    (folder,) = shelf.iterdir()
    assert str(folder) in line
    assert line.count("\n") == 0
    told = finish(start(restored, ["restore", "--backup", str(folder)]))
    assert "simulated-120-7  last night 2026-06-30  nights 1  scores 120" in told
    assert facts(restored) == facts(night)
    again = start(restored, ["restore", "--backup", str(folder)])
    _, error = again.communicate(timeout=120)
    assert (again.returncode, error.count("\n")) == (1, 1)
    assert error.startswith("restore refused: the home is not empty, it has ")
    finish(start(restored, NEXT_NIGHT))
    undisturbed = two_nights.both
    assert facts(restored) == facts(undisturbed)
    queries = (MODELS, CONTRIBUTIONS, CHANGES)
    assert answers(restored, *queries) == answers(undisturbed, *queries)
    assert answers(undisturbed, CHANGES) != [[]]
    assert answers(night, RUNS) == [[("nightly", "done"), ("backup", "done")]]
    assert answers(restored, RUNS) == [
        [("nightly", "done"), ("backup", "done"), ("restore", "done"), ("nightly", "done")]
    ]
    with duckdb.connect(restored / "published" / "portfolio.duckdb", read_only=True) as con:
        assert con.execute("select count(distinct as_of_date) from scores.portfolio_scores").fetchone() == (
            2,
        )


def test_a_backup_waits_for_a_night_and_then_names_it(
    night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTLEDGER_HOME", str(night))
    monkeypatch.setenv("NIGHTLEDGER_LOCK_WAIT_SECONDS", "1")
    with writer(purpose="a long night"):
        process = start(night, ["backup", "--to", str(tmp_path)])
        out, error = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "waiting up to 1 s for the warehouse" in out
    assert error.count("\n") == 1
    assert f"is held by 'a long night' (pid {os.getpid()}" in error
    assert list(tmp_path.iterdir()) == []


def test_a_refused_backup_is_one_line_and_in_the_ledger(night: Path, tmp_path: Path) -> None:
    process = start(night, ["backup", "--to", str(tmp_path / "unmounted")])
    out, error = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    assert error == (
        f"backup refused: there is no folder {tmp_path / 'unmounted'}; make it, or mount the disk that it is on\n"
    )
    with duckdb.connect(night / "published" / "portfolio.duckdb", read_only=True) as con:
        last = con.execute("select arg_max((flow, status), started_at) from ops.run_ledger").fetchone()
    assert last == (("backup", "refused"),)
