"""Candidate rules of the watch list side by side, each beside the worst PDs in a list of equal length.

Simulated portfolios are scored night by night, with models trained on what was known on the first night. Which rule is
taken is decided on half of them and judged on the other half.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import binomtest, fisher_exact

from benchmarks.page import renew

THROUGH = date(2026, 7, 31)
HORIZON_DAYS = 180
JUDGED = (date(2025, 6, 30), date(2025, 12, 31))  # their windows do not overlap
NIGHTS = (
    date(2024, 6, 30), date(2024, 12, 31), date(2025, 3, 31), date(2025, 5, 31), date(2025, 6, 30),
    date(2025, 9, 30), date(2025, 11, 30), date(2025, 12, 31),
)  # fmt: skip
EARLY_DAYS = 90  # before that the arrears that end in default have begun
HISTORY_DAYS = (
    THROUGH - date(2021, 6, 1)
).days  # a year before the first of two snapshots of the first night
CHOOSING, JUDGING = (11, 12), (13, 14)
TRIGGERS = (
    "worse_than_sector", "activity_gap", "hhi_jump", "supplier_latency", "new_defendant", "data_trouble",
)  # fmt: skip
GRAVE = (
    "worse_than_sector",
    "activity_gap",
    "new_defendant",
    "data_trouble",
)  # each enough by the former rule
NIGHT = ("portfolio", "as_of_date")
ROOT = Path(__file__).parents[1]
DEFAULTS = """
select enterprise_id, min(outcome_date) - $as_of_date as days_to_default
from wh.staging.stg_outcomes
where portfolio = $portfolio and outcome_date > $as_of_date and days_past_due > 90
group by enterprise_id
"""


def build(folder: Path, *, seed: int, enterprises: int) -> None:
    """Score the nights of one simulated portfolio; write the marts of the judged ones, with outcomes, to the folder."""
    home = folder / f"home-{seed}"
    os.environ["NIGHTLEDGER_HOME"] = str(home)

    from benchmarks.orchestration import plain, score_night
    from tasks.deliver import deliver_feeds
    from tasks.ingest import ingest_landing
    from warehouse import sql, watch
    from warehouse.connection import writer
    from warehouse.outcome import OutcomeDefinition

    outcome = OutcomeDefinition.of("dpd90", horizon_days=HORIZON_DAYS)
    world = {"history_days": HISTORY_DAYS}
    with plain(defaultdict(float)), writer(purpose="early warning"):
        delivery = deliver_feeds(
            source="simulated", enterprises=enterprises, seed=seed, through=THROUGH, world=world
        )
        ingest_landing(delivery.landing, delivery.portfolio, "early warning")
        for day in NIGHTS:
            night = score_night(delivery.portfolio, day)
            if day in JUDGED:
                with writer(purpose="watch list") as con:
                    labels = watch.labels(con, night, outcome, known_by=THROUGH)
                    defaults = sql.frame(con, DEFAULTS, night.key)
                    rows = sql.frame(con, "from wh.marts.mart_early_warning")
                rows = rows.join(labels.select("enterprise_id", "label"), on="enterprise_id", how="left")
                rows = rows.join(defaults, on="enterprise_id", how="left")
                rows.write_parquet(folder / f"rows-{seed}-{day}.parquet")
    shutil.rmtree(home)


def borrowers(folder: Path, seeds: tuple[int, ...]) -> pl.DataFrame:
    """Return who could be warned of on the judged nights of some portfolios, the worst PD of each night first.

    Not in default that night, by what was known then or by what is known now, and with a known outcome.
    """
    frames = [pl.read_parquet(folder / f"rows-{seed}-{day}.parquet") for seed in seeds for day in JUDGED]
    rows = pl.concat(frames, how="diagonal").filter(
        pl.col("label").is_not_null() & pl.col("in_default").fill_null(value=False).not_()
    )
    rows = rows.sort("pd", "enterprise_id", descending=[True, False], nulls_last=True)
    place = pl.int_range(pl.len()).over(*NIGHT) + 1
    mild = pl.col("hhi_jump") & pl.col("supplier_latency")
    return rows.with_columns(place=place, former=pl.any_horizontal(*GRAVE) | mild)


def candidates(cut: float) -> dict[str, pl.Expr]:
    """Return the rules that are compared, by what the table calls them."""
    high = (pl.col("pd") >= cut).fill_null(value=False)
    doubtful = (pl.col("pd") >= 0.16).fill_null(value=False)  # grade D2 or worse
    return {
        "the former rule": pl.col("former"),
        **{name: pl.col(name) for name in TRIGGERS},
        "grade D2 or worse, and worse_than_sector": doubtful & pl.col("worse_than_sector"),
        f"PD of {cut} or more": high,
        **{f"PD of {cut} or more, or {name}": high | pl.col(name) for name in TRIGGERS},
    }


def worst(rows: pl.DataFrame, marked: pl.Series) -> pl.Series:
    """Return a list of the worst PDs that is as long as another one on each night."""
    length = pl.col("marked").sum().over(*NIGHT)
    return rows.with_columns(marked=marked).select(alone=pl.col("place") <= length)["alone"]


def filled(rows: pl.DataFrame, first: pl.Expr) -> pl.Series:
    """Return a list as long as the former one on each night: whom a rule marks, then others, the worst PDs first."""
    order = pl.struct(first.not_(), "place").rank("ordinal").over(*NIGHT)
    return rows.select(listed=order <= pl.col("former").sum().over(*NIGHT))["listed"]


def interval(hits: int, of: int) -> str:
    """Return a share with Wilson's interval."""
    if not of:
        return "nobody"
    span = binomtest(hits, of).proportion_ci(method="wilson")
    return f"{hits / of:.1%} ({span.low:.1%} to {span.high:.1%})"


