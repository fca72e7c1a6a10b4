"""Measure intake: beside DuckDB's own reading, over a short and a long record, and of many small files."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from benchmarks.page import renew

DAY = date(2026, 6, 30)
MONTH = 31
SMALL_DAYS = 40
READERS = {
    "parquet": "read_parquet('{}')",
    "csv": "read_csv('{}')",
    "ndjson": "read_json('{}', format = 'newline_delimited')",
}


def alone(function: Callable[..., Any], *arguments: object) -> Any:
    """Call the function in a process of its own, so that nothing is warm and no other thread counts."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as processes:
        return processes.submit(function, *arguments).result()


def write_formats(landing: Path) -> None:
    """Write the delivered transactions as CSV and NDJSON too, each into a folder of its own below `formats`."""
    for file in sorted((landing / "transactions").glob("*.parquet")):
        for name, how in (("csv", "format csv, header"), ("ndjson", "format json"), ("parquet", "")):
            target = landing.parent / "formats" / name / "transactions" / f"{file.stem}.{name}"
            target.parent.mkdir(parents=True, exist_ok=True)
            if name == "parquet":
                shutil.copy(file, target)
            else:
                duckdb.sql(f"copy (from '{file}') to '{target}' ({how})")


def load(home: Path, landing: Path) -> dict[str, list[float]]:
    """Load a landing folder and return the CPU seconds of each file by feed."""
    os.environ.update(NIGHTLEDGER_HOME=str(home), NIGHTLEDGER_THREADS="1")
    from warehouse.connection import writer
    from warehouse.intake.ingest import ingest_file
    from warehouse.intake.landing import list_landing

    seconds: dict[str, list[float]] = {}
    with writer(purpose="benchmark of intake") as con:
        for file in list_landing(landing):
            started = time.process_time()
            result = ingest_file(con, file, portfolio="simulated", run_id="benchmark")
            seconds.setdefault(file.feed, []).append(time.process_time() - started)
            if result.status != "loaded":
                raise RuntimeError(f"{file.path} is {result.status}: {result.message}")
    return seconds


def read_bare(folder: Path, extension: str) -> float:
    """Return the CPU seconds that DuckDB needs to read the files into a table of a database file."""
    files = sorted(folder.glob(f"transactions/*.{extension}"))
    with tempfile.TemporaryDirectory() as scratch:
        con = duckdb.connect(
            Path(scratch) / "bare.duckdb", config={"threads": 1, "preserve_insertion_order": False}
        )
        con.execute(f"create table t as from {READERS[extension].format(files[0])} limit 0")
        started = time.process_time()
        for file in files:
            con.execute(f"insert into t select * from {READERS[extension].format(file)}")
        return time.process_time() - started


def lengthen(home: Path, days: int) -> None:
    """Repeat the record of one month under other keys and earlier times until it is so many days long."""
    os.environ.update(NIGHTLEDGER_HOME=str(home), NIGHTLEDGER_THREADS="1")
    from warehouse.connection import writer
    from warehouse.intake import versions
    from warehouse.intake.feeds import FEEDS

    with writer(purpose="benchmark of intake") as con:
        for feed in FEEDS.values():
            if feed.name in ("enterprises", "overrides"):
                continue
            con.execute(f"create temp table month as from wh.raw.{feed.name}")
            own_keys = {name for name in feed.key if name not in ("enterprise_id", "loan_id")}
            for back in range(1, round(days / MONTH)):
                columns = []
                for name, kind, *_ in con.execute("describe month").fetchall():
                    if kind in ("DATE", "TIMESTAMP") and name != "loaded_at":
                        columns.append(f"{name} - interval {MONTH * back} day as {name}")
                    elif name in own_keys and kind == "VARCHAR":
                        columns.append(f"{name} || '-{back}' as {name}")
                    elif name != "key_hash":
                        columns.append(name)
                con.execute(
                    f"insert into wh.raw.{feed.name} by name select *, {versions.key_hash(feed)} as key_hash "
                    f"from (select {', '.join(columns)} from month)"
                )
            con.execute("drop table month")
        con.execute("checkpoint wh")


