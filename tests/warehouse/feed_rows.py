"""Rows of every feed that are right, and files of them in every format: what the intake tests spoil."""

from __future__ import annotations

import gzip
import json
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from warehouse.intake.feed import Feed
from warehouse.intake.feeds import FEEDS
from warehouse.intake.ingest import IngestResult, ingest_file
from warehouse.intake.landing import list_landing

FORMATS = (".csv", ".csv.gz", ".parquet", ".ndjson", ".ndjson.gz")
Row = dict[str, Any]
_NUMBERS = count()
_ONE_ROW_SET = {"month": "2026-07-01", "weight": "1.0"}


def rows_of(feed: Feed, count: int = 3, *, start: int = 0) -> list[Row]:
    """Rows with every column filled, values as text; all belong to the enterprises E0, E1 and E2.

    Each row of scenarios is a set of its own: one scenario of one month.
    """
    numbers = range(start, start + count)
    return [{column.name: _value(feed, column.name, n) for column in feed.columns} for n in numbers]


def among_good(feed: Feed, rows: list[Row]) -> list[Row]:
    """The rows, and behind them four good ones for each: a file of which too little can be used is refused whole."""
    return [*rows, *rows_of(feed, 4 * len(rows), start=100)]


def _value(feed: Feed, name: str, n: int) -> str:
    column = feed.column(name)
    if name == "enterprise_id":
        return f"E{n % 3}"
    if column.choices:
        return column.choices[n % len(column.choices)]
    if feed.name == "scenarios" and name in _ONE_ROW_SET:
        return _ONE_ROW_SET[name]
    if name == "known_at":
        return f"{date(2026, 6, 10) + timedelta(n)} 12:00:00"
    return {
        "varchar": f"{name}-{n}",
        "date": f"{date(2026, 5, 1) + timedelta(n)}",
        "timestamp": f"{date(2026, 5, 1) + timedelta(n)} 10:30:00",
        "decimal(18,2)": f"{100 + n}.25",
        "double": f"0.{n + 1}5",
        "integer": str(n),
        "boolean": "true" if n % 2 else "false",
        "json": json.dumps({"order_id": f"O{n}", "amount": 12.5}),
    }[column.type]


def write(path: Path, rows: list[Row], *, columns: list[str] | None = None) -> Path:
    """Write the rows as the file's extension says; a value of None is nothing, all others are text."""
    names = columns or list(rows[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = path.name.split(".", 1)[1]
    if kind == "parquet":
        pl.DataFrame(
            {name: pl.Series([row.get(name) for row in rows], dtype=pl.String) for name in names}
        ).write_parquet(path)
        return path
    if kind.startswith("csv"):
        data = "".join(
            ",".join(_csv(row.get(name, name)) for name in names) + "\n" for row in [{}, *rows]
        ).encode()
    else:
        data = "".join(
            json.dumps({name: _json(name, row.get(name)) for name in names}) + "\n" for row in rows
        ).encode()
    path.write_bytes(gzip.compress(data) if kind.endswith(".gz") else data)
    return path


def _csv(value: str | None) -> str:
    if value is None:
        return ""
    return '"' + value.replace('"', '""') + '"' if any(mark in value for mark in ',"\n') else value


def _json(name: str, value: str | None) -> Any:
    if name == "payload" and value is not None:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


ENTERPRISES = rows_of(FEEDS["enterprises"])


class Lender:
    """One portfolio with its landing folder; the three enterprises are loaded already.

    They are loaded, or copied from a lender who has loaded them and nothing else, which takes a tenth of the time.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, landing: Path, *, base: Lender | None = None) -> None:
        self.con, self.landing, self.portfolio = con, landing, f"lender-{next(_NUMBERS)}"
        if base is None:
            file = self.deliver("enterprises/base.csv", ENTERPRISES)
            self.ingest()
            file.unlink()
            return
        (landing / "enterprises").mkdir(parents=True, exist_ok=True)
        for relation in ("raw.enterprises", "ops.file_ledger"):
            con.execute(
                f"insert into wh.{relation} by name select * replace ($own as portfolio) from wh.{relation} "
                "where portfolio = $base",
                {"own": self.portfolio, "base": base.portfolio},
            )

    def deliver(self, path: str, rows: list[Row], *, columns: list[str] | None = None) -> Path:
        return write(self.landing / path, rows, columns=columns)

    def ingest(self, run_id: str = "run") -> dict[str, IngestResult]:
        files = list_landing(self.landing)
        results = [ingest_file(self.con, file, portfolio=self.portfolio, run_id=run_id) for file in files]
        for one in results:
            assert one.delivered == one.loaded + one.quarantined + one.exact_duplicates, one
        return {one.path: one for one in results}

    def ask(self, query: str, **bound: Any) -> list[tuple[Any, ...]]:
        return self.con.execute(query, {"p": self.portfolio, **bound}).fetchall()

    def quarantine(self) -> list[tuple[Any, ...]]:
        return self.ask(
            "select file_row, rule, detail from wh.ops.quarantine where portfolio = $p order by path, 1"
        )

    def held(self, feed: str) -> int:
        base = len(ENTERPRISES) if feed == "enterprises" else 0
        return self.ask(f"select count(*) from wh.raw.{feed} where portfolio = $p")[0][0] - base
