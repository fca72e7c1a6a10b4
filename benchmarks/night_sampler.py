"""Run one command of the command line and sample it: seconds, CPU and memory of each step, its costliest functions.

python -m benchmarks.night_sampler FILE COMMAND [OPTIONS] writes the figures to FILE as JSON. A step is the call that
the flow's own file makes at the moment, so that a flow may gain or lose steps without a change here.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
FLOWS = str(ROOT / "flows") + os.sep
GATES = str(ROOT / "tasks" / "validate.py")
OURS = tuple(
    str(ROOT / room) + os.sep for room in ("tasks", "models", "warehouse", "expectations", "sources", "flows")
)
LIBRARIES = ("sklearn", "imblearn", "xgboost", "lightgbm", "torch")
INTERVAL = 0.05  # seconds
CHILDREN_EVERY = 1.0  # seconds: all processes of the machine are looked through for them
BEFORE, AFTER = "before the first step", "after the last step"
SERVER = "flows._prefect_server"


@dataclass
class Cost:
    """What one step has cost so far."""

    wall: float = 0.0
    cpu: float = 0.0
    gib: float = 0.0

    def add(self, *, wall: float, cpu: float, gib: float) -> None:
        """Add the time since the last sample; memory is the highest seen."""
        self.wall, self.cpu, self.gib = self.wall + wall, self.cpu + cpu, max(self.gib, gib)


@lru_cache(maxsize=4096)
def called(file: str, line: int) -> str:
    """Return the name of the outermost function that a line of a file calls, or that line's number."""
    for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.lineno <= line <= (node.end_lineno or line):
            return ast.unparse(node.func).rpartition(".")[2]
    return f"{Path(file).name}, line {line}"


def frames_of(innermost: FrameType | None) -> list[FrameType]:
    """Return the frames of a stack, the innermost first."""
    stack = []
    while innermost is not None:
        stack.append(innermost)
        innermost = innermost.f_back
    return stack


def step_of(stack: list[FrameType]) -> str | None:
    """Return the step that a stack is in: a gate, else what the flow's file calls; None outside a flow."""
    gates = [frame.f_code.co_name for frame in stack if frame.f_code.co_filename == GATES]
    if gates:
        return gates[-1]
    for frame in stack:
        file = frame.f_code.co_filename
        imported = frame.f_code.co_name == "<module>"
        if file.startswith(FLOWS) and not imported and not Path(file).name.startswith("_"):
            return called(file, frame.f_lineno)
    return None


def label(frame: FrameType) -> str:
    """Return file and name of a frame's function, as a reader finds them."""
    path = Path(frame.f_code.co_filename)
    short = path.relative_to(ROOT) if path.is_relative_to(ROOT) and ".venv" not in path.parts else None
    return f"{short or '/'.join(path.parts[-2:])}: {frame.f_code.co_qualname}"


def in_library(stack: list[FrameType]) -> bool:
    """Return whether one of the model libraries was called last, and not a function of ours that it calls back."""
    for frame in stack:
        file = frame.f_code.co_filename
        if file.startswith(OURS):
            return False
        if set(LIBRARIES).intersection(Path(file).parts):
            return True
    return False


class Sampler(threading.Thread):
    """A thread that looks at this process twenty times a second until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.steps: dict[str, Cost] = defaultdict(Cost)
        self.functions: dict[tuple[str, str], float] = defaultdict(float)
        self.in_libraries: dict[str, float] = defaultdict(float)
        self.server_cpu = 0.0
        self._process = psutil.Process()
        self._children: list[psutil.Process] = []
        self._children_seen = 0.0
        self._over = threading.Event()
        self._in_flow = False
        self._last = time.perf_counter()
        self._last_cpu = 0.0
        self._last_children = 0.0
        self._last_threads: dict[int, float] = {}

    def run(self) -> None:
        """Sample until `stop`."""
        while not self._over.wait(INTERVAL):
            self.sample()

    def stop(self) -> None:
        """Take the last sample and end."""
        self._over.set()
        self.join()
        self.sample()

    def sample(self) -> None:
        """Give the time since the last sample to the step and the functions that run now."""
        # without its own stack, which would hold these stacks in a circle, and with them all that their functions hold
        stacks = {
            thread: frames_of(frame)
            for thread, frame in sys._current_frames().items()  # noqa: SLF001 - the only way to see other threads
            if thread != threading.get_ident()
        }
        now = time.perf_counter()
        step = step_of(stacks.get(threading.main_thread().ident or 0, []))
        self._in_flow |= step is not None
        name = step or (AFTER if self._in_flow else BEFORE)
        children_cpu, children_gib = self._look_at_children(now)
        cpu = time.process_time() + children_cpu
        self.steps[name].add(
            wall=now - self._last,
            cpu=max(0.0, cpu - self._last_cpu),
            gib=self._process.memory_info().rss / 2**30 + children_gib,
        )
        self.functions["processes of its own", name] += max(0.0, children_cpu - self._last_children)
        self._last, self._last_cpu, self._last_children = now, cpu, children_cpu
        self._look_at_threads(stacks, name)

    def _look_at_children(self, now: float) -> tuple[float, float]:
        """Return CPU seconds of all children, ended ones too, and GiB of those that live; the server is apart."""
        if now - self._children_seen > CHILDREN_EVERY:
            self._children, self._children_seen = self._process.children(recursive=True), now
        ended = os.times()
        seconds, gib = ended.children_user + ended.children_system, 0.0
        for child in self._children:
            try:
                times, memory, command = child.cpu_times(), child.memory_info().rss, child.cmdline()
            except psutil.NoSuchProcess:  # it has ended since the list was made, and counts among the ended
                continue
            if SERVER in command:
                self.server_cpu = times.user + times.system
                continue
            seconds += times.user + times.system
            gib += memory / 2**30
        return seconds, gib

    def _look_at_threads(self, stacks: dict[int, list[FrameType]], step: str) -> None:
        """Give each thread's CPU seconds to its innermost function and to the innermost of ours that called it."""
        python = {thread.native_id: thread.ident for thread in threading.enumerate()}
        for thread in self._process.threads():
            seconds = thread.user_time + thread.system_time
            spent = seconds - self._last_threads.get(thread.id, 0.0)
            self._last_threads[thread.id] = seconds
            if not spent or thread.id == threading.get_native_id():
                continue
            stack = stacks.get(python.get(thread.id) or 0, [])
            ours = next((f for f in stack if f.f_code.co_filename.startswith(OURS)), None)
            names = (
                (label(stack[0]), label(ours) if ours else "")
                if stack
                else ("threads of DuckDB and OpenMP", step)
            )
            self.functions[names] += spent
            self.in_libraries[step] += spent * in_library(stack)

    def figures(self) -> dict[str, Any]:
        """Return all figures as plain lists, the functions from the costliest on."""
        costly = sorted(self.functions.items(), key=lambda item: -item[1])
        return {
            "steps": [[name, cost.wall, cost.cpu, cost.gib] for name, cost in self.steps.items()],
            "functions": [[*names, seconds] for names, seconds in costly[:40]],
            "in_libraries": self.in_libraries,
            "function_seconds": sum(self.functions.values()),
            "server_cpu": self.server_cpu,
        }


def main(arguments: list[str]) -> int:
    """Run the command under a sampler, write its figures and return its exit code."""
    from flows.__main__ import main as run

    began = time.perf_counter()
    sampler = Sampler()
    sampler.start()
    code = run(arguments[1:])
    sampler.stop()
    figures = {**sampler.figures(), "began": began, "ended": time.perf_counter()}
    Path(arguments[0]).write_text(json.dumps(figures), encoding="utf-8")
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
