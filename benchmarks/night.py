"""A whole night, step by step, beside its bare parts: wall s, CPU s, peak GiB, and what costs most.

A record is delivered, a first night loads it and trains, and a regular night follows with one new day. Each runs as the
user runs it, `python -m flows`, in a process of its own that `benchmarks.night_sampler` looks into.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.night_sampler import AFTER, BEFORE
from benchmarks.page import renew

DAY = date(2025, 12, 31)  # the bare query counts its windows back from here
SEED = 7
TOP = 10
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Run:
    """The figures of one command: each step's wall s, CPU s and peak GiB, functions, CPU s in libraries, the whole."""

    steps: dict[str, tuple[float, float, float]]
    functions: list[tuple[str, str, float]]
    function_seconds: float
    in_libraries: dict[str, float]
    wall: float
    cpu: float
    server_cpu: float

    def of(self, *names: str) -> tuple[float, float]:
        """Return wall and CPU seconds of some steps together."""
        return sum(self.steps[name][0] for name in names), sum(self.steps[name][1] for name in names)

    @property
    def outside(self) -> float:
        """Wall seconds before the first step and after the last."""
        return sum(self.steps[name][0] for name in (BEFORE, AFTER))


def run(home: Path, *arguments: str) -> Run:
    """Run one command of the command line under the sampler."""
    figures_file, log = home / "figures.json", home / "log.txt"
    figures_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.night_sampler", str(figures_file), *arguments]
    print("  " + " ".join(["flows", *arguments]), flush=True)
    started = time.perf_counter()
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
    ended = time.perf_counter()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(
            f"{arguments[0]} ended with {process.returncode}: {log.read_text(encoding='utf-8')[-2000:]}"
        )
    figures = json.loads(figures_file.read_text(encoding="utf-8"))
    steps = {name: (wall, cpu, gib) for name, wall, cpu, gib in figures["steps"]}
    cpu = used.ru_utime + used.ru_stime
    for name, seconds in ((BEFORE, figures["began"] - started), (AFTER, ended - figures["ended"])):
        wall, step_cpu, gib = steps.get(name, (0.0, 0.0, 0.0))
        steps[name] = (wall + seconds, step_cpu, gib)
    unseen = cpu - sum(step[1] for step in steps.values())  # while Python itself starts and ends
    wall, step_cpu, gib = steps[AFTER]
    steps[AFTER] = (wall, step_cpu + max(0.0, unseen), gib)
    functions = [(leaf, ours, seconds) for leaf, ours, seconds in figures["functions"]]
    measured = Run(
        steps,
        functions,
        figures["function_seconds"],
        figures["in_libraries"],
        ended - started,
        cpu,
        figures["server_cpu"],
    )
    # at once, so that hours of work are not lost where a later part fails
    print(f"\n{steps_table(measured)}\n\n{functions_table(measured)}\n", flush=True)
    return measured


