"""The feature build from Parquet beside a bare query and pandas: seconds, CPU seconds and peak memory."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from benchmarks.page import renew

NIGHT = date(2026, 11, 30)
PORTFOLIO = "bench"
THREADS = 2
MEMORY = "3400MB"
PER_ENTERPRISE = 250
# a smaller run has a section of its own on the page
RECORD = 50_000_000

# about 250 transactions an enterprise in 380 days, strongly skewed; five to six of them with each counterparty
GENERATE = """
copy (
    with numbered as (
        select i, (hash(i * 7 + 1) % 1000000) / 1e6 as u, (hash(i * 7 + 2) % 1000000) / 1e6 as v,
               (hash(i * 7 + 3) % 1000000) / 1e6 as w, hash(i) as h
        from range({transactions}) as t (i)
    ),
    drawn as (
        select *, cast({enterprises} * (u * u * 0.999 + 0.001 * v) as bigint) as e,
               timestamp '2025-11-16' + to_seconds(cast(i * (380.0 * 86400 / {transactions}) as bigint)) as ts,
               case when w < 0.55 then 'sale' when w < 0.75 then 'purchase'
                    when w < 0.97 then 'supplier_payment' else 'refund' end as kind
        from numbered
    )
    select 'T' || i as transaction_id, 'E' || lpad(e::varchar, 6, '0') as enterprise_id, ts as occurred_at,
           case when h % 10 = 0 then ts + interval 1 day else ts end as known_at,
           cast((case when kind = 'sale' then 1 else -1 end) * exp(4 + 3 * v) * (1 + e % 17) as decimal(18, 2))
               as amount,
           'C' || (e * 40 + cast(24 * v * v * v as int) + e % 5) as counterparty_id, kind,
           case when kind in ('purchase', 'supplier_payment') then ts + to_days(cast(h % 3 as int) * 10) end as due_at,
           case when kind in ('purchase', 'supplier_payment') and h % 11 <> 0
                then ts + to_days(cast(h % 37 as int)) end as paid_at,
           h % 50 = 7 as voided
    from drawn
) to '{file}' (format parquet, compression zstd)
"""

# the columns that the bare query yields too, from the product's own intermediate relations
SHARED_TRANSACTIONS = """
select p.enterprise_id, wall.tx_count, wall.net_amount, wall.gross_amount / wall.tx_count as mean, wall.amount_std,
       w30d.tx_count as n30, w30d.net_amount as s30, w90d.tx_count as n90, w90d.net_amount as s90,
       w180d.tx_count as n180, w180d.net_amount as s180, wall.gap_std, wall.gap_mean
