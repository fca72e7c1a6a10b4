"""What Prefect costs: a whole night beside the sum of its parts called as plain functions."""

from __future__ import annotations

import argparse
import os
import shutil
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


class Done:
    """The result of a part that was called at once."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def result(self) -> Any:
        """Return the value, as a Prefect future would."""
        return self.value


def in_home(home: Path) -> AbstractContextManager[object]:
    """Let everything inside work in one home."""
    return mock.patch.dict(os.environ, NIGHTLEDGER_HOME=str(home))


def plain(parts: dict[str, float]) -> AbstractContextManager[object]:
    """Make every task a plain call that adds its seconds to parts; artifacts, which are Prefect's, do nothing."""
    from prefect import Task

    def call(self: Task[..., Any], *args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return self.fn(*args, **kwargs)
        finally:
            parts[self.name] += time.perf_counter() - started

    def submit(self: Task[..., Any], *args: Any, **kwargs: Any) -> Done:
        return Done(call(self, *args, **kwargs))

    both = ExitStack()
    both.enter_context(mock.patch.multiple(Task, __call__=call, submit=submit))
    for name in ("tasks.validate.create_markdown_artifact", "tasks.summary.create_table_artifact",
                 "tasks.summary.create_image_artifact", "tasks.summary.create_markdown_artifact",
                 "tasks.register.create_markdown_artifact", "tasks.register.create_image_artifact"):  # fmt: skip
        both.enter_context(mock.patch(name))
    return both


def prepare(home: Path, *, enterprises: int) -> None:
    """Load the history up to the day before and train a champion, so that the night is one like any other."""
    from models.operational_risk import OperationalRiskSettings
    from tasks.deliver import deliver_feeds
    from tasks.ingest import ingest_landing
    from tasks.train import train_champion
    from tasks.validate import validate_feeds
    from warehouse.connection import writer

    quick = OperationalRiskSettings(
        learner="logistic_regression", windows=("30d",), folds=2, grid={"C": (0.3,)}
    )
    with in_home(home), plain(defaultdict(float)), writer(purpose="benchmark"):
        delivery = deliver_feeds(source="simulated", enterprises=enterprises, through=DAY - timedelta(days=1))
        ingest_landing(delivery.landing, delivery.portfolio, "benchmark")
        validate_feeds(delivery.portfolio, "benchmark", DAY - timedelta(days=1))
        train_champion(
            delivery.portfolio, DAY - timedelta(days=1), definition="dpd90", horizon_days=365, run_id="benchmark",
            model=quick,
        )  # fmt: skip


def main(arguments: list[str]) -> None:
    """Measure and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orchestration", description=__doc__)
    parser.add_argument("--enterprises", type=int, default=20_000)
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
                    shutil.copytree(prepared, home)
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
            "One day is delivered, loaded, validated, scored and published; the history is loaded and a champion "
            f"trained beforehand.\n\n| part | seconds |\n|---|--:|\n{rows}\n"
        ),
    )


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
