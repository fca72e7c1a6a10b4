"""Nights on a lake, of two lenders at once, on threads and on Dask: the rows of a file; and a database that stops."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from night_processes import NEXT_NIGHT, ROOT, TwoNights, delivered_home, finish, start
from polars.testing import assert_frame_equal
from test_crash import LEFT, STAMPS, left_in

from tests.postgres import Postgres, as_a_user
from warehouse.connection import reader
from warehouse.publishing.published import ask

pytestmark = [pytest.mark.server, pytest.mark.timeout(1500)]

# a mean that is rounded to nine decimals falls either way where it lies on a tie (docs/decisions/0087)
ROUNDED = 1.1e-9


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("postgres"), ["one", "two"])
    yield server
    server.stop()


class Lender:
    """A lender whose warehouse is a lake: its home, and what a night of it is started with."""

    def __init__(self, home: Path, catalogue: str) -> None:
        self.home = home
        self.settings = {"NIGHTLEDGER_HOME": str(home), "NIGHTLEDGER_CATALOGUE": catalogue}

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**self.settings, **settings}.items():
                patch.setenv(name, value)
            return start(self.home, list(arguments)) if arguments else start(self.home)

    @contextmanager
    def at_home(self) -> Iterator[None]:
        """Give this process the settings of the lender."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.settings.items():
                patch.setenv(name, value)
            yield

    def published(self) -> dict[str, pl.DataFrame]:
        """Read what is published as `left_in` reads it in a file."""
        frames = {}
        with self.at_home(), reader() as con:
            for relation in LEFT:
                frame = con.execute(f"from {relation}").pl()
                kept = [name for name in frame.columns if name not in STAMPS]
                frames[relation] = frame.select(pl.col(kept).sort_by(pl.struct(kept)))
        return frames

    def scores(self) -> int:
        """Count the published scores."""
        with self.at_home():
            return int(ask("select count(*) as n from scores.portfolio_scores")["n"].item())

    def runs(self) -> list[tuple[str, str]]:
        """Read how the nights of the lender ended, in the order of their starts."""
        with self.at_home():
            return ask(
                "select cast(as_of_date as varchar), status from ops.run_ledger order by run_id"
            ).rows()


@pytest.fixture(scope="module")
def on_file(two_nights: TwoNights) -> dict[str, dict[str, pl.DataFrame]]:
    """What one night and then the next one publish on a file and threads."""
    homes = {"first": two_nights.first, "next": two_nights.both}
    return {name: left_in(home / "published" / "portfolio.duckdb") for name, home in homes.items()}


@pytest.fixture(scope="module")
def lenders(
    prefect_session: None, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> list[Lender]:
    """Two lenders with a database each of one PostgreSQL, whose first nights ran at once: on threads, and on Dask."""
    both = [
        Lender(delivered_home(tmp_path_factory.mktemp(name)), postgres.catalogue(name))
        for name in ("one", "two")
    ]
    for process in [both[0].start(), both[1].start(NIGHTLEDGER_DASK="local")]:
        finish(process)
    return both


def assert_same(published: dict[str, pl.DataFrame], expected: dict[str, pl.DataFrame]) -> None:
    """Compare to the bit, but features to the last decimal that they are rounded to."""
    for relation in LEFT:
        rounded = relation.startswith("features.")
        assert_frame_equal(
            published[relation], expected[relation], check_exact=not rounded, rel_tol=0, abs_tol=ROUNDED
        )


def test_first_nights_of_two_lenders_at_once_train_and_leave_the_rows_of_a_file(lenders, on_file):
    for lender in lenders:
        assert_same(lender.published(), on_file["first"])
        assert not (lender.home / "published").exists()


def test_two_nights_of_one_lender_at_once_on_dask_write_the_same_rows_once(lenders, on_file):
    lender = lenders[0]
    first = lender.start(*NEXT_NIGHT, NIGHTLEDGER_DASK="local")
    second = lender.start(*NEXT_NIGHT, NIGHTLEDGER_DASK="local")
    heights = {frames["scores.portfolio_scores"].height for frames in on_file.values()}
    while first.poll() is None:  # readers meet neither a lock nor half a night
        assert lender.scores() in heights
        time.sleep(5)  # a look takes a good part of a core, which the nights need
    finish(first)
    finish(second)
    assert_same(lender.published(), on_file["next"])
    assert [status for _, status in lender.runs()] == ["done"] * 3


def test_a_database_that_stops_ends_the_night_in_one_line_and_the_next_start_goes_on(
    lenders, on_file, postgres
):
    lender = lenders[1]
    night = lender.start(*NEXT_NIGHT)
    assert night.stdout is not None
    for line in night.stdout:
        if "score       " in line:
            break
    postgres.stop()
    out, err = night.communicate(timeout=300)
    assert night.returncode == 1, out + err
    (told,) = [line for line in err.splitlines() if line.startswith("nightly ")]
    assert "nothing is half written; run it again when it answers" in told
    # who starts meanwhile waits for it, and no longer than it may
    refused = lender.start(*NEXT_NIGHT, NIGHTLEDGER_LOCK_WAIT_SECONDS="1")
    _, err = refused.communicate(timeout=300)
    assert refused.returncode == 1
    assert err.count("\n") == 1
    assert "the database of the catalogue does not answer (Connection refused)" in err
    waiting = lender.start(*NEXT_NIGHT)
    assert waiting.stdout is not None
    told = next(line for line in waiting.stdout if "waiting" in line)
    assert "waiting up to 600 s: the database of the catalogue does not answer" in told
    postgres.start()
    finish(waiting)
    assert_same(lender.published(), on_file["next"])
    assert [status for _, status in lender.runs()] == ["done", "aborted", "done"]


def test_one_command_starts_a_lake_of_its_own_and_ends_it(tmp_path):
    command = [*as_a_user(), sys.executable, "-m", "flows", "lake", "check"]
    environment = os.environ | {"NIGHTLEDGER_HOME": str(tmp_path)}
    for _ in range(2):  # the second time it is there
        ended = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert ended.stdout.startswith("warehouse  sound ")
        assert not (tmp_path / "catalogue" / "postmaster.pid").exists()
