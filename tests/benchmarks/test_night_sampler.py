"""The sampler of the whole-night benchmark: which step a stack is in, and whose the CPU seconds are."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import night_sampler
from benchmarks.night import (
    Run,
    delivered,
    explained_line,
    functions_table,
    ratios_table,
    steps_table,
    training_line,
)
from benchmarks.night_sampler import AFTER, BEFORE, Sampler, called, frames_of, in_library, step_of

FLOW = """
def nightly(run):
    with opened(run.home):
        night = record(
            run,
        )
    return ended(night) if night else other()
"""


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(night_sampler, "FLOWS", f"{tmp_path}/")
    file = tmp_path / "nightly.py"
    file.write_text(FLOW, encoding="utf-8")
    return file


def test_a_step_is_what_a_line_of_the_flow_calls(flow: Path) -> None:
    names = [called(str(flow), line) for line in range(2, 8)]
    assert names == ["nightly.py, line 2", "opened", "record", "record", "record", "ended"]


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_seconds_go_to_the_step_and_cpu_to_the_function(flow: Path) -> None:
    sampler = Sampler()
    space: dict[str, object] = {"record": lambda run: burn(0.6), "ended": lambda night: 0, "other": lambda: 0}
    space["opened"] = lambda home: threading.Lock()
    exec(compile(FLOW, flow, "exec"), space)
    sampler.start()
    space["nightly"](Path)  # type: ignore[operator]
    sampler.stop()
    figures = sampler.figures()
    cpu = {name: seconds for name, _, seconds, _ in figures["steps"]}
    assert max(cpu, key=lambda name: cpu[name]) == "record"
    assert set(cpu) <= {BEFORE, AFTER, "opened", "record", "other", "nightly.py, line 2"}
    assert figures["functions"][0][0].endswith("test_night_sampler.py: burn")


def test_a_module_that_is_being_imported_is_no_step(flow: Path) -> None:
    text, steps = "look()\ndef nightly():\n    look()\nnightly()", []
    flow.write_text(text, encoding="utf-8")
    space = {"look": lambda: steps.append(step_of(frames_of(sys._getframe())))}
    exec(compile(text, flow, "exec"), space)
    assert steps == [None, "look"]


def test_a_command_ends_with_its_own_code_and_leaves_its_figures(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks.night_sampler", str(file), "nigthly"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "no flow named 'nigthly'" in ran.stderr
    figures = json.loads(file.read_text(encoding="utf-8"))
    assert [name for name, *_ in figures["steps"]] == [BEFORE]
    assert figures["ended"] > figures["began"]


def test_tables_add_up_and_set_ours_beside_the_bare_parts() -> None:
    steps = {
        BEFORE: (2.0, 1.0, 0.5), "ingest_landing": (10.0, 8.0, 1.0), "ensure_champions": (20.0, 20.0, 2.0),
        "build_features": (6.0, 9.0, 1.5), "score_portfolio": (8.0, 8.0, 1.0), "open_run": (0.1, 0.1, 0.5),
        "end_run": (0.2, 0.1, 0.6), AFTER: (3.7, 3.8, 0.6),
    }  # fmt: skip
    night = Run(
        steps,
        [("a.py: f", "a.py: f", 30.0), ("b.py: g", "a.py: f", 20.0)],
        50.0,
        {"ensure_champions": 12.0},
        50.0,
        50.0,
        4.0,
    )
    lines = steps_table(night).splitlines()
    assert lines[-2] == "| 2 shorter steps | 0.3 | 0.2 | 0.60 | 1% |"
    assert lines[-1] == "| the whole | 50.0 | 50.0 | 2.00 | 100% |"
    assert night.outside == pytest.approx(5.7)
    assert functions_table(night).splitlines()[2:] == [
        "| a.py: f |  | 30.0 | 60% |", "| b.py: g | a.py: f | 20.0 | 40% |"
    ]  # fmt: skip
    names = ("read the record", "read a day", "features", "fits", "predict", "transactions")
    parts = {name: {"wall": number, "cpu": number, "gib": 0.1} for number, name in enumerate(names, start=1)}
    rows = ratios_table(night, night, parts).splitlines()[2:]
    assert rows[0] == "| the record's files into tables | 1.0 | 1.0 | 0.10 | 10.0 | 8.0 | 10.0 | 8.0 |"
    assert rows[-1].endswith("| 12.0 | 12.0 | 0.10 | 40.0 | 42.0 | 3.3 | 3.5 |")
    # 42 beside 12 in the libraries, 3 of the query and 5 of the predictions
    assert "12.0 (60%) were inside the model libraries" in training_line(night, parts)
    assert "took 2.1 times" in training_line(night, parts)
    assert explained_line({"voting_ensemble": (9_000, 3.0)}).endswith(": voting_ensemble 9,000 at 3,000.")


def test_what_a_function_held_when_it_was_seen_is_free_when_it_has_ended() -> None:
    sampler, held, seen = Sampler(), [], threading.Event()

    class Large:
        pass

    def hold() -> None:
        large = Large()
        held.append(weakref.ref(large))
        seen.wait()

    thread = threading.Thread(target=hold)
    gc.disable()
    try:
        thread.start()
        while not held:
            time.sleep(0.001)
        sampler.sample()
        seen.set()
        thread.join()
        assert held[0]() is None
    finally:
        gc.enable()


def test_a_fit_is_inside_a_library_and_a_function_of_ours_that_it_wraps_is_not() -> None:
    ours, theirs = f"{night_sampler.OURS[0]}train.py", "/venv/site-packages/sklearn/tree/_classes.py"
    numpy = "/venv/site-packages/numpy/_core/fromnumeric.py"
    stacks = {
        (theirs, ours): True,
        (numpy, theirs, ours): True,
        (ours, theirs, ours): False,
        (numpy, ours): False,
    }
    for files, inside in stacks.items():
        frames = [SimpleNamespace(f_code=SimpleNamespace(co_filename=file)) for file in files]
        assert in_library(frames) is inside, files


def test_only_feed_files_count_as_delivered(tmp_path: Path) -> None:
    for name in ("transactions/2026-01.parquet", "outcomes/2026-01.csv.gz", "_world.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [file.name for file in delivered(tmp_path)] == ["2026-01.csv.gz", "2026-01.parquet"]
