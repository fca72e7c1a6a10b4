"""Whether a home that was disturbed holds the same as one that was not."""

from __future__ import annotations

from pathlib import Path

import duckdb

VOLATILE = ("run_id", "loaded_at", "scored_at", "recorded_at", "registered_at", "file_hash", "file_row")
"""Columns that tell who wrote a row and when, or in which file it came: they are not the same in two homes."""

SCHEMAS = ("raw", "features", "scores", "marts")
OPS = (
    "alerts", "bin_counts", "class_leaders", "evaluation_scores", "fairness", "master_scale", "model_findings",
    "model_registry", "model_reviews", "model_roles", "monitoring", "overrides", "reference_bins", "scorecard",
)  # fmt: skip
WAITING = ("incoming_scores", "incoming_contributions", "incoming_curves")

FILES = {
    "files": "select path, delivered from {}.ops.file_ledger where status = 'loaded'",
    "rows of files": "select feed, sum(loaded), sum(quarantined), sum(exact_duplicates) from {}.ops.file_ledger"
    " where status = 'loaded' group by feed",
    "quarantine": "select path, rule, count(*) from {}.ops.quarantine where (path, file_hash) in"
    " (select (path, file_hash) from {}.ops.file_ledger where status = 'loaded') group by all",
}
PARTITIONS = ("portfolio_scores", "contributions", "score_changes")


def differences(home: Path, undisturbed: Path) -> list[str]:
    """Return a line for each table of the warehouse, and of what is published, that differs from the undisturbed."""
    with duckdb.connect(config={"threads": 1, "disabled_optimizers": "common_subplan"}) as con:
        for name, folder in (("this", home), ("that", undisturbed)):
            con.execute(f"attach '{folder / 'warehouse.duckdb'}' as {name} (read_only)")
            con.execute(f"attach '{folder / 'published' / 'portfolio.duckdb'}' as {name}_pub (read_only)")
        wrong = []
        for copy in ("", "_pub"):
            for table, columns in _tables(con, f"that{copy}").items():
                select = f"select {columns} from {{}}.{table}"
                wrong += _difference(
                    con, f"{table}{' of the copy' if copy else ''}", select, f"this{copy}", f"that{copy}"
                )
        for name, query in FILES.items():
            wrong += _difference(con, name, query, "this", "that")
        for name in PARTITIONS:
            volatile = "run_id" if name == "score_changes" else "run_id, scored_at"
            select = f"select * exclude ({volatile}) from read_parquet('{{}}/published/{name}/*/*/*.parquet')"
            wrong += _difference(con, f"Parquet of {name}", select, str(home), str(undisturbed))
    return wrong


def _tables(con: duckdb.DuckDBPyConnection, database: str) -> dict[str, str]:
    """Return the columns to compare of each table; doubles to ten digits and 1e-12, for sums depend on row order."""
    rows = con.execute(
        """select c.schema_name, c.table_name, string_agg(
               if(c.data_type = 'DOUBLE', 'format(''{:.9e}'', round("' || c.column_name || '", 12) + 0.0) as ', '')
               || '"' || c.column_name || '"', ', ' order by c.column_index)
           from duckdb_columns() as c join duckdb_tables() as t using (database_name, schema_name, table_name)
           where database_name = ? and not list_contains(?, c.column_name) group by all order by all""",
        [database, list(VOLATILE)],
    ).fetchall()
    return {
        f"{schema}.{table}": columns
        for schema, table, columns in rows
        if (schema in SCHEMAS and table not in WAITING) or (schema == "ops" and table in OPS)
    }


def _difference(con: duckdb.DuckDBPyConnection, name: str, query: str, this: str, that: str) -> list[str]:
    here, there = (
        query.replace("{}.", f"{database}.").replace("{}/", f"{database}/") for database in (this, that)
    )
    only_here, only_there = (
        con.execute(f"select count(*), any_value(t) from (({first}) except all ({second})) as t").fetchone()
        for first, second in ((here, there), (there, here))
    )
    if not only_here[0] and not only_there[0]:
        return []
    example = str(only_here[1] or only_there[1])[:300]
    return [
        f"{name}: {only_here[0]} rows only here, {only_there[0]} only in the undisturbed home, such as {example}"
    ]
