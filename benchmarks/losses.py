"""Measure what stages, losses and the walk of an allowance cost a night, with and without scenarios.

The rows are made by hand: loans, PDs, learnt curves and a set of scenarios, of two nights. Each case runs on one thread
in a process of its own. `--beside` measures another checkout of the platform in the same run, on the same rows, and
says whether its allowances are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.page import renew

ROOT = Path(__file__).parents[1]
NIGHT = date(2026, 6, 30)
BEFORE = NIGHT - timedelta(days=1)
CASES = {
    "none": "no scenarios",
    "first": "scenarios, a first night",
    "later": "scenarios, a later night",
    "changed": "scenarios, a later night with another set",
}
HEAD = """CPU seconds of a night's stages, losses, allowance and movement on one thread, and the peak of the process in
MiB, which holds the rows too. 1.4 loans a borrower, seven in ten with a learnt curve; {scenarios} scenarios of 60
months.

| borrowers | case | {heads} |
|--:|---|{lines}"""
SCENARIOS = 3

# what differs from borrower to borrower hangs on its number alone
_ROWS = """
create table wh.features.feat_profile (
    portfolio varchar, as_of_date date, enterprise_id varchar, industry_primary varchar
);
create temp table borrowers as
select
    'e' || lpad(cast(i as varchar), 7, '0') as enterprise_id, i,
    0.002 + 0.2 * pow((hash(i) % 10007) / 10007.0, 3) as pd
from range({borrowers}) as r (i);
insert into wh.raw.loan_ledger by name
select
    'p' as portfolio, 'l' || i || '-' || j as loan_id, enterprise_id, date '2026-05-31' as ledger_date,
    timestamp '2026-06-01' as known_at, date '2025-01-01' + cast(i % 500 as integer) as opened_on,
    cast(1000 + hash(i * 3 + j) % 90000 as decimal(18, 2)) as borrowing,
    cast(i % 17 = 0 as integer) * 40 as days_past_due,
    0.04 + (i % 9) / 100.0 as annual_rate,
    if(i % 4 = 0, null, date '2026-09-30' + cast(hash(i * 5 + j) % 1800 as integer)) as matures_on,
    cast(if(i % 6 = 0, 100000, null) as decimal(18, 2)) as credit_limit
from borrowers cross join range(2) as r (j)
where j = 0 or i % 5 < 2
"""
_NIGHT = """
insert into wh.scores.portfolio_scores by name
select
    'p' as portfolio, date '{night}' as as_of_date, enterprise_id, 'champion' as model_role,
    'wide_deep' as model_family, '1' as model_version, 'B1' as grade,
    if(i % 50 = 0, 'unscoreable', 'fresh') as score_status,
    if(i % 50 = 0, null, least(pd * {level}, 0.9)) as pd, i % 40 = 1 as in_default
from borrowers;
insert into wh.scores.pd_curves by name
select
    'p' as portfolio, date '{night}' as as_of_date, enterprise_id, '1' as model_version, 'learnt' as shape,
    list_transform(range(1, 61), lambda month: 1 - pow(1 - pd * {level}, pow(month / 12.0, 0.9))) as cumulative_pd
from borrowers where i % 10 < 7 and i % 50 <> 0;
insert into wh.features.feat_profile
select 'p', date '{night}', enterprise_id, 'trade' from borrowers
"""
_SET = """
insert into wh.raw.scenarios by name
select
    'p' as portfolio, date '{decided}' as decided_on, 's' || s as scenario,
    date_trunc('month', date '2026-07-01' + to_months(cast(m as integer))) as month,
    s - 1.5 + m / 80.0 as systematic_factor,
    [0.25, 0.5, 0.25][s + 1] as weight, timestamp '{decided}' as known_at
