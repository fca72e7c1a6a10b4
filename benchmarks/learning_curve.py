"""What more labelled rows teach: each family trained on 5,000 to 100,000 of them, measured on other, later rows.

The rows are those of several simulated portfolios of different seeds, each delivered, loaded and made into features by
the pipeline, so that no portfolio is as large as all of them together. A quarter of the borrowers is never learnt from;
their rows of the last snapshot measure, the others' rows of the earlier snapshots teach.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from benchmarks.page import renew

DAY = date(2025, 12, 31)
SNAPSHOTS = 4  # a year apart; the last one measures
HISTORY_DAYS = 365 * (SNAPSHOTS + 1) + 30  # a year before the first of them
SEEDS = (11, 12, 13, 14, 15, 16)
MEASURING = 4  # every so many-th borrower
ROOT = Path(__file__).parents[1]


def build(folder: Path, *, seed: int, enterprises: int) -> None:
    """Write the labelled rows of one simulated portfolio to the folder."""
    home = folder / f"home-{seed}"
    os.environ["NIGHTLEDGER_HOME"] = str(home)

    from prefect import flow

    from tasks.deliver import deliver_feeds
    from tasks.ingest import ingest_landing
    from tasks.snapshots import build_snapshots
    from warehouse import matrix
    from warehouse.connection import writer
    from warehouse.night import Night
    from warehouse.outcome import OutcomeDefinition

    outcome = OutcomeDefinition.of("dpd90", horizon_days=365)
    dates = outcome.snapshot_dates(DAY, snapshots=SNAPSHOTS)

    @flow
    def load() -> None:
        world = {"history_days": HISTORY_DAYS}
        delivery = deliver_feeds(
            source="simulated", enterprises=enterprises, seed=seed, through=DAY, world=world
        )
        ingest_landing(delivery.landing, delivery.portfolio, "learning curve")
        build_snapshots(dates, Night(delivery.portfolio, DAY, "learning curve"), outcome)
        with writer(purpose="read labelled rows") as con:
            rows = matrix.training_matrix(
                con, portfolio=delivery.portfolio, snapshot_dates=dates, outcome=outcome
            )
        rows.frame.write_parquet(folder / f"rows-{seed}.parquet")

    load()
    shutil.rmtree(home)


def sample(folder: Path, covers: tuple[str, ...], rows: int):  # noqa: ANN201 - a frame
    """Return at most so many rows that teach, the same share of each snapshot and label, and those that measure."""
    import polars as pl

    files = sorted(folder.glob("rows-*.parquet"))
    whose = pl.format("{}-{}", "portfolio", "enterprise_id").alias("enterprise_id")
    frame = pl.concat([pl.read_parquet(file) for file in files]).with_columns(whose)
    frame = frame.filter(pl.col("coverage").is_in(covers)).sort("as_of_date", "enterprise_id")
    last = pl.col("as_of_date") == pl.col("as_of_date").max()
    measuring = pl.col("enterprise_id").hash(seed=7) % MEASURING == 0
    frame = frame.filter(last == measuring)
    place = pl.int_range(pl.len(), dtype=pl.Int64).shuffle(seed=7).over("as_of_date", "label")
    alike = pl.len().over("as_of_date", "label").cast(pl.Int64)
    return frame.filter(last | (place * pl.len().over(last) < rows * alike))


def fit(folder: Path, family: str, rows: int) -> dict:
    """Train a family as a night does, without the challenger, and return its figures; its PDs go to the folder."""
    from models.families import FAMILIES
    from models.training import train
    from warehouse.feature_catalogue import directions
    from warehouse.matrix import feature_groups

    chosen = FAMILIES[family]
    frame = sample(folder, chosen.covers, rows)
    labels, days = frame["label"].to_numpy(), frame["as_of_date"].to_list()
    wall, cpu = time.perf_counter(), time.process_time()
    training = train(
        chosen.build(chosen.settings(), feature_groups(), directions()),
        frame.drop("label"),
        labels,
        borrowers=frame["enterprise_id"].to_list(),
        snapshots=days,
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    evaluation = training.evaluation
    evaluation.unseen.write_parquet(folder / f"unseen-{family}-{rows}.parquet")
    return {
        "family": family,
        "wanted": rows,
        "rows": frame.height - evaluation.rows,
        "measured": evaluation.rows,
        "auc": tuple(evaluation.raw["auc"]),
        "log_loss": tuple(evaluation.pd["log_loss"]),
        "wall": wall,
        "cpu": cpu,
    }


def less(folder: Path, family: str, rows: int, most: int) -> tuple[float, float]:
    """Return the log loss less that of the most rows, paired by measured row, and the standard error of the mean."""
    import numpy as np
    import polars as pl

    losses = []
    for size in (rows, most):
        unseen = pl.read_parquet(folder / f"unseen-{family}-{size}.parquet")
        label, pd = unseen["label"].to_numpy(), unseen["pd"].to_numpy()
        losses.append(-np.log(np.where(label == 1, pd, 1 - pd)))
    gaps = losses[0] - losses[1]
    return float(gaps.mean()), float(gaps.std(ddof=1) / np.sqrt(len(gaps)))


def table(folder: Path, figures: list[dict]) -> str:
    """Return the body of the section."""
    lines = [
        "| family | rows it learns from | AUC | log loss | log loss less that of the most rows | s | CPU s |",
        "|---|--:|---|---|---|--:|--:|",
    ]
    for figure in figures:
        most = max(other["wanted"] for other in figures if other["family"] == figure["family"])
        gap, error = less(folder, figure["family"], figure["wanted"], most)
        beside = "" if figure["wanted"] == most else f"{gap:+.4f} ± {1.96 * error:.4f}"
        spans = [
            f"{mean:.4f} ({low:.4f} to {high:.4f})" for mean, low, high in (figure["auc"], figure["log_loss"])
        ]
        lines.append(
            f"| {figure['family']} | {figure['rows']:,} | {spans[0]} | {spans[1]} | {beside} | {figure['wall']:.0f} | "
            f"{figure['cpu']:.0f} |"
        )
    measured = ", ".join(
        f"{family} {count:,}"
        for family, count in {figure["family"]: figure["measured"] for figure in figures}.items()
    )
    return "\n".join(lines) + (
        "\n\nLearnt from snapshots one, two and three years before the one that measures, drawn by snapshot and label, "
        "smaller draws within larger ones; measured on the last snapshot of other borrowers "
        f"(rows: {measured}). The whole training of a night, search and calibration included, without the challenger, "
        "on one thread and in a process of its own. Log loss of the calibrated PD, cross-fitted; differences paired by "
        "row, with 1.96 standard errors."
    )


def part(*arguments: str) -> dict:
    """Run one part in a process of its own and return its figures."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.learning_curve", *arguments]
    threads = dict.fromkeys(("NIGHTLEDGER_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    out = subprocess.run(
        command, cwd=ROOT, env=os.environ | threads, stdout=subprocess.PIPE, text=True, check=True
    )
    print(out.stdout.splitlines()[-1], flush=True)
    return json.loads(out.stdout.splitlines()[-1])


def measure(folder: Path, family: str, rows: int) -> None:
    """Train once and keep the figures in the folder, unless they are there: a run that was stopped goes on."""
    file = folder / f"figures-{family}-{rows}.json"
    if not file.exists():
        file.write_text(
            json.dumps(part("--folder", str(folder), "--fit", family, str(rows))), encoding="utf-8"
        )


def main(arguments: list[str]) -> None:
    """Build the portfolios that the folder lacks, train, and renew the section of the page from all it holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning_curve", description=__doc__)
    parser.add_argument(
        "--enterprises", type=int, default=500, help="of each portfolio; 25_000 for the record"
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[500, 1_000])
    parser.add_argument("--families", nargs="+", default=["operational_risk", "voting_ensemble", "wide_deep"])
    parser.add_argument("--folder", type=Path, help="keeps rows and figures; empty = a temporary folder")
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--fit", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.seed is not None:
        build(options.folder, seed=options.seed, enterprises=options.enterprises)
        print(json.dumps({"built": options.seed}))
        return
    if options.fit:
        print(json.dumps(fit(options.folder, options.fit[0], int(options.fit[1]))))
        return
    with tempfile.TemporaryDirectory(prefix="nightledger-bench-") as temporary:
        folder = options.folder or Path(temporary)
        for seed in SEEDS:
            if not (folder / f"rows-{seed}.parquet").exists():
                part("--folder", str(folder), "--enterprises", str(options.enterprises), "--seed", str(seed))
        for family in options.families:
            for rows in options.rows:
                measure(folder, family, rows)
        kept = [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("figures-*.json")]
        figures = sorted(kept, key=lambda figure: (figure["family"], figure["wanted"]))
        renew(
            "learning-curve",
            title=f"What more rows teach: {len(SEEDS)} portfolios of {options.enterprises:,} borrowers",
            command=f"python -m benchmarks.learning_curve --enterprises {options.enterprises} "
            f"--rows {' '.join(map(str, options.rows))}",
            body=table(folder, figures),
        )


if __name__ == "__main__":
    main(sys.argv[1:])
