"""How often the watch cries over simulated portfolios that nothing happens to, and how soon it sees what does happen.

Each portfolio is trained on what was known on its first night and scored thirty nights in a row, each with the tasks of
a night. Then something happens to it, in its rows or files, one thing at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.happenings import LATER, to_champion, to_files, to_rows
from benchmarks.page import PAGE, renew

SEEDS = range(37, 57)
NIGHTS = 30
RECORD_DAYS = 1125  # before the first night, as of any first night of a simulated portfolio
FIRST = date(2026, 2, 5)
APART = 11  # days between the first nights of two portfolios, so that they lie in all seasons
ROOT = Path(__file__).parents[1]
HAPPENINGS = {
    "one feed out: transactions": "first night",
    "one feed out: operational events": "first night",
    "amounts in cents": "at the gate, before scoring",
    "amounts halved for a fifth of the borrowers": "3 nights",
    "amounts fall by 1% a day": "10 nights",
    "defaults double": "30 outcomes",
    "a champion shifts PDs by +20%": "first night",
    "a champion shifts PDs by -20%": "first night",
}


def first_night(seed: int) -> date:
    """Return the first night of a portfolio."""
    return FIRST + timedelta(days=APART * (seed - SEEDS[0]))


def score_nights(seed: int, *, enterprises: int) -> None:
    """Score the nights of a portfolio that nothing happens to."""
    from benchmarks.orchestration import plain, score_night
    from tasks.deliver import deliver_feeds
    from tasks.ingest import ingest_landing
    from warehouse.connection import writer

    days = [first_night(seed) + timedelta(days=number) for number in range(NIGHTS)]
    with plain(defaultdict(float)), writer(purpose="watching"):
        world = {"history_days": RECORD_DAYS + NIGHTS - 1}
        delivery = deliver_feeds(
            source="simulated", enterprises=enterprises, seed=seed, through=days[-1], world=world
        )
        ingest_landing(delivery.landing, delivery.portfolio, "history")
        for day in days:
            score_night(delivery.portfolio, day)


def calm(seed: int, *, enterprises: int) -> list[dict[str, Any]]:
    """Watch each of the nights and return its alerts."""
    from benchmarks.orchestration import plain
    from tasks.watch import watch_portfolio
    from warehouse.connection import writer
    from warehouse.night import Night

    names = ("measure", "family", "severity", "nights", "message")
    found = []
    with plain(defaultdict(float)), writer(purpose="watching") as con:
        for number in range(NIGHTS):
            day = first_night(seed) + timedelta(days=number)
            night = Night(f"simulated-{enterprises}-{seed}", day, "watching")
            watch_portfolio(night)
            rows = con.execute(
                "select measure, model_family, severity, nights, message from wh.ops.alerts "
                "where portfolio = $portfolio and as_of_date = $as_of_date", night.key,
            ).fetchall()  # fmt: skip
            found += [{"night": number, **dict(zip(names, row, strict=True))} for row in rows]
    return found


def disturbed(seed: int, *, enterprises: int) -> dict[str, dict[str, int | None]]:
    """Let each thing happen after the last of the calm nights and return when it was seen."""
    from benchmarks.orchestration import plain, score_night
    from tasks.deliver import deliver_feeds
    from tasks.ingest import ingest_landing
    from tasks.validate import validate_feeds
    from warehouse.connection import writer

    last = first_night(seed) + timedelta(days=NIGHTS - 1)
    following, cents = last + timedelta(days=1), last + timedelta(days=LATER + 1)
    with plain(defaultdict(float)), writer(purpose="watching") as con:
        source = {"source": "simulated", "enterprises": enterprises, "seed": seed}
        delivery = deliver_feeds(**source, through=cents - timedelta(days=1))
        ingest_landing(delivery.landing, delivery.portfolio, "later")
        found = to_rows(con, delivery.portfolio, last)
        validate_feeds(score_night(delivery.portfolio, following))  # what has come so far passes
        found["a champion shifts PDs by +20%"] = to_champion(delivery.portfolio, following, 1.2)
        found["a champion shifts PDs by -20%"] = to_champion(delivery.portfolio, following, 0.8 / 1.2)
        delivery = deliver_feeds(**source, through=cents)
        found["amounts in cents"] = to_files(delivery.landing, delivery.portfolio, cents)
    return found


def episodes(alerts: pl.DataFrame, severity: str) -> pl.DataFrame:
    """Return the nights on which a measure of something came to a severity that it had not the night before."""
    of = ["seed", "measure", "of"]
    rows = alerts.filter(pl.col("severity") == severity).sort(*of, "night")
    return rows.filter(pl.col("night").diff().over(of).fill_null(0) != 1)


def rate(counts: list[int], nights: int, per: int) -> str:
    """Return the mean number in `per` nights with its 95% interval over portfolios, and the largest."""
    values = np.array(counts) * per / nights
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():.2f} ± {half:.2f}, at most {values.max():.1f}"


def calm_table(alerts: pl.DataFrame, seeds: list[int]) -> str:
    """Return how often the watch spoke although nothing happened."""
    lines = ["| | new ones | nights at it | allowed |", "|---|--:|--:|--:|"]
    for severity, per, name, allowed in (
        ("alarm", 30, "alarms a month", 1),
        ("watch", 7, "watches a week", 1),
    ):
        new, all_ = episodes(alerts, severity), alerts.filter(pl.col("severity") == severity)
        counts = [[rows.filter(pl.col("seed") == seed).height for seed in seeds] for rows in (new, all_)]
        told = [rate(count, NIGHTS, per) for count in counts]
        lines.append(f"| {name} and portfolio | {told[0]} | {told[1]} | {allowed} |")
    spoke = (
        episodes(alerts, "watch").vstack(episodes(alerts, "alarm"))
        .group_by("measure", "of", "severity").len("new").sort("new", "measure", "of", descending=[True, False, False])
    )  # fmt: skip
    which = ", ".join(
        f"{measure} ({of}; {severity}, {new})" for measure, of, severity, new in spoke.iter_rows()
    )
    return (
        "\n".join(lines)
        + f"\n\nWhat spoke, over {len(seeds)} portfolios and {NIGHTS} nights: {which or 'nothing'}."
    )


def disturbed_table(found: dict[int, dict[str, dict[str, int | None]]]) -> str:
    """Return when the watch saw what happened."""
    lines = [
        "| what happens | wanted | seen by then | within 60 nights | first watch: median night (quartiles) | alarm |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for name, wanted in HAPPENINGS.items():
        nights = [each[name]["watch"] for each in found.values()]
        unit = ""
        if name == "defaults double":
            outcomes = [each[name].get("watch outcomes") for each in found.values()]
            within, unit = sum(value is not None and value <= 30 for value in outcomes), " outcomes"
        else:
            limit = {"first night": 1, "3 nights": 3, "10 nights": 10}.get(wanted, 0)
            within = sum(night is not None and night <= limit for night in nights)
        of = len(nights)
        times = [spread(nights), spread([each[name]["alarm"] for each in found.values()])]
        if unit:
            times = [
                f"{time}; {spread([each[name].get(f'{severity} outcomes') for each in found.values()])}{unit}"
                for time, severity in zip(times, ("watch", "alarm"), strict=True)
            ]
        lines.append(
            f"| {name} | {wanted} | {within} of {of} | {sum(night is not None for night in nights)} of {of} "
            f"| {times[0]} | {times[1]} |"
        )
    return "\n".join(lines)


def spread(nights: list[int | None]) -> str:
    """Return median and quartiles; a night that never came counts as later than all."""
    values = np.array([np.inf if night is None else night for night in nights])
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], method="higher")
    told = ["never" if np.isinf(value) else f"{value:.0f}" for value in (middle, low, high)]
    return "{} ({} to {})".format(*told)


def main(arguments: list[str]) -> None:
    """Build, watch and disturb the portfolios that the folder lacks, and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watching", description=__doc__)
    parser.add_argument("--enterprises", type=int, default=2_000, help="of each portfolio")
    parser.add_argument("--portfolios", type=int, default=len(SEEDS))
    parser.add_argument("--folder", type=Path, help="keeps homes and findings; empty = a temporary folder")
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.seed is not None:
        home = options.folder / str(options.seed)
        os.environ["NIGHTLEDGER_HOME"] = str(home)
        if not home.exists():
            score_nights(options.seed, enterprises=options.enterprises)
        found = {"calm": calm(options.seed, enterprises=options.enterprises)}
        found["disturbed"] = disturbed(options.seed, enterprises=options.enterprises)  # type: ignore[assignment]
        (options.folder / f"{options.seed}.json").write_text(json.dumps(found, indent=1))
        return
    seeds = list(SEEDS)[: options.portfolios]
    with tempfile.TemporaryDirectory(prefix="nightledger-bench-") as temporary:
        folder = options.folder or Path(temporary)
        found = {}
        for seed in seeds:
            kept = folder / f"{seed}.json"
            if not kept.exists():
                command = [
                    sys.executable,
                    "-W",
                    "ignore",
                    "-m",
                    "benchmarks.watching",
                    "--folder",
                    str(folder),
                ]
                sizes = ["--enterprises", str(options.enterprises), "--seed", str(seed)]
                subprocess.run([*command, *sizes], cwd=ROOT, check=True)
            found[seed] = json.loads(kept.read_text())
    alerts = pl.DataFrame(
        [{"seed": seed, **alert} for seed, one in found.items() for alert in one["calm"]],
        schema={"seed": pl.Int64, "night": pl.Int64, "measure": pl.String, "family": pl.String, "severity": pl.String,
                "nights": pl.Int64, "message": pl.String},
    ).with_columns(of=pl.col("message").str.split(":").list.first())  # fmt: skip
    renew(
        "watching",
        title=f"The watch: {len(seeds)} portfolios of {options.enterprises:,} borrowers",
        command=f"python -m benchmarks.watching --enterprises {options.enterprises} --portfolios {len(seeds)}",
        page=PAGE.with_name("monitoring.md"),
        body=(
            f"{NIGHTS} nights in a row of each, to which nothing happens:\n\n{calm_table(alerts, seeds)}\n\n"
            "Then one thing happens, from the night after on:\n\n"
            + disturbed_table({seed: one["disturbed"] for seed, one in found.items()})
        ),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
