"""Names, tax numbers and telephone numbers in every column of every feed: none is written anywhere outside raw.

What they may stand in is the landing folder and the warehouse file itself. Not planted: a borrower's own number, and
names in the categories of a profile (city, industry), which are published by declaration (docs/decisions/0079).
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl
import pytest
from yearly_files import deliver_by_year

from tasks.deliver import deliver_feeds
from warehouse.intake.feed import Feed
from warehouse.intake.feeds import FEEDS

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
DAY = date(2026, 6, 30)
NUMBER = "917500462"  # so long that no score has it by chance, so short that a count may hold it
SECRET = re.compile(
    rb"zzyzx|quuxmann|\+49 ?170|" + b"[., _]?".join(NUMBER[n : n + 1].encode() for n in range(9)),
    re.IGNORECASE,
)
FORMATS = ("csv", "ndjson", "parquet")
NIGHT = """
import sys
from dataclasses import replace
from models.families import FAMILIES
from models.operational_risk.settings import OperationalRiskSettings
family = FAMILIES["operational_risk"]  # one family reads every feed
FAMILIES.clear()
quick = OperationalRiskSettings(learner="logistic_regression", folds=2, minimum_positives=4)
FAMILIES[family.name] = replace(family, settings=lambda: quick)
from flows.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
_NUMBERS = count(1)

Row = dict[str, Any]


def secrets() -> Iterator[str]:
    """Yield, in turn, a name, a tax number and a telephone number that are nobody's."""
    for n in _NUMBERS:
        yield (f"Zzyzx{n} Quuxmann", f"{NUMBER}{n:03d}", f"+49 170 88{n:05d}")[n % 3]


WORDS = secrets()


def planted(feed: Feed, good: Row) -> list[Row]:
    """Return rows of a feed with a secret in each column in turn, and those that only a gate finds wrong."""
    rows: list[Row] = []
    for column in feed.columns:
        if column.name == "enterprise_id" and feed.name == "enterprises":
            continue
        word = next(WORDS)
        if column.category and "Zzyzx" in word:
            word = next(WORDS)
        if column.type in ("decimal(18,2)", "double", "integer"):
            word = f"Zzyzx Quuxmann {word}"  # a number alone would be right
        if column.type == "json":
            rows.append({column.name: json.dumps({"note": word})})
        rows.append({column.name: word})
    early = {feed.business_time: "1980-01-01", "known_at": "1980-01-02 00:00:00"}
    rows.append(early)  # for the gate
    if feed.name == "enterprises":
        rows.append({"employees": f"-{NUMBER}"})
    if feed.name == "loan_ledger":
        rows.append({"borrowing": f"-{NUMBER}.00"})
    taken = dict.fromkeys(feed.pii, "Zzyzx Quuxmann")
    keys = [name for name in feed.key if feed.column(name).type == "varchar" and name != "enterprise_id"]
    for n, row in enumerate(rows):
        fresh = dict.fromkeys(keys, f"{feed.name}-new-{n}")
        if row is early:
            fresh = dict.fromkeys(keys, f"Zzyzx {n}")
        if feed.name == "enterprises":
            fresh["enterprise_id"] = f"S{n:03d}"
        rows[n] = {**good, **taken, **fresh, **row}
    again = {
        **rows[0],
        **{c.name: "Zzyzx Quuxmann" for c in feed.columns if c.free_text or c.name == "counterparty_id"},
    }
    if keys and feed.of_borrowers:  # another scenario would tear the set
        name = {keys[0]: "Quuxmann 1"}
        rows += [
            {**good, **taken, **name},
            {**again, **good, **taken, **name, feed.business_time: "2026-06-02"},
        ]
    return [
        {**row, "remarks": next(WORDS), "+49 170 8800000": "x", "e-mail": "zzyzx@quuxmann.org"}
        for row in rows
    ]


