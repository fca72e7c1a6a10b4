"""Every way out of a command that did not end well: one line on standard error, what to do, exit code 1."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows import publish
from flows.__main__ import main
from warehouse.connection import writer
from warehouse.settings import settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ends_with(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Callable[[], object]], str]:
    """Runs the command publish with other work in it, and returns the one line that it ended with."""

    def run(work: Callable[[], object]) -> str:
        def flow(run: publish.PublishParameters) -> None:
            work()

        flow.fn = flow  # type: ignore[attr-defined]
        monkeypatch.setattr(publish, "publish", flow)
        flow.__annotations__["run"] = publish.PublishParameters
        assert main(["publish"]) == 1
        shown = capsys.readouterr().err
        assert shown.count("\n") == 1
        assert "Traceback" not in shown
        return shown.removesuffix("\n")

    return run


def work_in(query: str) -> Callable[[], object]:
    """Return work that runs a query in the warehouse."""

    def work() -> None:
        with writer(purpose="work") as con:
            con.execute(query)

    return work


def fail(error: BaseException, because: BaseException | None = None) -> Callable[[], object]:
    """Return work that raises the error, caused by another."""

    def work() -> None:
        raise error from because

    return work


NO_SPACE = (
    r"publish failed: no space left in .*home \(\d+ MB free\): free some and run it again; nothing is .*"
)
LISTS = "select list(md5(i::varchar)) as words from range(3000000) r(i)"
DISTINCT = (
    "select count(*) from (select distinct md5(i::varchar), md5((3 * i)::varchar) from range(2000000) r(i))"
)


@pytest.mark.parametrize(
    ("error", "because"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), None),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), None),
        (RuntimeError("a task failed"), OSError(errno.ENOSPC, "No space left on device")),
        (RuntimeError("the server answered 500: sqlite3.OperationalError: database or disk is full"), None),
        (ExceptionGroup("two", [ValueError("x"), OSError(errno.ENOSPC, "No space left on device")]), None),
        (ValueError("underlying IO error: No space left on device (os error 28)"), None),
    ],
)
def test_a_full_disk(ends_with, error, because):
    assert re.fullmatch(NO_SPACE, ends_with(fail(error, because)))


def test_a_full_disk_elsewhere_is_named(ends_with, tmp_path):
    error = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "landing.csv"))
    assert f"no space left in {tmp_path} (" in ends_with(fail(error))


def test_whatever_failed_on_a_disk_without_space_failed_for_it(ends_with, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 4096})())
    assert re.fullmatch(NO_SPACE, ends_with(fail(RuntimeError("Timed out while starting the server"))))


@pytest.mark.parametrize(
    ("limits", "query", "expected"),
    [
        (
            {"MEMORY_LIMIT": "30MB"},
            f"create or replace table wh.marts.words as {LISTS}",
            "NIGHTLEDGER_MEMORY_LIMIT=30MB in memory and NIGHTLEDGER_SPILL_LIMIT=100GB on disk: raise them, or lower ",
        ),
        (
            {"MEMORY_LIMIT": "30MB", "SPILL_LIMIT": "1MB"},
            f"create or replace table wh.marts.words as {DISTINCT}",
            "NIGHTLEDGER_SPILL_LIMIT=1MB",
        ),
        (
            {"MEMORY_LIMIT": "1MB"},
            "select 1",
            "DuckDB needs more than NIGHTLEDGER_MEMORY_LIMIT=1MB in memory",
        ),
    ],
)
def test_a_limit_of_memory_or_spill_is_named_and_leaves_nothing(
    ends_with, monkeypatch, limits, query, expected
):
    monkeypatch.setenv("NIGHTLEDGER_THREADS", "1")
    # nor is it known any more who declared the warehouse, so that the opening has all to do
    work_in("create table wh.marts.words as select 'before' as word; delete from wh.ops.declared")()
    for name, value in limits.items():
        monkeypatch.setenv(f"NIGHTLEDGER_{name}", value)
    assert expected in ends_with(work_in(query))
    assert not list(settings().spill_dir.iterdir())
    for name in limits:
        monkeypatch.delenv(f"NIGHTLEDGER_{name}")
    with writer(purpose="next night") as con:
        assert con.execute("from wh.marts.words").fetchall() == [("before",)]


def test_a_full_spill_is_told_from_a_lack_of_memory(ends_with):
    text = "Out of Memory Error: failed to offload data block (1.0 MiB/1.0 MiB used).\nThis limit was "
    line = ends_with(fail(RuntimeError(text + "set by the 'max_temp_directory_size' setting.")))
    assert (
        "needs more disk than NIGHTLEDGER_SPILL_LIMIT=100GB: raise it, or NIGHTLEDGER_MEMORY_LIMIT=" in line
    )


def test_no_memory_left_on_the_machine(ends_with):
    assert "no memory is left: close other programs, or lower" in ends_with(fail(MemoryError()))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ZeroDivisionError("by zero"), "publish failed: ZeroDivisionError: by zero (traceback in "),
        (ValueError("\x1b[2Jgone\rwhat\nsecond"), r"publish failed: ValueError: \x1b[2Jgone (traceback in "),
        (ValueError("a\x9bb"), r"publish failed: ValueError: a\x9bb (traceback in "),
        (
            AssertionError(),
            "publish failed: AssertionError without a message in test_ways_out.py, line ",
        ),
        (
            KeyboardInterrupt(),
            "publish interrupted: nothing half written; run it again",
        ),
    ],
)
def test_an_error_that_nobody_expected_keeps_its_traceback(ends_with, home, error, expected):
    line = ends_with(fail(error))
    assert line.startswith(expected)
    if "traceback in" in line:
        log = Path(re.search(r"traceback in (.*)\)$", line)[1])
        assert log.parent == home / "logs"
        assert f"{type(error).__name__}" in log.read_text().splitlines()[-1] or "\n" in str(error)


def test_a_traceback_that_cannot_be_kept_does_not_hide_the_line(ends_with, home):
    home.mkdir()
    (home / "logs").touch()
    line = ends_with(fail(ZeroDivisionError("by zero")))
    assert line.startswith("publish failed: ZeroDivisionError: by zero (no traceback is kept: File exists")


def test_a_home_that_vanished_in_the_middle(ends_with, home):
    def work() -> None:
        with writer(purpose="work") as con:
            shutil.rmtree(home)
            con.execute(f"copy (select 1) to '{home}/reports/page.parquet'")

    assert re.fullmatch(
        r"publish failed: the home .* is gone \(a volume .*\): bring it back and run it again; .*",
        ends_with(work),
    )
    assert not home.exists()


def damage(file: Path) -> None:
    file.write_bytes(b"text" * 9999)


def remove_beside_a_copy(file: Path) -> None:
    settings().published_dir.mkdir()
    settings().published_file.touch()
    file.unlink()


def replace_by_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("harm", "advice"),
    [
        (damage, "the file is damaged: keep it aside and restore a backup (python -m flows restore"),
        (remove_beside_a_copy, "bring the file back, restore a backup"),
        (replace_by_a_folder, "move that folder away"),
    ],
)
def test_a_warehouse_that_does_not_open(ends_with, harm, advice):
    work_in("select 1")()
    harm(settings().warehouse_file)
    line = ends_with(work_in("select 1"))
    assert line.startswith("publish refused: ")
    assert advice in line
    assert "close" not in line


def run_program(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m flows` as a user does: a flow's modules are imported anew, under these settings."""
    return subprocess.run(
        [sys.executable, "-m", "flows", *arguments],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["nightly", "--enterprises", "200"], "THREADS", "abc"),
        (["publish"], "MEMORY_LIMIT", "much"),
        (["sql", "select 1"], "TIMEZONE", "Mars/Olympus"),
        (["backfill"], "FILE_LIMIT", "-1"),
    ],
)
def test_a_bad_setting(home, arguments, name, value):
    ended = run_program(arguments, **{f"NIGHTLEDGER_{name}": value})
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.fullmatch(
        rf"{arguments[0]} refused: NIGHTLEDGER_{name}: .*{re.escape(value)}.*\n", ended.stderr
    )


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_home_with_a_file_in_its_place(tmp_path, below):
    (tmp_path / "file").touch()
    ended = run_program(["publish"], NIGHTLEDGER_HOME=str(tmp_path / "file" / below))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.fullmatch(
        r"publish refused: NIGHTLEDGER_HOME: cannot write to the folder .*file.* \(.+\); give a folder .*\n",
        ended.stderr,
    )


def test_a_read_only_home(mounted):
    ended = run_program(["publish"], NIGHTLEDGER_HOME=str(mounted("ro")))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.fullmatch(
        r"publish refused: NIGHTLEDGER_HOME: .*\(Read-only file system\); give a .*\n", ended.stderr
    )
