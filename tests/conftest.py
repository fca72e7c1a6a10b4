"""Fixtures for all rooms: a home of its own for each test, the folder of real data, one Prefect server a session."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from warehouse.connection import writer
from warehouse.settings import settings

PREFECT_HOME = tempfile.TemporaryDirectory(prefix="nightledger-prefect-", ignore_cleanup_errors=True)

# Prefect reads these when it is imported: no telemetry, no start-up time limit that a busy machine breaks,
# and never the developer's own profile.
os.environ.update(
    DO_NOT_TRACK="1",
    PREFECT_HOME=PREFECT_HOME.name,
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="180",
    PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW="ignore",
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE="100",
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE="100",
    PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE="100",
)

# an example that waits for a busy machine has not failed
hypothesis_settings.register_profile("any machine", deadline=None)
hypothesis_settings.load_profile("any machine")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A NIGHTLEDGER_HOME that no other test sees."""
    monkeypatch.setenv("NIGHTLEDGER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a warehouse that was opened once: all is created, nothing is in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(tmp_path_factory.mktemp("empty")))
        with writer(purpose="test"):
            pass
        return settings().warehouse_file


@pytest.fixture
def opened_home(home: Path, empty_warehouse: Path) -> Path:
    """A home with a warehouse: the test's own, or else an empty one, copied since creating one takes longer."""
    if not settings().warehouse_file.exists():
        home.mkdir(exist_ok=True)
        shutil.copy(empty_warehouse, settings().warehouse_file)
    return home


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of public data sets; tests that need it are skipped where it is missing."""
    folder = os.environ.get("NIGHTLEDGER_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set NIGHTLEDGER_DATA_DIR to the folder of public data sets to run this test")
    return Path(folder)


@pytest.fixture(scope="session")
def prefect_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of the database that the one Prefect server of the session made, before any run: copies start sooner.

    The server works without the second that heartbeats add to each flow run.
    """
    from prefect.settings import (
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_SERVER_DATABASE_CONNECTION_URL,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness

    made = tmp_path_factory.mktemp("prefect") / "prefect.db"
    with (
        prefect_test_harness(server_startup_timeout=180),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        served = str(PREFECT_SERVER_DATABASE_CONNECTION_URL.value()).removeprefix("sqlite+aiosqlite:///")
        with closing(sqlite3.connect(served)) as theirs, closing(sqlite3.connect(made)) as ours:
            theirs.backup(ours)
        yield made


@pytest.fixture(scope="session")
def prefect_session(prefect_database: Path) -> None:
    """One Prefect server for the whole session."""
