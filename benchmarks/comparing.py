"""Measure what comparing two nights costs beside scoring and explaining one, and the memory of a part.

Two real nights are run once. Larger portfolios have each of their borrowers several times, under other ids. Each step
runs on one thread in a process of its own, with tasks as plain calls.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from benchmarks.orchestration import plain
from benchmarks.page import renew
from benchmarks.past_nights import run_night

DAY = date(2026, 6, 30)
SMALL_PART = 2_500
STEPS = {"score": "one night scored and explained", "compare": "two nights compared"}
ONE_THREAD = ("NIGHTLEDGER_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
HEAD = """On one thread, tasks as plain calls. The larger portfolio has each borrower several times, under other ids.

| borrowers | most in a part | step | CPU s | CPU s beside the first | peak GiB |
|--:|--:|---|--:|--:|--:|"""
TABLES = """
select t.schema_name || '.' || t.table_name
from duckdb_tables() as t
inner join duckdb_columns() as c using (table_oid, database_name)
where
    t.database_name = 'wh' and c.column_name = 'enterprise_id' and t.table_name <> 'feat_label'
    and (t.schema_name = 'features' or t.table_name = 'portfolio_scores')
"""


class Cost(NamedTuple):
    """CPU seconds and the largest memory of a process, in GiB."""

    cpu: float
    gib: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both steps at each size, and the largest size in small parts, and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparing", description=__doc__)
    parser.add_argument("--enterprises", type=int, default=2_000)
    parser.add_argument(
        "--copies", type=int, nargs="+", default=[1, 10], help="how often each borrower is there"
    )
    parser.add_argument("--home", type=Path, help="a home with two such nights, instead of running them")
    parser.add_argument("--step", choices=STEPS, help="print the cost of one step on the home itself")
    parser.add_argument("--rows", type=int, help="most borrowers in a part")
    options = parser.parse_args(arguments)
    if options.step:
        print(json.dumps(measured(options.step, options.rows)))
        return
    with tempfile.TemporaryDirectory(prefix="comparing-") as folder:
        first = options.home or Path(folder) / "first"
        if options.home is None:
            for day in (DAY - timedelta(days=1), DAY):
                run_night(first, day, enterprises=options.enterprises)
        lines = []
        for number, copies in enumerate(options.copies):
            home = copied(first, Path(folder) / f"home-{copies}", copies)
            if number == 0:
                cost_of("score", home, None)  # compiled code is made and kept by the first process
            parts = (None, SMALL_PART) if copies == options.copies[-1] else (None,)
            for rows in parts:
                lines += table_lines(home, rows, borrowers=copies * options.enterprises)
            shutil.rmtree(home)
    renew(
        "comparing",
        title="Comparing two nights",
        command=f"python -m benchmarks.comparing --enterprises {options.enterprises}",
        body="\n".join([HEAD, *lines]),
    )


def table_lines(home: Path, rows: int | None, *, borrowers: int) -> list[str]:
    """Measure both steps on a home and return their lines of the table."""
    from warehouse.matrix import ROWS_A_PART

    costs = {step: cost_of(step, home, rows) for step in STEPS}
    return [
        f"| {borrowers:,} | {rows or ROWS_A_PART:,} | {STEPS[step]} | {cost.cpu:.1f} "
        f"| {cost.cpu / costs['score'].cpu:.2f} | {cost.gib:.2f} |"
        for step, cost in costs.items()
    ]


def cost_of(step: str, home: Path, rows: int | None) -> Cost:
    """Return the cost of one step in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.comparing",
        "--step",
        step,
        *(["--rows", str(rows)] if rows else []),
    ]
    environment = {**os.environ, "NIGHTLEDGER_HOME": str(home), **dict.fromkeys(ONE_THREAD, "1")}
    output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    return Cost(*json.loads(output.splitlines()[-1]))


def measured(step: str, rows: int | None) -> Cost:
    """Score the last night of the home, or compare the last two, and return the cost."""
    from tasks.changes import compare_nights
    from tasks.lineup import find_lineup
    from tasks.score import score_parts
    from warehouse import matrix
    from warehouse.connection import writer
    from warehouse.night import Night

    with writer(purpose="measure") as con, plain(defaultdict(float)):
        nights = con.execute(
            "select distinct portfolio, as_of_date from wh.scores.portfolio_scores order by 2 desc limit 2"
        ).fetchall()
        (portfolio, day), (_, before) = nights
        night = Night(portfolio, day, "measured")
        lineup = find_lineup(night)
        with mock.patch.object(matrix, "ROWS_A_PART", rows or matrix.ROWS_A_PART):
            started = time.process_time()
            if step == "score":
                score_parts(night, lineup, partitions=1, top_features=10)
            else:
                compare_nights(night, before, top_features=10)
            seconds = time.process_time() - started
    return Cost(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def copied(first: Path, home: Path, copies: int) -> Path:
    """Copy what both steps need of a home, with each borrower of its last two nights so many times."""
    from warehouse.connection import writer

    home.mkdir()
    shutil.copytree(first / "models", home / "models")
    shutil.copy(first / "warehouse.duckdb", home)
    with mock.patch.dict(os.environ, NIGHTLEDGER_HOME=str(home)), writer(purpose="copy borrowers") as con:
        nights = con.execute("select distinct as_of_date from wh.scores.portfolio_scores").fetchall()
        days = [[day for (day,) in nights]]
        for (relation,) in con.execute(TABLES).fetchall():
            con.execute(
                "create or replace temp table copied as select t.* "
                "replace (if(r.n = 0, t.enterprise_id, t.enterprise_id || '-' || r.n) as enterprise_id) "
                f"from wh.{relation} as t cross join range({copies}) as r (n) where list_contains(?, t.as_of_date)",
                days,
            )
            con.execute(f"delete from wh.{relation} where list_contains(?, as_of_date)", days)
            con.execute(
                f"insert into wh.{relation} by name from temp.copied order by as_of_date, enterprise_id"
            )
        con.execute("checkpoint wh")
    return home


if __name__ == "__main__":
    main()