def good_rows(landing: Path, feed: Feed) -> list[Row]:
    """Return rows that the simulation delivered; of a feed that it does not know, made ones."""
    if feed.name == "overrides":
        day = "2026-06-10 10:00:00"
        return [
            {"enterprise_id": f"E{n:07d}", "decided_at": day, "old_grade": "B1", "new_grade": "B2", "known_at": day,
             "decided_by": "Zzyzx Quuxmann", "reason": f"{next(WORDS)} called", "valid_until": ""}
            for n in range(1, 140)
        ]  # fmt: skip
    if feed.name == "scenarios":
        return [
            {"decided_on": "2026-06-10", "known_at": "2026-06-10 10:00:00", "scenario": "base",
             "month": f"{2026 + month // 12}-{month % 12 + 1:02d}-01", "systematic_factor": "0.0", "weight": "1.0"}
            for month in range(6, 150)
        ]  # fmt: skip
    path = max((landing / feed.name).iterdir(), key=lambda path: path.stat().st_size)
    kind = path.name.split(".")[1]
    reader = {"csv": "read_csv('{}', all_varchar = true)", "parquet": "read_parquet('{}')"}.get(
        kind, "read_json('{}')"
    )
    there = duckdb.execute(f"select * from {reader.format(path)} limit 0").pl().columns
    columns = ", ".join(
        f"cast({f'to_json({column.name})' if (column.type, kind) == ('json', 'ndjson') else column.name} as varchar) "
        f"as {column.name}"
        if column.name in there
        else f"cast(null as varchar) as {column.name}"
        for column in feed.columns
    )
    filled = " and ".join(f"{column.name} is not null" for column in feed.columns if column.required)
    rows = duckdb.execute(f"select {columns} from {reader.format(path)} where {filled} limit 400").pl()
    return rows.to_dicts()