from enterprises as p
left join wall using (enterprise) left join w30d using (enterprise) left join w90d using (enterprise)
left join w180d using (enterprise)
"""
SHARED_COUNTERPARTIES = """
select p.enterprise_id, s.hhi_all, s.count_all
from enterprises as p left join sides as s on p.enterprise = s.enterprise and s.side = 3
"""


def warehouse(data: Path, folder: Path):  # noqa: ANN201 - a DuckDB connection, which only warehouse names
    """Attach a new warehouse file whose transactions are a view of the Parquet file and whose other feeds are empty."""
    import duckdb

    from warehouse.intake.feeds import FEEDS

    con = duckdb.connect(
        config={
            "threads": THREADS,
            "preserve_insertion_order": False,
            "memory_limit": MEMORY,
            "temp_directory": str(folder),
        }
    )
    con.execute(f"attach '{folder}/warehouse.duckdb' as wh")
    con.execute("create schema wh.staging")
    con.execute("create schema wh.features")
    for feed in FEEDS.values():
        columns = ", ".join(f"{column.name} {column.type}" for column in feed.columns if not column.pii)
        con.execute(
            f"create table wh.staging.stg_{feed.name} "
            f"(portfolio varchar, {columns}, known_to timestamp, run_id varchar)"
        )
    con.execute("drop table wh.staging.stg_transactions")
    con.execute(
        f"create view wh.staging.stg_transactions as select '{PORTFOLIO}' as portfolio, *, "
        f"null::timestamp as known_to, 'r' as run_id from read_parquet('{data}')"
    )
    con.execute(
        f"insert into wh.staging.stg_enterprises by name select '{PORTFOLIO}' as portfolio, enterprise_id, "
        f"date '2020-01-01' as valid_from, timestamp '2020-01-01' as known_at "
        f"from (select distinct enterprise_id from read_parquet('{data}'))"
    )
    return con


def bare(data: Path, folder: Path) -> Callable[[], object]:
    """Return a function that runs the bare query, into a table of the same kind of file."""
    con = warehouse(data, folder)
    con.execute(
        "create view src as select enterprise_id as business_id, occurred_at as ts, amount, kind, counterparty_id "
        f"from read_parquet('{data}')"
    )
    query = (Path(__file__).parent / "bare_features.sql").read_text()
    return lambda: con.execute(f"create table wh.features.bare as {query}")


def shared(data: Path, folder: Path) -> Callable[[], object]:
    """Return a function that computes the bare query's columns by the product's files under a shorter last select."""
    from warehouse.connection import WRONG_OPTIMIZERS
    from warehouse.partition import replace_partition

    con = warehouse(data, folder)
    con.execute(f"set disabled_optimizers = '{WRONG_OPTIMIZERS}'")
    params = {"portfolio": PORTFOLIO, "as_of_date": NIGHT}
    replace_partition(con, "features.feat_profile", params)
    queries = {
        "feat_transactions": shortened("feat_transactions", SHARED_TRANSACTIONS),
        "feat_counterparties": shortened("feat_counterparties", SHARED_COUNTERPARTIES),
    }
    return lambda: [
        con.execute(f"create table wh.features.shared_{name} as {text}", params)
        for name, text in queries.items()
    ]


def shortened(name: str, tail: str) -> str:
    """Put another last select under a file's relations and let sqlglot drop every column that it does not need."""
    import sqlglot
    from sqlglot.optimizer.eliminate_ctes import eliminate_ctes
    from sqlglot.optimizer.pushdown_projections import pushdown_projections
    from sqlglot.optimizer.qualify import qualify

    from warehouse import sql
    from warehouse.intake.feeds import FEEDS

    relations, _, _ = sql.load(f"features.{name}").text.rpartition("\nselect\n    p.portfolio")
    ours = {"portfolio": "varchar", "known_to": "timestamp", "run_id": "varchar"}
    schema = {
        "wh": {
            "staging": {f"stg_{f.name}": {c.name: c.type for c in f.columns} | ours for f in FEEDS.values()},
            "features": {
                "feat_profile": {
                    "portfolio": "varchar",
                    "as_of_date": "date",
                    "bucket": "smallint",
                    "enterprise_id": "varchar",
                }
            },
        }
    }
    tree = sqlglot.parse_one(f"{relations}\n{tail}", dialect="duckdb")
    tree = qualify(tree, schema=schema, dialect="duckdb", quote_identifiers=False)
    return eliminate_ctes(pushdown_projections(tree)).sql(dialect="duckdb")


def whole(data: Path, folder: Path) -> Callable[[], object]:
    """Return a function that builds every feature relation of one night as the product does, and their wide view."""
    from tasks.features import WIDE, feature_order
    from warehouse.connection import WRONG_OPTIMIZERS
    from warehouse.partition import replace_partition
    from warehouse.views import renew_view

    con = warehouse(data, folder)
    con.execute(f"set disabled_optimizers = '{WRONG_OPTIMIZERS}'")
    params = {"portfolio": PORTFOLIO, "as_of_date": NIGHT}

    def run() -> None:
        for relation in feature_order():
            replace_partition(con, relation, params)
        renew_view(con, WIDE)

    return run


def pandas(data: Path, _folder: Path) -> Callable[[], object]:
    """Return a function that computes the same transaction features in plain pandas."""
    from benchmarks.features_pandas import build

    return lambda: build(data, NIGHT)


PARTS = {"bare": bare, "shared": shared, "whole": whole, "pandas": pandas}


def measure(part: str, data: Path) -> dict[str, float]:
    """Run one part in a process of its own and return wall seconds, CPU seconds and peak GiB."""
    command = [sys.executable, "-m", "benchmarks.features", "--part", part, "--data", str(data)]
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    figures = json.loads(out.stdout.splitlines()[-1])
    line = f"{figures['wall']:7.1f} s  {figures['cpu']:7.1f} CPU s  {figures['gib']:5.2f} GiB"
    print(f"  {part:8} {data.stem:>14}  {line}", flush=True)
    return figures


