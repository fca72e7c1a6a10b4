"""What Prefect costs: a whole night beside the sum of its parts called as plain functions."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.page import renew


class Done:
    """The result of a part that was called at once."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def result(self) -> Any:
        """Return the value, as a Prefect future would."""
        return self.value


def timed_night(run: Callable[[], object], home: Path) -> float:
    """Run one night in a home of its own and return its seconds."""
    with mock.patch.dict(os.environ, NIGHTLEDGER_HOME=str(home)):
        started = time.perf_counter()
        run()
        return time.perf_counter() - started


def plain(parts: dict[str, float]) -> AbstractContextManager[object]:
    """Make every task a plain call that adds its seconds to parts; artifacts, which are Prefect's, do nothing."""
    import prefect
    from prefect import Task

    def call(self: Task[..., Any], *args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return self.fn(*args, **kwargs)
        finally:
            parts[self.name] += time.perf_counter() - started

    def submit(self: Task[..., Any], *args: Any, **kwargs: Any) -> Done:
        return Done(call(self, *args, **kwargs))

    del prefect
    return mock.patch.multiple(Task, __call__=call, submit=submit)


def main(arguments: list[str]) -> None:
    """Measure and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orchestration", description=__doc__)
    parser.add_argument("--enterprises", type=int, default=20_000)
    options = parser.parse_args(arguments)
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="nightledger-bench-prefect-")
    os.environ["PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW"] = "ignore"
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"

    from datetime import date

    from prefect.testing.utilities import prefect_test_harness

    from expectations.engine import great_expectations  # both nights find it imported
    from flows.nightly import NightlyParameters, nightly

    great_expectations()
    run = NightlyParameters(source="simulated", enterprises=options.enterprises, as_of=date(2026, 6, 30))
    parts: dict[str, float] = defaultdict(float)
    with tempfile.TemporaryDirectory(prefix="nightledger-bench-") as folder, nullcontext():
        with plain(parts), mock.patch("prefect.artifacts._create_artifact"):
            plainly = timed_night(lambda: nightly.fn(run=run), Path(folder) / "plain")
        started = time.perf_counter()
        with prefect_test_harness(server_startup_timeout=180):
            server = time.perf_counter() - started
            night = timed_night(lambda: nightly(run=run), Path(folder) / "prefect")
    rows = "\n".join(
        f"| {name} | {seconds:.1f} |" for name, seconds in sorted(parts.items(), key=lambda p: -p[1])
    )
    renew(
        "orchestration",
        title=f"Orchestration: a night on {options.enterprises:,} enterprises",
        command=f"python -m benchmarks.orchestration --enterprises {options.enterprises}",
        body=(
            f"| | seconds | ratio | target |\n|---|--:|--:|--:|\n"
            f"| sum of the parts as plain functions | {sum(parts.values()):.1f} | 1.00 | |\n"
            f"| the same night without Prefect, end to end | {plainly:.1f} | {plainly / sum(parts.values()):.2f} | |\n"
            f"| the night as a flow | {night:.1f} | {night / sum(parts.values()):.2f} | at most 1.25 |\n"
            f"| start of a temporary Prefect server (once a process, none under a worker) | {server:.1f} | | |\n\n"
            f"The parts:\n\n| task | seconds |\n|---|--:|\n{rows}\n"
        ),
    )


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
