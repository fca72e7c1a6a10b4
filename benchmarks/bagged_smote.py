"""Compare bagged SMOTE with imbalanced-learn's SMOTE on the whole set: seconds, CPU seconds, memory, growth."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.page import renew

THREADS = 2
RECORD = 1_000_000  # rows from which a run renews the record; a quicker one has a section of its own
COLUMNS = 60
MINORITY = 0.1
SMALLEST = 10_000


def generate(rows: int) -> tuple[Any, Any]:
    """Return rows of correlated numbers and their labels; the minority lies half a deviation apart."""
    rng = np.random.default_rng(11)
    y = (np.arange(rows) % round(1 / MINORITY) == 0).astype(np.int64)
    X = rng.standard_normal((rows, COLUMNS))
    X += 0.7 * X[:, [0]]
    X += 0.5 * y[:, None]
    return X, y


def sampler(part: str) -> Any:
    """Return the sampler of one part, as a user would construct it."""
    if part == "whole":
        from imblearn.over_sampling import SMOTE

        return SMOTE(random_state=0)
    from models.voting_ensemble.bagging import BaggedSmote

    return BaggedSmote(n_bags=10 if part == "ten bags" else "auto", n_jobs=THREADS)


NAMES = {
    "bagged": 'bagged, `n_bags="auto"`',
    "ten bags": "bagged, `n_bags=10`",
    "whole": "imbalanced-learn's SMOTE on the whole set",
}
PARTS = tuple(NAMES)
Figures = dict[int, dict[str, list[dict[str, float]]]]


def one_part(part: str, rows: int) -> None:
    """Time one part in this process and print the figures as JSON."""
    X, y = generate(rows)
    resampler = sampler(part)
    resampler.fit_resample(*generate(1000))  # so that imports and compilation are not measured
    gib_before = peak()
    wall, cpu = time.perf_counter(), time.process_time()
    resampled, labels = resampler.fit_resample(X, y)
    seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    if not (len(resampled) == len(labels) and np.ptp(np.bincount(labels)) == 0):
        raise SystemExit(f"{part} at {rows} rows did not balance the classes")
    print(
        json.dumps(
            {**seconds, "gib": peak(), "before": gib_before, "bags": len(getattr(resampler, "bags_", "1"))}
        )
    )


def peak() -> float:
    """Return the most memory that this process has held so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(part: str, rows: int) -> dict[str, float]:
    """Run one part in a process of its own and return its figures."""
    command = [sys.executable, "-m", "benchmarks.bagged_smote", "--part", part, "--rows", str(rows)]
    limits = {f"{name}_NUM_THREADS": str(THREADS) for name in ("OMP", "OPENBLAS", "MKL")}
    folder = Path(__file__).parents[1]
    out = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=folder, env=os.environ | limits
    )
    figures = json.loads(out.stdout.splitlines()[-1])
    line = f"{figures['wall']:7.2f} s  {figures['cpu']:7.2f} CPU s  {figures['gib']:5.2f} GiB"
    print(f"  {part:9} {rows:>11,}  {line}", flush=True)
    return figures


def sizes(largest: int) -> list[int]:
    """Return the sizes to measure: from 10,000 in steps of about 3 up to the largest."""
    steps = [SMALLEST * factor for factor in (1, 3, 10, 30, 100, 300, 1000) if SMALLEST * factor < largest]
    return [*steps, largest]


def main(arguments: list[str]) -> None:
    """Measure every size and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bagged_smote", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="1_000_000 for the record")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, the parts in turn; medians count")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.part:
        one_part(options.part, options.rows)
        return
    figures: Figures = {rows: {part: [] for part in PARTS} for rows in sizes(options.rows)}
    for rows, parts in figures.items():
        for _ in range(options.rounds):  # in turn, so that other work on the machine disturbs all parts alike
            for part, runs in parts.items():
                runs.append(measure(part, rows))
    renew(
        "bagged-smote" if options.rows >= RECORD else "bagged-smote-quick",
        title=f"Bagged SMOTE: {options.rows:,} rows, {COLUMNS} columns, {MINORITY:.0%} minority",
        command=f"python -m benchmarks.bagged_smote --rows {options.rows} --rounds {options.rounds}",
        body=table(figures, options.rounds),
    )


def table(figures: Figures, rounds: int) -> str:
    """Return the section's body: one row a size and sampler, the ratios to the whole set, and the growth."""
    text = (
        "| rows | | bags | s | CPU s | peak GiB | before | times faster than the whole set | by CPU seconds |\n"
        "|--:|---|--:|--:|--:|--:|--:|--:|--:|\n"
    )
    for rows, parts in figures.items():
        for part, runs in parts.items():
            by_clock, by_cpu = (ratios(parts, part, clock) for clock in ("wall", "cpu"))
            text += (
                f"| {rows:,} | {NAMES[part]} | {runs[0]['bags']} | {middle(runs, 'wall'):.2f} "
                f"| {middle(runs, 'cpu'):.2f} | {middle(runs, 'gib'):.2f} | {middle(runs, 'before'):.2f} "
                f"| {median(by_clock):.1f} ({min(by_clock):.1f} to {max(by_clock):.1f}) | {median(by_cpu):.1f} |\n"
            )
    return (
        f"{text}\nTarget at 1,000,000 rows: at least 5 times faster than the whole set, and growth in a straight line. "
        f"{' '.join(growth(figures, part) for part in PARTS)}\n\nEach figure is from a process of its own, {THREADS} "
        f"threads allowed, the parts in turn, the median of {rounds} rounds; ratios are taken within a round, their "
        "range in brackets. Peak memory is that of the process; the column beside it says how much Python, the "
        "libraries and the rows given held before."
    )


def middle(runs: list[dict[str, float]], figure: str) -> float:
    """Return the median of one figure over the rounds."""
    return median(run[figure] for run in runs)


def ratios(parts: dict[str, list[dict[str, float]]], part: str, figure: str) -> list[float]:
    """Return, for each round, how many times more of the figure the whole set took."""
    return [whole[figure] / run[figure] for whole, run in zip(parts["whole"], parts[part], strict=True)]


def growth(figures: Figures, part: str) -> str:
    """Return sentences on how CPU seconds, which other users of the machine disturb least, grow with rows."""
    rows = np.array(sorted(figures), dtype=float)
    if len(rows) < 3:
        return ""
    seconds = np.array([middle(figures[int(n)][part], "cpu") for n in rows])
    exponent = np.polyfit(np.log(rows), np.log(seconds), 1)[0]
    last_exponent = np.log(seconds[-1] / seconds[-2]) / np.log(rows[-1] / rows[-2])
    largest_deviation = np.abs(
        np.polyval(np.polyfit(rows, seconds, 1, w=1 / seconds), rows) / seconds - 1
    ).max()
    return (
        f"CPU seconds of {NAMES[part]} grow with the power {exponent:.2f} of the rows ({last_exponent:.2f} in the last "
        f"step), and no size is more than {largest_deviation:.0%} off one straight line."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