from range({scenarios}) as a (s) cross join range({months}) as b (m)
"""


class Measured(NamedTuple):
    """CPU seconds of a night, the peak of its process in MiB, its allowance, and a hash of what its loans have."""

    cpu: float
    mib: float
    allowance: float
    loans: str


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each case at each size and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.losses", description=__doc__)
    parser.add_argument("--borrowers", type=int, nargs="+", default=[2_000])
    parser.add_argument("--beside", type=Path, help="another checkout, measured too")
    parser.add_argument("--case", choices=CASES, help="measure one case in this process and print it")
    options = parser.parse_args(arguments)
    if options.case:
        print(json.dumps(measured(options.case, options.borrowers[0])))
        return
    trees = {"here": ROOT} if options.beside is None else {"before": options.beside, "here": ROOT}
    lines, same = [], []
    for borrowers in options.borrowers:
        for case, what in CASES.items():
            costs = [cost_of(tree, case, borrowers) for tree in trees.values()]
            cells = [cell for cost in costs for cell in (f"{cost.cpu:.2f}", f"{cost.mib:,.0f}")]
            lines.append(f"| {borrowers:,} | {what} | {' | '.join(cells)} |")
            same.append(len({cost.loans for cost in costs}) == 1)
    heads = " | ".join(f"CPU s, {name} | MiB, {name}" for name in trees) if len(trees) > 1 else "CPU s | MiB"
    told = [HEAD.format(scenarios=SCENARIOS, heads=heads, lines="--:|--:|" * len(trees)), *lines]
    if options.beside:
        told.append(
            f"\nEach loan has the same allowance and walk, to the cent, in {sum(same)} of {len(same)} cases."
        )
    sizes = " ".join(map(str, options.borrowers)) + (" --beside BEFORE" if options.beside else "")
    renew(
        "losses", title="Stages and losses of loans", command=f"python -m benchmarks.losses --borrowers {sizes}",
        body="\n".join(told),
    )  # fmt: skip


def cost_of(tree: Path, case: str, borrowers: int) -> Measured:
    """Return what a case costs with the code of a checkout, measured in a process of its own."""
    command = [sys.executable, str(Path(__file__)), "--case", case, "--borrowers", str(borrowers)]
    with tempfile.TemporaryDirectory(prefix="losses-") as home:
        env = {**os.environ, "PYTHONPATH": str(tree), "NIGHTLEDGER_HOME": home, "NIGHTLEDGER_THREADS": "1"}
        run = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{case} with the code of {tree} failed: {run.stderr.strip().splitlines()[-1]}")
    return Measured(*json.loads(run.stdout))


def measured(case: str, borrowers: int) -> Measured:
    """Make the rows, run the nights of a case, and return what the last one costs."""
    from warehouse.connection import writer

    with writer(purpose="benchmark of losses") as con:
        con.execute(_ROWS.format(borrowers=borrowers))
        nights = (NIGHT,) if case == "first" else (BEFORE, NIGHT)
        for number, night in enumerate(nights):
            con.execute(_NIGHT.format(night=night, level=1 + number / 50))
        sets = {"none": [], "changed": [("2026-06-01", 60), (str(NIGHT), 48)]}.get(case, [("2026-06-01", 60)])
        for decided, months in sets:
            con.execute(_SET.format(decided=decided, months=months, scenarios=SCENARIOS))
        for night in nights:
            started = time.process_time()
            measure(con, night)
            cpu = time.process_time() - started
        told = con.execute(
            "select cast(sum(allowance) as double), md5(string_agg(concat_ws('|', loan_id, allowance, loss_lifetime, "
            "walk_restated, walk_exposure, walk_pd, walk_scenarios, walk_parameters), ',' order by loan_id)) "
            "from wh.scores.expected_credit_losses where as_of_date = ?", [NIGHT],
        ).fetchone()  # fmt: skip
    return Measured(cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, *told)


def measure(con: Any, on: date) -> None:
    """Do what a night does of its loans, once its scores are written."""
    from warehouse import impairment, partition, sql
    from warehouse.connection import transaction
    from warehouse.night import Night

    night = Night("p", on, "r")
    marts = [sql.load(f"marts.mart_{name}") for name in ("allowance", "allowance_changes")]
    with transaction(con):
        impairment.record_parameters(con, night)
        for file in sql.in_order((*sql.catalogue("scores"), *marts)):
            partition.replace_partition(con, file.relation, night.key)
        partition.audit(con, "assert_mart_allowance_adds_up", night.key)


if __name__ == "__main__":
    main(sys.argv[1:])