def less(label: pl.Series, marked: pl.Series, other: pl.Series) -> str:
    """Return recall less that of another list, from the defaults that only one of them has.

    References:
        Agresti (2013), Categorical Data Analysis, section 11.1: difference of two dependent proportions.
    """
    defaults = int(label.sum())
    more, fewer = int(label.filter(marked & ~other).sum()), int(label.filter(other & ~marked).sum())
    error = np.sqrt(more + fewer - (more - fewer) ** 2 / defaults) / defaults
    return f"{(more - fewer) / defaults:+.1%} ± {1.96 * error:.1%}"


def at_own_length(rows: pl.DataFrame, cut: float) -> Iterator[tuple[str, ...]]:
    """Yield of each rule what it is worth, and its recall less that of as many of the worst PDs."""
    label = rows["label"]
    late = (
        (label.cast(pl.Boolean) & (rows["days_to_default"] > EARLY_DAYS))
        .fill_null(value=False)
        .cast(pl.Int64)
    )
    for name, rule in candidates(cut).items():
        marked = rows.select(marked=rule)["marked"]
        alone = worst(rows, marked)
        hits, listed = int(label.filter(marked).sum()), int(marked.sum())
        days = rows.filter(marked & label.cast(pl.Boolean))["days_to_default"]
        spread = [days.quantile(share, "linear") for share in (0.5, 0.25, 0.75)]
        yield (
            name,
            f"{listed / rows.height:.1%}",
            interval(hits, listed),
            interval(hits, int(label.sum())),
            less(label, marked, alone),
            interval(int(late.filter(marked).sum()), int(late.sum())),
            less(late, marked, alone),
            "" if days.is_empty() else "{:.0f} ({:.0f} to {:.0f})".format(*spread),
        )


