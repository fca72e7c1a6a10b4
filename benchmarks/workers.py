"""Measure a regular night on a file and on a lake, on threads, on one Dask worker and on one for each core.

A home gets its first night, with which the models are trained; then the next night is run on copies of it, in turn. How
much faster two busy processes can be here than one is measured beside it: cores that are shared, or halves of one
core, bound all ratios. "All on one core" are the run, its Prefect server and its worker; the database of a lake runs
where it runs.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shlex
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

from benchmarks.page import renew

DAY = date(2026, 6, 30)
PREFIX = "ducklake:postgres:"
COUNTED = 20_000_000
Ran = tuple[str, float, float]  # name, start and end of a task run, in seconds
PARTS = {"build part": "features", "score part": "scoring", "compare part": "comparing"}
TO_SCORES = ("build part", "score part")
ONE_CORE = "one worker, all on one core"
STEPS = {
    "features": re.compile(r"features    .* relations  ([\d.]+) s"),
    "score and explain": re.compile(r"score       .* parts  ([\d.]+) s"),
    "compare": re.compile(r"changes     .* now  ([\d.]+) s"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each engine in turn, in rounds, and renew the section of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--enterprises", type=int, default=2000)
    parser.add_argument(
        "--home", type=Path, help=f"a home with the first night, of {DAY}, instead of running it"
    )
    parser.add_argument(
        "--lake-home",
        type=Path,
        help=f"a home with the first night, of {DAY}, on a lake whose database --database names",
    )
    parser.add_argument(
        "--database", help="such as 'host=127.0.0.1 user=lender dbname=lender'; copied, not changed"
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--engines", nargs="*", help="such as 'a lake, one worker'; all of them without it")
    options = parser.parse_args(arguments)
    cores = len(os.sched_getaffinity(0))
    threads = {
        name: {"NIGHTLEDGER_THREADS": str(count)}
        for name, count in (("one thread", 1), (f"{cores} threads", cores))
    }
    workers = {
        name: {"NIGHTLEDGER_THREADS": str(count), "NIGHTLEDGER_DASK": "local"}
        for name, count in (("one worker", 1), (ONE_CORE, 1), (f"{cores} workers", cores))
    }
    with tempfile.TemporaryDirectory(prefix="workers-") as folder:
        first = options.home or Path(folder) / "first"
        engines = {f"a file, {name}": (first, engine) for name, engine in {**threads, **workers}.items()}
        if options.lake_home is not None:
            engines |= {
                f"a lake, {name}": (options.lake_home, engine)
                for name, engine in {**threads, **workers}.items()
            }
        engines = {name: engine for name, engine in engines.items() if name in (options.engines or engines)}
        if options.home is None and any(home == first for home, _ in engines.values()):
            night(first, DAY, enterprises=options.enterprises, engine={}, cores=cores)
        seconds: dict[str, list[list[float]]] = {name: [] for name in engines}
        for _ in range(options.rounds):
            for name, (home, engine) in engines.items():
                copy = Path(folder) / "round"
                copy.mkdir()
                subprocess.run(
                    ["cp", "-a", *(path for path in home.iterdir() if path.name != "lake"), copy], check=True
                )
                on = {} if home == first else copied_lake(home, options.database)
                seconds[name].append(
                    night(
                        copy,
                        DAY + timedelta(days=1),
                        enterprises=options.enterprises,
                        engine=engine | on,
                        cores=1 if name.endswith(ONE_CORE) else cores,
                    )
                )
                sys.stdout.write(f"{name}: {seconds[name][-1]}\n")
                sys.stdout.flush()
                subprocess.run(["rm", "-rf", copy], check=True)
        both = ceiling()
    renew(
        f"workers-{options.enterprises}",
        title=f"A lake beside a file, Dask workers beside threads: {options.enterprises:,} borrowers",
        command=shlex.join(["python", "-m", "benchmarks.workers", *(arguments or sys.argv[1:])]),
        body=page({name: [median(step) for step in zip(*rounds, strict=True)] for name, rounds in seconds.items()},
                  enterprises=options.enterprises, both=both, rounds=options.rounds),
    )  # fmt: skip


def night(home: Path, day: date, *, enterprises: int, engine: dict[str, str], cores: int) -> list[float]:
    """Run a night and its workers on so many cores; return the seconds of each step and of the whole."""
    command = [
        sys.executable, "-m", "flows", "nightly", "--enterprises", str(enterprises), "--as-of", str(day),
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTLEDGER_")}
    these = sorted(os.sched_getaffinity(0))[:cores]
    started, since = time.perf_counter(), datetime.now(UTC)
    ended = subprocess.run(
        ["taskset", "--cpu-list", ",".join(map(str, these)), *command],
        check=True,
        env={**environment, **engine, "NIGHTLEDGER_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    whole = time.perf_counter() - started
    found = [pattern.search(ended.stdout) for pattern in STEPS.values()]
    tasks = task_runs(home, since)
    return [
        *(float(step[1]) if step else 0.0 for step in found),
        *to_scores(tasks),
        *(sum(end - start for name, start, end in tasks if name.startswith(part)) for part in PARTS),
        whole,
    ]


def task_runs(home: Path, since: datetime) -> list[Ran]:
    """Return the task runs that Prefect recorded in the home, in the order of their start."""
    with closing(sqlite3.connect(home / "prefect" / "prefect.db")) as con:
        return [
            (name, *(datetime.fromisoformat(moment).timestamp() for moment in moments))
            for name, *moments in con.execute(
                "select name, start_time, end_time from task_run where start_time >= ? order by start_time",
                (f"{since:%Y-%m-%d %H:%M:%S}",),
            )
            if all(moments)
            or name.startswith(TO_SCORES)  # a worker that ends may not have told the end of its last task
        ]


def to_scores(tasks: Sequence[Ran]) -> tuple[float, float]:
    """Return the seconds from the first task of features to committed scores, and those without a part at work."""
    begin = min(start for name, start, _ in tasks if name.startswith("build facts"))
    end = max(end for name, _, end in tasks if name.startswith("write scores"))
    alone, busy_until = end - begin, begin
    for _, start, ended in (task for task in tasks if task[0].startswith(TO_SCORES)):
        alone -= max(0.0, ended - max(start, busy_until))
        busy_until = max(busy_until, ended)
    return end - begin, alone


def ceiling() -> float:
    """Return how much faster two processes count than one does twice."""
    with ProcessPoolExecutor(2) as processes:
        alone = processes.submit(count).result()
        beside = [future.result() for future in [processes.submit(count), processes.submit(count)]]
    return 2 * alone / max(beside)


def count() -> float:
    """Count, and return the seconds that it took."""
    started, total = time.perf_counter(), 0
    for number in range(COUNTED):
        total += number
    return time.perf_counter() - started


def copied_lake(home: Path, database: str) -> dict[str, str]:
    """Copy the database of a lake; its files are never changed, so that the copy can have the same ones."""
    copy = f"round_{secrets.token_hex(3)}"
    server, name = database.rsplit("dbname=", 1)
    psql = [
        "psql",
        "--quiet",
        f"{server} dbname=postgres",
        "--command",
        f"create database {copy} template {name}",
    ]
    subprocess.run(psql, check=True)
    return {
        "NIGHTLEDGER_CATALOGUE": f"{PREFIX}{server}dbname={copy}",
        "NIGHTLEDGER_LAKE_DIR": str(home / "lake"),
    }


def page(seconds: dict[str, list[float]], *, enterprises: int, both: float, rounds: int) -> str:
    """Return the section of the page."""
    head = (
        "", *STEPS, "features to committed scores", "of these no part at work",
        *(f"parts of {name}, added up" for name in PARTS.values()), "the whole night",
    )  # fmt: skip
    lines = [head, ("--", *["--:"] * (len(head) - 1))]
    lines += [(name, *(f"{step:.1f}" for step in steps)) for name, steps in seconds.items()]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return (
        f"{enterprises:,} borrowers, the night after the first; seconds of the clock, the median of what was measured "
        f"in turn ({rounds} of each). Two processes that only count are {both:.2f} times as fast as one here and now: "
        f"no ratio can be larger.\n\n{table}"
    )


if __name__ == "__main__":
    main()
