"""A writer on a fresh warehouse, a folder of SQL files of the test's own, a small portfolio to be scored."""

from __future__ import annotations

import hashlib
import logging
import shutil
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse import ledger, registry, scores, sql
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.publishing import publish
from warehouse.settings import settings

NIGHT = date(2026, 6, 30)


@pytest.fixture
def con(opened_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A writer's cursor on an empty warehouse."""
    with writer(purpose="test") as cursor:
        yield cursor


@pytest.fixture
def sql_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Writes SQL files into a folder of the test's own, which holds the real migrations and nothing else."""
    folder = tmp_path / "sql"
    shutil.copytree(sql.SQL_DIR / "ddl", folder / "ddl")
    monkeypatch.setattr(sql, "SQL_DIR", folder)

    def write(name: str, text: str) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
        return path

    return write


# what the marts read of the other feature relations; a test that needs rows there inserts them
BEHAVIOUR = {
    "feat_transactions": {"tx_days_since_last": "integer", "tx_gap_max_365d": "double"},
    "feat_counterparties": {"supplier_hhi_90d": "double"},
    "feat_operations": {
        "event_days_since_last": "integer",
        "event_gap_max_365d": "double",
        "payment_hhi_90d": "double",
        "supplier_latency_mean_90d": "double",
    },
    "feat_legal": {"defendant_cases_30d": "integer", "legal_days_since_last": "integer"},
    "feat_opinions": {"opinion_days_since_last": "integer"},
}


@dataclass
class Portfolio:
    """Five enterprises with features, and what it takes to score them."""

    con: duckdb.DuckDBPyConnection
    folder: Path
    name: str = "lender"

    def features(self, as_of_date: date = NIGHT) -> None:
        self.con.execute(
            "create table if not exists wh.features.feat_profile (portfolio varchar, as_of_date date, "
            "enterprise_id varchar, industry_primary varchar, region varchar, city varchar, "
            "legal_form varchar, natural_person boolean)"
        )
        self.con.execute(
            "create table if not exists wh.features.feat_ledger (portfolio varchar, as_of_date date, "
            "enterprise_id varchar, total_borrowing decimal(38, 2), ledger_days_since_last integer)"
        )
        for name, columns in BEHAVIOUR.items():
            spelled = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            self.con.execute(
                f"create table if not exists wh.features.{name} "
                f"(portfolio varchar, as_of_date date, enterprise_id varchar, {spelled})"
            )
        for number in range(5):
            key = [self.name, as_of_date, f"e{number}"]
            self.con.execute(
                "insert into wh.features.feat_profile (portfolio, as_of_date, enterprise_id, industry_primary, region, "
                "city, legal_form, natural_person) values (?, ?, ?, 'trade', 'north', 'town', 'gmbh', false)",
                key,
            )
            self.con.execute(
                "insert into wh.features.feat_ledger (portfolio, as_of_date, enterprise_id, total_borrowing, "
                "ledger_days_since_last) values (?, ?, ?, ?, 30)",
                [*key, 100 if number < 3 else None],
            )

    def rows(self, pd: float = 0.1) -> pl.DataFrame:
        scored = [True] * 4 + [False]
        return pl.DataFrame(
            {
                "enterprise_id": [f"e{number}" for number in range(5)],
                "coverage": ["thick"] * 4 + ["unscoreable"],
                "score_status": ["fresh"] * 4 + ["unscoreable"],
                "pd_raw": [pd if one else None for one in scored],
                "pd": [pd if one else None for one in scored],
                "score_points": [500.0 if one else None for one in scored],
                "grade": ["B1" if one else None for one in scored],
            }
        ).with_columns(
            model_family=pl.lit("operational_risk"), model_version=pl.lit("1"), model_role=pl.lit("champion")
        )

    def stage(self, rows: pl.DataFrame, as_of_date: date = NIGHT) -> str:
        run_id = ledger.start_run(self.con, flow="score", portfolio=self.name, as_of_date=as_of_date)
        file = self.folder / f"{run_id}.parquet"
        rows.write_parquet(file)
        scores.stage_scores(self.con, [file], Night(self.name, as_of_date, run_id))
        return run_id

    def score(self, rows: pl.DataFrame | None = None, as_of_date: date = NIGHT) -> str:
        run_id = self.stage(self.rows() if rows is None else rows, as_of_date)
        scores.commit_scores(self.con, Night(self.name, as_of_date, run_id))
        return run_id

    def one(self, query: str) -> tuple[object, ...] | None:
        return self.con.execute(query).fetchone()


@pytest.fixture(scope="session")
def small_portfolio() -> type[Portfolio]:
    """The class itself, for a fixture that serves a whole module."""
    return Portfolio


@pytest.fixture
def portfolio(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> Portfolio:
    """Five enterprises whose features of NIGHT are built."""
    made = Portfolio(con=con, folder=tmp_path)
    made.features()
    return made


@pytest.fixture
def made(con):
    """Makes a record whose file exists."""
    folder = settings().models_dir
    folder.mkdir(parents=True)

    def make(version: str, knowledge: date = date(2026, 1, 31), **more: object) -> registry.ModelRecord:
        file = folder / f"{version}.ubj"
        file.write_bytes(version.encode())
        values = {
            "model_family": "operational_risk",
            "model_version": version,
            "portfolio": "lender",
            "role": "champion",
            "purpose": "forecast",
            "knowledge_date": knowledge,
            "label_definition": "dpd90",
            "horizon_days": 365,
            "settings": {"trees": 10, "nested": {"a": [1, 2]}},
            "feature_groups": ("consistency", "dependency"),
            "feature_names": ("gap_std_days_90d",),
            "schema_hash": "s",
            "data_fingerprint": "d",
            "metrics": {"auc": 0.8},
            "artefact_path": str(file),
            "artefact_sha256": hashlib.sha256(version.encode()).hexdigest(),
            "base_rate": 0.15,
            "run_id": "r",
        }
        return registry.ModelRecord(**{**values, **more})

    return make


@pytest.fixture
def fresh(con, tmp_path):
    """A portfolio without any night yet."""
    return Portfolio(con=con, folder=tmp_path)


@pytest.fixture(scope="session")
def two_scored_nights(empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a warehouse with two scored nights."""
    folder = tmp_path_factory.mktemp("two-scored-nights")
    shutil.copy(empty_warehouse, folder)
    before = NIGHT - timedelta(days=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(folder))
        with writer(purpose="test") as con:
            portfolio = Portfolio(con=con, folder=folder)
            for day in (NIGHT, before):
                portfolio.features(day)
            for day in (before, NIGHT):
                portfolio.score(portfolio.rows(0.1), day)
        return settings().warehouse_file


@pytest.fixture
def two_nights(
    home: Path, two_scored_nights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[Portfolio]:
    """Two published nights."""
    caplog.set_level(logging.WARNING, logger="nightledger")
    home.mkdir(exist_ok=True)
    shutil.copy(two_scored_nights, settings().warehouse_file)
    with writer(purpose="test") as con:
        portfolio = Portfolio(con=con, folder=tmp_path)
        publish.publish(con, "run")
        yield portfolio