def bare(part: str, *arguments: str, files: list[Path] | None = None) -> dict[str, Any]:
    """Measure one bare part in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.night_bare", part, *arguments]
    names = json.dumps([str(file) for file in files or ()])
    out = subprocess.run(command, cwd=ROOT, input=names, stdout=subprocess.PIPE, text=True, check=True)
    figures = json.loads(out.stdout.splitlines()[-1])
    print(f"  {part}: {figures}", flush=True)
    return figures


def delivered(landing: Path) -> list[Path]:
    """Return the feed files of a landing folder."""
    return sorted(file for file in landing.glob("*/*") if file.is_file())


def steps_table(run: Run) -> str:
    """Return the steps of one run as a table, in their order, those below a hundredth of the whole together."""
    shown = {name: step for name, step in run.steps.items() if step[0] >= run.wall / 100}
    rest = [step for name, step in run.steps.items() if name not in shown]
    if rest:
        sums = (sum(step[0] for step in rest), sum(step[1] for step in rest), max(step[2] for step in rest))
        shown[f"{len(rest)} shorter steps"] = sums
    rows = [
        f"| {name} | {wall:.1f} | {cpu:.1f} | {gib:.2f} | {wall / run.wall:.0%} |"
        for name, (wall, cpu, gib) in shown.items()
    ]
    peak = max(step[2] for step in run.steps.values())
    rows.append(f"| the whole | {run.wall:.1f} | {run.cpu:.1f} | {peak:.2f} | 100% |")
    return "\n".join(["| step | wall s | CPU s | peak GiB | share |\n|---|--:|--:|--:|--:|", *rows])


def delivery_line(delivery: Run, *, files: int) -> str:
    """Return what the delivery of the record took."""
    return (
        f"The delivery of the record, {files} files: {delivery.wall:.1f} s, {delivery.cpu:.1f} CPU s, "
        f"{max(step[2] for step in delivery.steps.values()):.2f} GiB."
    )


def shares_line(night: Run) -> str:
    """Return the shares of a night that lie in its gates and outside its steps."""
    gates = sum(step[0] for name, step in night.steps.items() if name.startswith("validate_"))
    return (
        f"Gates: {gates / night.wall:.0%} of the regular night. Outside its steps (imports, start of Prefect's server, "
        f"ending): {night.outside:.1f} s, {night.outside / night.wall:.0%}. Prefect's temporary server, a process of "
        f"its own that is in none of these rows, took {night.server_cpu:.1f} CPU s."
    )


def functions_table(run: Run) -> str:
    """Return the functions that took most CPU time as a table."""
    rows = [
        f"| {leaf} | {ours if ours != leaf else ''} | {seconds:.1f} | {seconds / run.function_seconds:.0%} |"
        for leaf, ours, seconds in run.functions[:TOP]
    ]
    return "\n".join(["| function | called by ours, or in step | CPU s | share |\n|---|---|--:|--:|", *rows])


def ratios_table(first: Run, regular: Run, parts: dict[str, dict[str, float]]) -> str:
    """Return each bare part beside the step that does it."""
    needed = [part for name, part in parts.items() if name in {"features", "fits", "predict"}]
    loading = first.of("ingest_landing")
    pairs = [
        ("the record's files into tables", first.of("ingest_landing"), parts["read the record"]),
        ("the new day's files into tables", regular.of("ingest_landing"), parts["read a day"]),
        ("the bare query, beside all features", regular.of("build_features"), parts["features"]),
        (
            "the bare query, beside the features over transactions",
            (parts["transactions"]["wall"], parts["transactions"]["cpu"]),
            parts["features"],
        ),
        ("one fit of each chosen model", first.of("ensure_champions"), parts["fits"]),
        ("predict alone", regular.of("score_portfolio"), parts["predict"]),
        (
            "fits, query and predictions; the first night without intake",
            (first.wall - loading[0], first.cpu - loading[1]),
            {key: sum(part[key] for part in needed) for key in ("wall", "cpu")}
            | {"gib": max(part["gib"] for part in needed)},
        ),
    ]
    rows = [
        f"| {name} | {part['wall']:.1f} | {part['cpu']:.1f} | {part['gib']:.2f} | {wall:.1f} | {cpu:.1f} "
        f"| {wall / part['wall']:.1f} | {cpu / part['cpu']:.1f} |"
        for name, (wall, cpu), part in pairs
    ]
    head = (
        "| bare part | wall s | CPU s | GiB | ours, wall s | ours, CPU s | ratio of wall s | ratio of CPU s |"
    )
    return "\n".join([f"{head}\n|---|--:|--:|--:|--:|--:|--:|--:|", *rows])


def training_line(first: Run, parts: dict[str, dict[str, Any]]) -> str:
    """Return how much of a training is work of the libraries, and the first night beside that."""
    libraries, training = first.in_libraries.get("ensure_champions", 0.0), first.of("ensure_champions")[1]
    needed = libraries + parts["features"]["cpu"] + parts["predict"]["cpu"]
    ours = first.cpu - first.of("ingest_landing")[1]
    return (
        f"A training fits more than once: in folds, over a grid, a challenger beside it. Of its {training:.1f} CPU s "
        f"{libraries:.1f} ({libraries / training:.0%}) were inside the model libraries. The first night without intake "
        f"took {ours / needed:.1f} times the CPU s of those, the bare query and the predictions."
    )


def explained_line(families: dict[str, tuple[int, float]]) -> str:
    """Return how many borrowers one core scores and explains in a second."""
    rates = ", ".join(
        f"{family} {borrowers:,} at {borrowers / seconds:,.0f}"
        for family, (borrowers, seconds) in families.items()
    )
    return f"Scored and explained, borrowers a CPU second, without reading and writing: {rates}."


def measure(home: Path, *, enterprises: int, days: int) -> dict[str, Any]:
    """Run delivery and both nights in a new home, then the bare parts of the same files and models."""
    portfolio, before = f"simulated-{enterprises}-{SEED}", DAY - timedelta(days=1)
    source = ("--source", "simulated", "--enterprises", str(enterprises), "--seed", str(SEED))
    landing = home / "landing" / portfolio
    delivery = run(home, "deliver", *source, "--through", str(before), "--history-days", str(days))
    record = delivered(landing)
    first = run(home, "nightly", *source, "--as-of", str(before))
    regular = run(home, "nightly", *source, "--as-of", str(DAY))
    files = delivered(landing)
    parts = {
        "read the record": bare("read", files=record),
        "read a day": bare("read", files=sorted(set(files) - set(record))),
        "features": bare("features", files=files),
        "fits": bare("fits", portfolio, str(DAY)),
        "predict": bare("predict", portfolio, str(DAY)),
        "explained": bare("explained", portfolio, str(DAY)),
        "transactions": bare("transactions", portfolio, str(DAY)),
    }
    return {"delivery": delivery, "first": first, "regular": regular, "parts": parts, "files": len(record)}


def main(arguments: list[str]) -> None:
    """Measure and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.night", description=__doc__)
    parser.add_argument("--enterprises", type=int, default=2_000)
    parser.add_argument("--days", type=int, default=1_125, help="length of the record before the first night")
    parser.add_argument("--threads", type=int, default=2, help="cores that one process may use")
    parser.add_argument("--folder", type=Path, help="where the home is made; empty = the temporary folder")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="nightledger-bench-", dir=options.folder) as folder:
        os.environ.update(NIGHTLEDGER_HOME=folder, NIGHTLEDGER_THREADS=str(options.threads))
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = str(options.threads)
        result = measure(Path(folder), enterprises=options.enterprises, days=options.days)
    delivery, first, regular = result["delivery"], result["first"], result["regular"]
    renew(
        f"night-{options.enterprises}" + ("" if options.days == 1_125 else f"-{options.days}"),
        title=f"A whole night: {options.enterprises:,} borrowers, a record of {options.days:,} days",
        command=f"python -m benchmarks.night --enterprises {options.enterprises} --days {options.days} "
        f"--threads {options.threads}",
        body="\n\n".join(
            [
                delivery_line(delivery, files=result["files"]),
                "The first night loads the record and trains:",
                steps_table(first),
                "The regular night, one new day, champions there:",
                steps_table(regular),
                shares_line(regular),
                "The bare parts, each in a process of its own:",
                ratios_table(first, regular, result["parts"]),
                training_line(first, result["parts"]),
                explained_line(result["parts"]["explained"]["families"]),
                "The ten costliest functions of the first night (CPU s by samples of the stacks):",
                functions_table(first),
                "The ten costliest functions of the regular night:",
                functions_table(regular),
            ]
        ),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
