"""A disk that is really full: in the middle of a night, of a publication, of the making of a warehouse."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from warehouse import ledger
from warehouse.connection import clean_home, writer
from warehouse.publishing import publish
from warehouse.settings import settings
from warehouse.shortage import shortage

ROOT = Path(__file__).parents[2]
NIGHT = ["nightly", "--source", "simulated", "--enterprises", "120", "--as-of", "2026-06-30"]


def grow(folder: Path, size: str) -> None:
    """Give a file system in memory another size."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def run_night(home: Path) -> subprocess.CompletedProcess[str]:
    """Run a night in a process of its own, on the server of the session."""
    from prefect.settings import PREFECT_API_URL

    env = os.environ | {"NIGHTLEDGER_HOME": str(home), "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    return subprocess.run(
        [sys.executable, "-m", "flows", *NIGHT],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def strange_modes(home: Path) -> list[str]:
    """Return what in the home somebody else may read."""
    return [
        f"{path.stat().st_mode & 0o777:o} {path}"
        for path in (home, *home.rglob("*"))
        if not path.is_symlink() and path.stat().st_mode & 0o777 != (0o700 if path.is_dir() else 0o600)
    ]


@pytest.mark.server
def test_a_night_that_filled_the_disk_ends_in_one_line_and_runs_through_with_more_space(
    prefect_session: None, mounted: Callable[[str], Path]
) -> None:
    folder = mounted("size=12m")
    home = folder / "var"
    ended = run_night(home)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"nightly failed: no space left in {home} (")
    assert ended.stderr.count("\n") == 1
    assert "Traceback" not in ended.stdout
    grow(folder, "300m")
    again = run_night(home)
    assert (again.returncode, again.stderr) == (0, "")
    assert (
        not list(home.glob("published/.portfolio-*")) + list(home.glob("runs/*")) + list(home.glob("spill/*"))
    )
    assert strange_modes(home) == []
    with duckdb.connect(home / "published" / "portfolio.duckdb", read_only=True) as con:
        assert con.execute("select count(*) from scores.portfolio_scores").fetchone()[0] >= 120
        statuses = con.execute("select status from ops.run_ledger order by run_id").fetchall()
    assert statuses[-1] == ("done",)
    assert ("running",) not in statuses


@pytest.mark.parametrize("kibibytes", [0, 4, 8, 12, 40])
def test_a_warehouse_that_did_not_fit_is_made_again(
    mounted: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, kibibytes: int
) -> None:
    folder = mounted("size=1m")
    home = folder / "var"
    monkeypatch.setenv("NIGHTLEDGER_HOME", str(home))
    clean_home()
    fill(folder, leave=kibibytes * 1024)
    with pytest.raises((duckdb.Error, OSError)) as failed, writer(purpose="night"):
        pass
    assert "no space left in" in str(shortage(failed.value, settings()))
    grow(folder, "200m")
    with writer(purpose="next night") as con:
        assert con.execute("from wh.marts.mart_portfolio_latest").fetchall() == []
    assert sorted(path.name for path in home.iterdir()) == ["spill", "warehouse.duckdb", "warehouse.lock"]


def test_a_publication_that_filled_the_disk_is_removed_by_the_next_start(
    mounted: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = mounted("size=200m")
    home = folder / "var"
    monkeypatch.setenv("NIGHTLEDGER_HOME", str(home))
    with writer(purpose="night") as con:
        ledger.start_run(con, flow="nightly", portfolio="p", as_of_date=None)
        publish.publish(con, "r1")
    before = settings().published_file.read_bytes()
    script = (
        "import sys\nfrom warehouse.publishing import publish\nfrom warehouse.connection import writer\n"
        "with writer(purpose='publish') as con:\n"
        "    print('open', flush=True)\n    sys.stdin.readline()\n"
        "    publish.publish(con, 'r2')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    fill(folder, leave=len(before) // 2)
    _, error = process.communicate("\n")
    assert "No space left on device" in error
    assert settings().published_file.read_bytes() == before
    free = os.statvfs(folder).f_bavail
    clean_home()
    assert not list(settings().published_dir.glob(".portfolio-*"))
    assert os.statvfs(folder).f_bavail >= free
    (folder / "filler").unlink()
    with writer(purpose="next night") as con:
        publish.publish(con, "r3")
    with duckdb.connect(settings().published_file, read_only=True) as con:
        assert con.execute("select flow from ops.run_ledger").fetchall() == [("nightly",)]


def fill(folder: Path, *, leave: int) -> None:
    """Fill a file system but for so many bytes."""
    disk = os.statvfs(folder)
    with (folder / "filler").open("wb") as file:
        file.write(b"x" * max(0, disk.f_bavail * disk.f_frsize - leave))
