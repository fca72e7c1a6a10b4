"""Measure what past nights in the warehouse cost a night, its publishing, a check and a backup.

Two real nights are run once. Then copies of their home get past nights before them, made of the rows of the last night
with other dates and run ids, so that everything that a night reads has its size.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from unittest import mock

import duckdb

from benchmarks.page import renew

DAY = date(2026, 6, 30)
ROUNDS = 3  # of a whole night, which costs a tenth more or less from one run to the next
DATES = ("as_of_date", "against_date", "scored_as_of")
TIMES = ("scored_at", "recorded_at", "checked_at", "started_at", "finished_at")
NOT_OF_A_NIGHT = ("ops.evaluation_scores", "ops.older_nights", "features.feat_label")
TABLES = """
select schema_name || '.' || table_name as name, list(column_name) as columns
from duckdb_columns()
where
    database_name = 'wh' and schema_name in ('scores', 'features', 'ops', 'marts')
    and (schema_name <> 'marts' or table_name = 'mart_portfolio_summary')
    and not starts_with(table_name, 'incoming_') and table_name <> 'feat_enterprise'
group by all
having list_has_all(columns, ['portfolio', 'as_of_date'])
order by name
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure with several numbers of past nights, before and after `retain`, and renew the section of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--enterprises", type=int, default=300)
    parser.add_argument("--nights", type=int, nargs="+", default=[10, 100, 1000], help="past nights")
    parser.add_argument("--home", type=Path, help="a home with two such nights, instead of running them")
    options = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory(prefix="past-nights-") as folder:
        first = options.home or Path(folder) / "first"
        if options.home is None:
            for day in (DAY - timedelta(days=1), DAY):
                run_night(first, day, enterprises=options.enterprises)
        for nights in (0, *options.nights):
            home = Path(folder) / f"home-{nights}"
            subprocess.run(["cp", "-a", first, home], check=True)
            rows += list(measured(home, nights, Path(folder), enterprises=options.enterprises))
            shutil.rmtree(home)
    renew(
        "past-nights",
        title="Past nights",
        command=f"python -m benchmarks.past_nights --enterprises {options.enterprises}",
        body=page(rows, enterprises=options.enterprises),
    )


def measured(home: Path, nights: int, folder: Path, *, enterprises: int) -> Iterator[list[str]]:
    """Yield a row of figures of a home with past nights, and one after their retention if there is any."""
    from warehouse import retention
    from warehouse.connection import writer
    from warehouse.publishing import publish

    with mock.patch.dict(os.environ, NIGHTLEDGER_HOME=str(home)):
        with writer(purpose="past nights") as con:
            (portfolio,) = con.execute(
                "select distinct portfolio from wh.scores.portfolio_scores"
            ).fetchone() or ("",)
            add_nights(con, portfolio, nights)
            publish.publish(con, "first", whole=True)
        figures = steps(home, folder)
        night = next_night(home, folder, enterprises=enterprises)
        yield [f"{nights:,}", "", *figures, f"{night:.1f}"]
        if nights <= retention.KEPT_NIGHTS:
            return
        with writer(purpose="retain") as con:
            moving = cpu(retention.move, con, "retain", portfolio, nights=retention.KEPT_NIGHTS)
            con.execute("checkpoint wh")
            publish.publish(con, "retained")
        figures = steps(home, folder)
        night = next_night(home, folder, enterprises=enterprises)
        yield [f"{nights:,}", f"retained in {moving:.1f} s", *figures, f"{night:.1f}"]