def one_part(part: str, data: Path) -> None:
    """Time one part in this process and print the figures as JSON."""
    with tempfile.TemporaryDirectory(prefix="nightledger-bench-", dir=data.parent) as folder:
        run = PARTS[part](data, Path(folder))
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps({**seconds, "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))


def generate(folder: Path, transactions: int) -> Path:
    """Write the transactions feed as Parquet, unless it is there already."""
    import duckdb

    file = folder / f"tx{transactions}.parquet"
    if not file.exists():
        print(f"  writing {transactions:,} transactions", flush=True)
        partial = file.with_suffix(".partial")
        con = duckdb.connect(config={"threads": THREADS})
        con.execute(
            GENERATE.format(
                transactions=transactions, enterprises=transactions // PER_ENTERPRISE, file=partial
            )
        )
        partial.rename(file)
    return file


def main(arguments: list[str]) -> None:
    """Measure all parts side by side and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.features", description=__doc__)
    parser.add_argument(
        "--transactions", type=int, default=5_000_000, help=f"{RECORD} or more renews the record"
    )
    parser.add_argument(
        "--pandas-transactions", type=int, default=2_000_000, help="a size that pandas can hold"
    )
    parser.add_argument(
        "--folder", type=Path, help="where the Parquet files are kept; a temporary folder if not given"
    )
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.part:
        one_part(options.part, options.data)
        return
    with tempfile.TemporaryDirectory(prefix="nightledger-bench-") as temporary:
        folder = options.folder or Path(temporary)
        big, tenth, small = (
            generate(folder, n)
            for n in (options.transactions, options.transactions // 10, options.pandas_transactions)
        )
        rows = {part: measure(part, big) for part in ("bare", "shared", "whole")}
        rows["tenth"] = measure("whole", tenth)
        rows["small"] = measure("whole", small)
        rows["pandas"] = measure("pandas", small)
    renew(
        "features" if options.transactions >= RECORD else "features-quick",
        title=f"Features: {options.transactions:,} transactions, "
        f"{options.transactions // PER_ENTERPRISE:,} enterprises",
        command=f"python -m benchmarks.features --transactions {options.transactions} "
        f"--pandas-transactions {options.pandas_transactions}",
        body=table(rows, options),
    )


def table(rows: dict[str, dict[str, float]], options: argparse.Namespace) -> str:
    """Return the section's body: seconds, CPU seconds, peak memory, ratios and targets."""
    pandas_size, tenth = f"{options.pandas_transactions:,}", f"{options.transactions // 10:,}"
    lines = [
        ("bare query (benchmarks/bare_features.sql)", "bare", "bare", ""),
        ("the bare query's columns by our SQL", "shared", "bare", "at most 1.3"),
        ("every feature, written to the warehouse", "whole", "bare", "at most 3; 4 GiB"),
        (f"the whole set at {tenth} transactions, a tenth of the portfolio", "tenth", "tenth", ""),
        ("the whole set, beside a tenth of it", "whole", "tenth", "at most 11"),
        (f"every feature at {pandas_size} transactions", "small", "small", ""),
        (f"the transaction features in pandas at {pandas_size}", "pandas", "small", "at least 10"),
    ]
    text = "| | s | CPU s | GiB | ratio of s | ratio of CPU s | target |\n|---|--:|--:|--:|--:|--:|---|\n"
    for name, part, beside, target in lines:
        at, by = rows[part], rows[beside]
        text += (
            f"| {name} | {at['wall']:.1f} | {at['cpu']:.1f} | {at['gib']:.2f} | {at['wall'] / by['wall']:.2f} "
            f"| {at['cpu'] / by['cpu']:.2f} | {target} |\n"
        )
    return (
        f"{text}\n{THREADS} threads, {MEMORY} for DuckDB, each row in a process of its own, on the same Parquet file "
        "with text keys. CPU seconds are the steadier figure where others use the machine. The second row is the "
        "product's own SQL under a shorter last select, from which sqlglot dropped the columns that nothing needs; its "
        "rule on `known_at`, the voided transactions left out and the exact sums are in it."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
