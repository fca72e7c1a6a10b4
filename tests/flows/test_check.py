"""The command check: a few lines, and an exit code that a monitor can tell apart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flows.__main__ import main
from warehouse.connection import writer
from warehouse.publishing.publish import publish


@pytest.fixture
def published(home: Path) -> Path:
    with writer(purpose="test") as con:
        publish(con, "run")
    return home


def test_what_is_sound_is_told_in_a_line_each(published, capsys):
    assert main(["check"]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["warehouse", "sound"], ["published", "sound"], ["models", "sound"], ["ledger", "sound"],
        ["older", "sound"],
    ]  # fmt: skip
    assert len({line.index("sound") for line in lines}) == 1
    assert shown.err == ""


def test_what_is_not_sound_has_a_line_of_its_own(published, capsys):
    for number in range(7):
        (published / "published" / "portfolio_scores" / f"{number}.parquet").write_bytes(b"x")
    (published / "published" / "portfolio.duckdb").write_bytes(b"x")
    assert main(["check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.startswith("published  not sound")]
    faults = [line.strip() for line in lines[place + 1 : place + 7]]
    assert "portfolio.duckdb has 1 bytes" in faults[0]
    assert faults[0].endswith("python -m flows publish builds it again")
    assert faults[5] == "and 3 more"
    assert lines[place + 7].startswith("models     sound")


def test_while_another_process_holds_the_warehouse_the_code_says_so(published, capsys):
    script = (
        "import sys\nfrom warehouse.connection import writer\nwith writer(purpose='nightly'):\n"
        "    print('open', flush=True)\n    sys.stdin.readline()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "open\n"
        assert main(["check"]) == 3
    finally:
        process.communicate("\n")
    assert capsys.readouterr().out.startswith("warehouse  not read   held by 'nightly'")


def test_a_home_where_nothing_is_does_not_count_as_sound(home, capsys):
    assert main(["check"]) == 1
    assert "run a first night" in capsys.readouterr().out
    assert not home.exists()


def test_wrong_usage_and_wrong_settings_are_one_line(home, capsys, monkeypatch):
    with pytest.raises(SystemExit) as usage:
        main(["check", "everything"])
    assert usage.value.code == 2
    assert capsys.readouterr().err == "python -m flows check: unrecognized arguments: everything\n"
    monkeypatch.setenv("NIGHTLEDGER_THREADS", "0")
    assert main(["check"]) == 1
    assert capsys.readouterr().err.startswith("check refused: NIGHTLEDGER_THREADS")