def steps(home: Path, folder: Path) -> list[str]:
    """Return the sizes of warehouse and copy, and the seconds of each step after one night was scored."""
    from warehouse import ledger, soundness
    from warehouse.backups import backup
    from warehouse.connection import writer
    from warehouse.publishing import publish

    to = folder / "backups"
    to.mkdir()
    with backup.warehouse_source() as source, writer(purpose="measure") as con:
        con.execute(
            "update wh.scores.portfolio_scores set scored_at = scored_at + interval 1 second "
            "where as_of_date = (select max(as_of_date) from wh.scores.portfolio_scores)"
        )
        seconds = [
            cpu(publish.publish, con, "publish"),
            cpu(publish.publish_runs, con, "runs"),
            cpu(soundness.parts),
        ]
        run_id = ledger.start_run(con, flow="backup", portfolio="all", as_of_date=None)
        seconds.append(cpu(backup.back_up, con, run_id, source=source, folder=to))
        ledger.finish_run(con, run_id, status="done")
    shutil.rmtree(to)
    sizes = [
        (home / name).stat().st_size / 2**20 for name in ("warehouse.duckdb", "published/portfolio.duckdb")
    ]
    return [*(f"{size:,.0f}" for size in sizes), *(f"{second:.2f}" for second in seconds)]


def add_nights(con: duckdb.DuckDBPyConnection, portfolio: str, nights: int) -> None:
    """Insert the rows of the last night again under the dates of that many nights before the first."""
    first, last = con.execute(
        "select min(as_of_date), max(as_of_date) from wh.scores.portfolio_scores where portfolio = ?",
        [portfolio],
    ).fetchone() or (None, None)
    for relation, columns in con.execute(TABLES).fetchall():
        if relation in NOT_OF_A_NIGHT:
            continue
        days = f"({(last - first).days} + r.back)"
        shifted = [f"cast({name} - {days} as date) as {name}" for name in columns if name in DATES]
        shifted += [f"{name} - to_days({days}) as {name}" for name in columns if name in TIMES]
        if "run_id" in columns:
            stamp = f"strftime(t.as_of_date - {days} + 1, '%Y%m%dT023000')"
            shifted.append(f"{stamp} || '-nightly-' || lpad(cast(r.back as varchar), 6, '0') as run_id")
        con.execute(
            f"insert into wh.{relation} by name select t.* replace ({', '.join(shifted)}) from wh.{relation} as t "
            f"cross join (select cast(unnest(range(1, {nights + 1})) as integer) as back) as r "
            "where t.portfolio = ? and t.as_of_date = ? order by r.back desc",
            [portfolio, last],
        )
    con.execute("checkpoint wh")


def next_night(home: Path, folder: Path, *, enterprises: int) -> float:
    """Return the median seconds of processor time of the next night, each round run on a copy of the home."""
    seconds = []
    for _ in range(ROUNDS):
        copy = folder / "round"
        subprocess.run(["cp", "-a", home, copy], check=True)
        seconds.append(run_night(copy, DAY + timedelta(days=1), enterprises=enterprises))
        shutil.rmtree(copy)
    return median(seconds)


def run_night(home: Path, day: date, *, enterprises: int) -> float:
    """Run a night as a process of its own and return its seconds of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [
        sys.executable,
        "-m",
        "flows",
        "nightly",
        "--enterprises",
        str(enterprises),
        "--as-of",
        str(day),
    ]
    subprocess.run(command, check=True, env={**os.environ, "NIGHTLEDGER_HOME": str(home)})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cpu(act: Callable[..., object], *given: object, **named: object) -> float:
    """Return the seconds of processor time that something takes."""
    started = time.process_time()
    act(*given, **named)
    return time.process_time() - started


def page(rows: list[list[str]], *, enterprises: int) -> str:
    """Return the section of the page."""
    head = (
        "past nights", "", "warehouse MiB", "copy MiB", "publish", "renew ops", "check", "backup", "a whole night",
    )  # fmt: skip
    lines = [head, ("--:", *["--:"] * (len(head) - 1)), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return (
        f"{enterprises} borrowers; seconds of processor time. A publish after one night was scored, the renewal of its "
        "ops at the end of a run, `check`, a backup, and the next regular night as a process of its own (the median of "
        f"{ROUNDS}, each on a copy of the home).\n\n{table}"
    )


if __name__ == "__main__":
    main()