def at_equal_length(rows: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    """Yield of each trigger what a list as long as the former one is worth that has whom it marks before the PDs."""
    label, alone = rows["label"], worst(rows, rows["former"])
    firsts = {"nobody: the worst PDs": pl.lit(value=False), **{name: pl.col(name) for name in TRIGGERS}}
    for name, first in firsts.items():
        marked = filled(rows, first)
        hits = int(label.filter(marked).sum())
        yield (
            name,
            interval(hits, int(marked.sum())),
            interval(hits, int(label.sum())),
            less(label, marked, alone),
        )


def added(rows: pl.DataFrame, cut: float, trigger: str) -> tuple[pl.Series, pl.Series]:
    """Return the labels of borrowers below the cut that a trigger marks, and of as many with the next PDs.

    The second are whom a list of PDs would have instead, if it were longer by as many.
    """
    below = rows.filter((pl.col("pd") < cut).fill_null(value=True))
    place = pl.col("place").rank("ordinal").over(*NIGHT)
    instead = below.filter(place <= pl.col(trigger).sum().over(*NIGHT))
    return below.filter(pl.col(trigger))["label"], instead["label"]


def worth_adding(rows: pl.DataFrame, cut: float) -> list[str]:
    """Return the triggers whose added borrowers default more often than the next PDs (Fisher's exact test, 5%)."""
    found = []
    for trigger in TRIGGERS:
        counts = [[int(labels.sum()), int((labels == 0).sum())] for labels in added(rows, cut, trigger)]
        if fisher_exact(counts, alternative="greater").pvalue < 0.05:
            found.append(trigger)
    return found


def cut_of(rows: pl.DataFrame) -> float:
    """Return the PD, in steps of 0.01, at which a list is as long as that of the former rule."""
    steps = np.arange(0.01, 1, 0.01)
    lengths = np.array([int((rows["pd"] >= step).sum()) for step in steps])
    return round(float(steps[np.abs(lengths - int(rows["former"].sum())).argmin()]), 2)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown, its first column at the left."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def body(folder: Path) -> str:
    """Return the section: what some of the portfolios choose, and what it is worth on the others."""
    choosing, judging = borrowers(folder, CHOOSING), borrowers(folder, JUDGING)
    cut = cut_of(choosing)
    chosen = worth_adding(choosing, cut)
    beside = []
    for trigger in TRIGGERS:
        cells = [trigger]
        for rows in (choosing, judging):
            marked, instead = added(rows, cut, trigger)
            cells += [str(len(marked))]
            cells += [interval(int(labels.sum()), len(labels)) for labels in (marked, instead)]
        beside.append(cells)
    sizes = [f"{rows.height:,} borrowers, {rows['label'].sum()} defaults" for rows in (choosing, judging)]
    head = (
        f"Seeds {' and '.join(map(str, CHOOSING))} choose ({sizes[0]} within {HORIZON_DAYS} days), seeds "
        f"{' and '.join(map(str, JUDGING))} judge ({sizes[1]}, {judging['label'].mean():.1%}), each by its borrowers "
        f"not in default on {JUDGED[0]} and on {JUDGED[1]}. Intervals are 95% and take borrowers as independent; days "
        "to the default count from the judged night."
    )
    choice = (
        f"Chosen: PD of {cut} or more, which makes the list as long as it was, and {', '.join(chosen) or 'no trigger'} "
        f"beside it. A trigger is worth a place if the borrowers below {cut} that it marks default more often than as "
        "many with the next PDs (Fisher's exact test, one-sided, 5%):"
    )
    return "\n\n".join(
        (
            head,
            choice,
            table(
                ("trigger", "choosing: marked", "default", "next PDs", "judging: marked", "default", "next PDs"),
                beside,
            ),
            "What each rule is worth on the portfolios that judge, beside as many of the worst PDs:",
            table(
                (
                    "rule", "listed", "precision", "recall", "less that of as many of the worst PDs",
                    f"recall of defaults after more than {EARLY_DAYS} days", "less that of as many of the worst PDs",
                    "days to the default, median (quartiles)",
                ),
                at_own_length(judging, cut),
            ),
            "Lists as long as that of the former rule: whom a trigger marks first, then the worst PDs:",
            table(
                ("first", "precision", "recall", "recall less that of the worst PDs"), at_equal_length(judging)
            ),
        )
    )  # fmt: skip


def main(arguments: list[str]) -> None:
    """Build the portfolios that the folder lacks, compare the rules, and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.early_warning", description=__doc__)
    parser.add_argument("--enterprises", type=int, default=2_000, help="of each portfolio")
    parser.add_argument("--folder", type=Path, help="keeps the rows; empty = a temporary folder")
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.seed is not None:
        build(options.folder, seed=options.seed, enterprises=options.enterprises)
        print(json.dumps({"built": options.seed}))
        return
    with tempfile.TemporaryDirectory(prefix="nightledger-bench-") as temporary:
        folder = options.folder or Path(temporary)
        for seed in (*CHOOSING, *JUDGING):
            if not (folder / f"rows-{seed}-{JUDGED[-1]}.parquet").exists():
                command = [sys.executable, "-W", "ignore", "-m", "benchmarks.early_warning"]
                sizes = [
                    "--folder",
                    str(folder),
                    "--enterprises",
                    str(options.enterprises),
                    "--seed",
                    str(seed),
                ]
                subprocess.run([*command, *sizes], cwd=ROOT, check=True)
        renew(
            "early-warning",
            title=f"Rules of the watch list: {len(CHOOSING + JUDGING)} portfolios of {options.enterprises:,} borrowers",
            command=f"python -m benchmarks.early_warning --enterprises {options.enterprises}",
            body=body(folder),
        )


if __name__ == "__main__":
    main(sys.argv[1:])