def write(path: Path, rows: list[Row]) -> None:
    """Write the rows in the format that the name says; CSV gets a line that is no row."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        text = io.StringIO()
        table = csv.DictWriter(text, names, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        path.write_text(text.getvalue() + "Zzyzx Quuxmann,+49 170 8800001\n", encoding="utf-8")
    elif path.suffix == ".ndjson":
        lines = [
            *(json.dumps({name: row.get(name) for name in names}) for row in rows),
            "Zzyzx Quuxmann 9175001",
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        columns = {
            name: [None if row.get(name) is None else str(row[name]) for row in rows] for name in names
        }
        pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String)).write_parquet(path)


def plant(landing: Path, refused: Path) -> None:
    """Add a file with secrets to each feed of the landing folder, and fill another folder with files to refuse."""
    for feed, kind in zip(FEEDS.values(), FORMATS * 3, strict=False):
        good = good_rows(landing, feed)
        bad = planted(feed, good[0])
        many = [good[n % len(good)] for n in range(12 * len(bad))]  # so that the file is taken
        if feed.name == "operational_events":  # its JSON is not written letter by letter as it was delivered
            many = [{**row, "event_id": f"P{n}"} for n, row in enumerate(many)]
        write(landing / feed.name / f"secrets.{kind}", [*bad, *many])
        write(refused / feed.name / f"bad.{kind}", bad)
        headless = "\n".join(f"Zzyzx{n} Quuxmann;TX-{NUMBER}{n};Lane" for n in range(9)) + "\n"
        names = [column.name for column in feed.columns]
        comma = "\n".join([",".join(names), *[",".join('"917.500.462,01"' for _ in names)] * 9]) + "\n"
        wrong = {"headless.csv": headless, "comma.csv": comma, "keys.ndjson": '{"Zzyzx Quuxmann": 1}\n'}
        for name, text in wrong.items():
            (refused / feed.name / name).write_text(text, encoding="utf-8")
        no_text = f"select 'Zzyzx Quuxmann'::blob || '\\xFF'::blob as {names[0]}"
        duckdb.execute(f"copy ({no_text}) to '{refused / feed.name / 'bytes.parquet'}'")
        if feed.name != "enterprises":  # without that one no night goes on
            shutil.copytree(refused / feed.name, landing / feed.name, dirs_exist_ok=True)


class After(NamedTuple):
    """What the runs left: the home, and by command what it printed and its exit code."""

    home: Path
    printed: dict[str, bytes]
    codes: dict[str, int]


@pytest.fixture(scope="module")
def after(prefect_database: Path, tmp_path_factory: pytest.TempPathFactory) -> After:
    """An intake of files that are refused, and a night, each as the command line runs it."""
    folder = tmp_path_factory.mktemp("personal")
    home, landing, refused = folder / "var", folder / "landing", folder / "refused"
    deliver_by_year(landing, enterprises=150, night=DAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(home))
        deliver_feeds.fn(source="simulated", enterprises=150, through=DAY, landing=landing)
    plant(landing, refused)
    (home / "prefect").mkdir(parents=True)
    shutil.copy(prefect_database, home / "prefect" / "prefect.db")
    commands = {
        "ingest": ["--landing", str(refused), "--portfolio", "refused"],
        "nightly": [
            "--source",
            "folder",
            "--landing",
            str(landing),
            "--portfolio",
            "lender",
            "--as-of",
            str(DAY),
        ],
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    printed, codes = {}, {}
    for name, options in commands.items():
        run = subprocess.run(
            [sys.executable, "-c", NIGHT, name, *options],
            cwd=ROOT,
            env=environment | {"NIGHTLEDGER_HOME": str(home), "NIGHTLEDGER_TIMEZONE": "Europe/Berlin"},
            capture_output=True,
            check=False,
            timeout=900,
        )
        printed[name], codes[name] = run.stdout + run.stderr, run.returncode
    return After(home, printed, codes)


def leaks(data: bytes) -> list[str]:
    """Return where secrets stand, each with what is around it."""
    return [
        data[max(0, m.start() - 60) : m.end() + 20].decode(errors="replace") for m in SECRET.finditer(data)
    ][:3]


def test_the_runs_did_their_work(after: After) -> None:
    assert after.codes == {"ingest": 1, "nightly": 0}, {
        name: text[-800:] for name, text in after.printed.items()
    }
    with duckdb.connect(str(after.home / "warehouse.duckdb"), read_only=True) as con:
        rules = con.execute("select feed, list(distinct rule) from ops.quarantine group by all").fetchall()
        statuses = con.execute(
            "select feed, list(distinct status) from ops.file_ledger where portfolio = 'lender' group by all"
        ).fetchall()
        (texts,) = con.execute("select string_agg(raw_text, ' ') from ops.quarantine").fetchone() or ("",)
        (names,) = con.execute(
            "select count(*) from raw.enterprises where legal_name like 'Zzyzx%'"
        ).fetchone() or (0,)
    assert {feed: {"wrong_type", "malformed_row"} - set(found) for feed, found in rules} == {
        feed.name: {"malformed_row"} if kind == "parquet" else set()
        for feed, kind in zip(FEEDS.values(), FORMATS * 3, strict=False)
    }
    assert {feed for feed, found in statuses if "loaded" in found} == set(FEEDS)
    assert "Zzyzx" in texts, "the engineer still has the row"
    assert names > 2


@pytest.mark.parametrize("command", ["ingest", "nightly"])
def test_nothing_is_printed(after: After, command: str) -> None:
    assert leaks(after.printed[command]) == []


def test_no_table_of_the_published_copy_holds_any(after: After) -> None:
    with duckdb.connect(str(after.home / "published" / "portfolio.duckdb"), read_only=True) as con:
        tables = con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        found = {
            f"{schema}.{table}": leaks(
                "\n".join(map(str, con.execute(f'select * from {schema}."{table}"').fetchall())).encode()
            )
            for schema, table in tables
        }
    assert len(found) > 30
    assert {table: where for table, where in found.items() if where} == {}


def test_no_file_of_the_home_but_the_warehouse_holds_any(after: After) -> None:
    found, kinds = {}, set()
    for path in sorted(after.home.rglob("*")):
        if path.name.startswith("warehouse.duckdb") or not path.is_file():
            continue
        kinds.add(path.suffix)
        texts = [path.read_bytes()]
        if path.suffix == ".parquet":
            texts.append(pl.read_parquet(path, hive_partitioning=False).write_ndjson().encode())
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as members:
                texts += [members.read(name) for name in members.namelist()]
        if where := [leak for text in texts for leak in leaks(text)]:
            found[str(path.relative_to(after.home))] = where[:3]
    assert {".parquet", ".html", ".db", ".nightledger-model", ".sql"} <= kinds
    assert found == {}