def deliver_days(landing: Path, *, enterprises: int, days: int) -> None:
    """Deliver a month, and then so many files of one day."""
    from sources.simulated import SimulationSettings, deliver

    settings = SimulationSettings(enterprises=enterprises, history_days=MONTH)
    for day in range(days + 1):
        deliver(settings, landing, through=DAY + timedelta(days=day))


def beside_bare(folder: Path, rounds: int) -> str:
    """Return the table of each format beside DuckDB's own reading."""
    rows = []
    for name in READERS:
        ours, bare = [], []
        for number in range(rounds):
            home = folder / f"{name}-{number}"
            shutil.copytree(folder / "known", home)
            ours.append(sum(alone(load, home, folder / "formats" / name)["transactions"]))
            bare.append(alone(read_bare, folder / "formats" / name, name))
            shutil.rmtree(home)
        ratio = median(left / right for left, right in zip(ours, bare, strict=True))
        rows.append(f"| {name} | {median(ours):.2f} | {median(bare):.2f} | {ratio:.1f} | at most 2.5 |\n")
    return "| transactions | ours, CPU s | bare, CPU s | ratio | target |\n|---|--:|--:|--:|--:|\n" + "".join(
        rows
    )


def over_records(folder: Path, long: int, rounds: int) -> str:
    """Return the table of the files of one day over a record of a month and over a long one."""
    shutil.copytree(folder / "month", folder / "long")
    alone(lengthen, folder / "long", long)
    seconds: dict[str, dict[str, list[float]]] = {"month": {}, "long": {}}
    for number in range(rounds):
        for record, by_feed in seconds.items():
            home = folder / f"{record}-{number}"
            shutil.copytree(folder / record, home)
            for feed, files in alone(load, home, folder / "day").items():
                by_feed.setdefault(feed, []).append(sum(files))
            shutil.rmtree(home)
    rows = []
    for feed, short in seconds["month"].items():
        ratio = median(after / before for before, after in zip(short, seconds["long"][feed], strict=True))
        rows.append(
            f"| {feed} | {median(short):.3f} | {median(seconds['long'][feed]):.3f} | {ratio:.1f} | 1.2 |\n"
        )
    return (
        f"| the file of one day | over {MONTH} days, CPU s | over {long:,} days | ratio | at most |\n"
        "|---|--:|--:|--:|--:|\n" + "".join(rows)
    )


def many_small(folder: Path) -> str:
    """Return the table of what one of many small files costs."""
    deliver_days(folder / "small", enterprises=300, days=SMALL_DAYS)
    seconds = alone(load, folder / "small-home", folder / "small")
    return "| small files | files | CPU s a file | dearest | target |\n|---|--:|--:|--:|--:|\n" + "".join(
        f"| {feed} | {len(files)} | {sum(files) / len(files):.3f} | {max(files):.3f} | at most 0.1 |\n"
        for feed, files in seconds.items()
    )


def main(arguments: list[str]) -> None:
    """Measure the three questions and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intake", description=__doc__)
    parser.add_argument("--enterprises", type=int, default=5_000)
    parser.add_argument("--days", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="nightledger-bench-") as scratch:
        folder = Path(scratch)
        deliver_days(folder / "landing", enterprises=options.enterprises, days=0)
        shutil.copytree(folder / "landing", folder / "day")
        deliver_days(folder / "day", enterprises=options.enterprises, days=1)
        for file in (folder / "landing").glob("*/*"):
            (folder / "day" / file.relative_to(folder / "landing")).unlink()
        write_formats(folder / "landing")
        shutil.copytree(folder / "landing" / "enterprises", folder / "first" / "enterprises")
        alone(load, folder / "known", folder / "first")
        alone(load, folder / "month", folder / "landing")
        tables = (
            beside_bare(folder, options.rounds),
            over_records(folder, options.days, options.rounds),
            many_small(folder),
        )
    renew(
        "intake",
        title=f"Intake: {options.enterprises:,} enterprises",
        command=f"python -m benchmarks.intake --enterprises {options.enterprises} --days {options.days} "
        f"--rounds {options.rounds}",
        body="\n".join(tables)
        + "\nOne thread, the median of the rounds, each side in a process of its own; bare is `insert into t select * "
        "from read_...` of the same files, one statement a file, into a database file. The long record repeats the "
        "month under other keys and earlier times.",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
