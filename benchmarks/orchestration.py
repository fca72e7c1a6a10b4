"""Measure the cost of Prefect: a whole night compared with the sum of its parts called as plain functions."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

from benchmarks.page import renew

DAY = date(2026, 7, 1)
ROUNDS = 2
PREFECTS_OWN = (
    "create_markdown_artifact",
    "create_table_artifact",
    "create_image_artifact",
    "emit_event",
    "wait",
)


class Done:
    """A finished part: what a submitted task returns when it is called at once."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def result(self) -> Any:
        """Return the value, as a Prefect future would."""
        return self.value


def in_home(home: Path) -> AbstractContextManager[object]:
    """Let everything in the block use one home folder."""
    return mock.patch.dict(os.environ, NIGHTLEDGER_HOME=str(home))


def plain(parts: dict[str, float]) -> AbstractContextManager[object]:
    """Make every task a plain call that adds its seconds to `parts`; artifacts and events do nothing."""
    from prefect import Task

    import flows.nightly  # noqa: F401  (imports every module of the night, so that it can be patched)

    def call(self: Task[..., Any], *args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return self.fn(*args, **kwargs)
        finally:
            parts[self.name] += time.perf_counter() - started

    def submit(self: Task[..., Any], *args: Any, **kwargs: Any) -> Done:
        return Done(call(self, *args, **kwargs))

    patches = ExitStack()
    patches.enter_context(mock.patch.multiple(Task, __call__=call, submit=submit))
    for name, module in sorted(sys.modules.items()):
        for function in PREFECTS_OWN if name.startswith("tasks.") else ():
            if hasattr(module, function):
                patches.enter_context(mock.patch.object(module, function))
    return patches


def score_night(portfolio: str, day: date) -> Any:
    """Score a night of what is loaded already, without gates of feeds, in a block of `plain`; return the night."""
    from tasks.champions import ensure_champions
    from tasks.features import build_features
    from tasks.score import score_portfolio
    from warehouse import ledger
    from warehouse.connection import writer
    from warehouse.night import Night

    with writer(purpose="night") as con:
        night = Night(
            portfolio, day, ledger.start_run(con, flow="score", portfolio=portfolio, as_of_date=day)
        )
    build_features(night)
    lineup = ensure_champions(night, definition=None, horizon_days=365)
    score_portfolio(night, lineup, partitions=2, top_features=4)
    return night


def prepare(home: Path, *, enterprises: int) -> None:
    """Run the first night, which loads the history and trains, so that the measured night is an ordinary one."""
    from flows.nightly import NightlyParameters, nightly

    first = NightlyParameters(source="simulated", enterprises=enterprises, as_of=DAY - timedelta(days=1))
    with in_home(home), plain(defaultdict(float)):
        nightly.fn(run=first)


def main(arguments: list[str]) -> None:
    """Measure both sides and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orchestration", description=__doc__)
    parser.add_argument("--enterprises", type=int, default=1_000)
    options = parser.parse_args(arguments)
    os.environ.update(
        DO_NOT_TRACK="1",
        PREFECT_HOME=tempfile.mkdtemp(prefix="nightledger-bench-prefect-"),
        PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW="ignore",
        PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL="CRITICAL",
        PREFECT_LOGGING_EXTRA_LOGGERS="nightledger",
    )

    from prefect.testing.utilities import prefect_test_harness

    from flows.nightly import NightlyParameters, nightly

    run = NightlyParameters(source="simulated", enterprises=options.enterprises, as_of=DAY)
    rounds: list[tuple[float, dict[str, float], float]] = []
    with tempfile.TemporaryDirectory(prefix="nightledger-bench-") as folder:
        prepared = Path(folder) / "prepared"
        prepare(prepared, enterprises=options.enterprises)
        started = time.perf_counter()
        with prefect_test_harness(server_startup_timeout=180):
            server = time.perf_counter() - started
            for number in range(ROUNDS + 1):  # the first round warms up both sides and is not counted
                parts: dict[str, float] = defaultdict(float)
                seconds = {}
                for side in ("plain", "flow"):
                    home = Path(folder) / f"{side}-{number}"
                    shutil.copytree(prepared, home, symlinks=True)
                    with in_home(home), plain(parts) if side == "plain" else nullcontext():
                        started = time.perf_counter()
                        (nightly.fn if side == "plain" else nightly)(run=run)
                        seconds[side] = time.perf_counter() - started
                    shutil.rmtree(home)
                if number:
                    rounds.append((seconds["plain"], parts, seconds["flow"]))
    sums = [sum(parts.values()) for _, parts, _ in rounds]
    ratios = [flow / total for (_, _, flow), total in zip(rounds, sums, strict=True)]
    names = sorted(rounds[0][1], key=lambda name: -rounds[0][1][name])
    rows = "\n".join(f"| {name} | {median(parts[name] for _, parts, _ in rounds):.1f} |" for name in names)
    renew(
        "orchestration",
        title=f"Orchestration: a night on {options.enterprises:,} enterprises",
        command=f"python -m benchmarks.orchestration --enterprises {options.enterprises}",
        body=(
            "| median of "
            f"{ROUNDS} rounds | seconds | ratio | target |\n|---|--:|--:|--:|\n"
            f"| sum of the parts called as plain functions | {median(sums):.1f} | 1.00 | |\n"
            f"| the night as a Prefect flow | {median(flow for _, _, flow in rounds):.1f} "
            f"| {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | at most 1.25 |\n"
            f"| start of a temporary server (once a process; none under a worker) | {server:.1f} | | |\n\n"
            "One day is delivered, loaded, validated, scored, compared, watched, published and reported; the night "
            f"before loaded the history and trained three models.\n\n| part | seconds |\n|---|--:|\n{rows}\n"
        ),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
