"""Marts and audits read the nights that they tell of, not every night that was ever scored: rows read are counted."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from warehouse import changes, incoming, partition, sql
from warehouse.changes import Nights
from warehouse.night import Night

TONIGHT = date(2026, 6, 30)
ROWS = 122_880  # of a row group of DuckDB, the least that it reads
NIGHTS = [TONIGHT - timedelta(days=days) for days in (500, 400, 90, 1, 0)]
FEATURES = {
    "feat_profile": "'trade' as industry_primary, 'north' as region, 'town' as city, 'gmbh' as legal_form, "
    "false as natural_person",
    "feat_ledger": "100.0 as total_borrowing",
    "feat_transactions": "1 as tx_days_since_last, 2.0 as tx_gap_max_365d",
    "feat_counterparties": "0.5 as supplier_hhi_90d",
    "feat_operations": "1 as event_days_since_last, 2.0 as event_gap_max_365d, 0.5 as payment_hhi_90d, "
    "3.0 as supplier_latency_mean_90d",
    "feat_legal": "0 as defendant_cases_30d",
}


@pytest.fixture
def lender(con):
    """Five nights of as many borrowers as DuckDB reads at least, and the marts of the last one."""
    for number, night in enumerate(NIGHTS):
        who = f"'p' as portfolio, date '{night}' as as_of_date, 'e' || i as enterprise_id"
        con.execute(
            f"insert into wh.scores.portfolio_scores by name select {who}, 'champion' as model_role, 'B1' as grade, "
            f"0.1 as pd, 500.0 as score_points, 'fresh' as score_status from range({ROWS}) as r (i)"
        )
        for name, columns in FEATURES.items():
            made = f"select {who}, {columns} from range({ROWS}) as r (i)"
            make = f"insert into wh.features.{name}" if number else f"create table wh.features.{name} as"
            con.execute(f"{make} {made}")
        con.execute(
            "insert into wh.marts.mart_portfolio_summary by name select 'p' as portfolio, ? as as_of_date",
            [night],
        )
    for mart in ("mart_portfolio_summary", "mart_portfolio_latest"):
        partition.replace_partition(con, f"marts.{mart}", {"portfolio": "p", "as_of_date": TONIGHT})
    return con


def nights_read(con: Any, relation: str) -> dict[str, float]:
    """Return how many nights of each table the file of a relation reads."""
    file = sql.load(relation)
    params = {"portfolio": "p", "as_of_date": TONIGHT}
    bound = {name: params[name] for name in con.extract_statements(file.text)[0].named_parameters}
    return read_by(con, file.text, bound)


def read_by(con: Any, statement: str, bound: dict[str, Any]) -> dict[str, float]:
    """Run a statement and return how many nights of each table it reads."""
    plan = json.loads(con.execute(f"explain (analyze, format json) {statement}", bound).fetchall()[0][1])
    rows: Counter[str] = Counter()
    waiting = [plan]
    while waiting:
        operator = waiting.pop()
        waiting += operator["children"]
        if table := operator.get("extra_info", {}).get("Table"):
            rows[table.split(".", maxsplit=1)[1]] += operator["operator_rows_scanned"]
    return {table: count / ROWS for table, count in rows.items()}


MOST = {
    "marts.mart_portfolio_summary": {"scores.portfolio_scores": 1, "features.feat_profile": 1},
    "marts.mart_portfolio_latest": {
        "scores.portfolio_scores": 2, "features.feat_profile": 1, "features.feat_ledger": 1,
    },
    "marts.mart_early_warning": {
        "features.feat_transactions": 1, "features.feat_operations": 2, "features.feat_legal": 1,
    },
    "marts.mart_watch_list": {
        "features.feat_transactions": 1, "features.feat_operations": 2, "features.feat_legal": 1,
        "features.feat_profile": 1,
    },
    "marts.mart_early_warning_judged": {"scores.portfolio_scores": 2.5},  # two, and a look for ten more
    "audits.assert_mart_latest_complete": {"scores.portfolio_scores": 1},
    "audits.assert_mart_summary_adds_up": {"scores.portfolio_scores": 1},
    "audits.assert_scores_key_unique": {"scores.portfolio_scores": 1},
}  # fmt: skip


def test_a_file_reads_its_own_nights(lender):
    for relation, most in MOST.items():
        read = nights_read(lender, relation)
        too_many = {table: read[table] for table, nights in most.items() if read[table] > nights}
        assert not too_many, relation


class Counted:
    """A connection that adds up how many nights its statements read of each table."""

    def __init__(self, con: Any) -> None:
        self.con, self.read = con, Counter[str]()

    def execute(self, statement: str, bound: dict[str, Any]) -> Any:
        if statement.startswith("insert"):  # to count it would do it twice
            return self.con.execute(statement, bound)
        for table, nights in read_by(self.con, statement, bound).items():
            self.read[table] += nights
        return self.con.execute(statement, bound)


def test_two_nights_are_compared_without_a_look_at_others(lender, tmp_path):
    tonight, before = Night("p", TONIGHT, "r"), TONIGHT - timedelta(days=1)
    nights = Nights(tonight, before)
    for against, day in pairwise(NIGHTS):
        lender.execute(
            "insert into wh.scores.score_changes by name select 'p' as portfolio, ? as as_of_date, ? as against_date, "
            f"'e' || i as enterprise_id, 'data' as part, 0.0 as change from range({ROWS}) as r (i)",
            [day, against],
        )
    looked = Counted(lender)
    assert changes.previous_date(looked, tonight) == before
    assert looked.read["scores.portfolio_scores"] == 0
    paired = Counted(lender)
    assert changes.write_pairs(paired, nights, tmp_path / "pairs.parquet") == ROWS
    # each night once to pair it, and a look whether it is there
    assert paired.read["scores.portfolio_scores"] <= 4
    told = Counted(lender)
    assert changes.moves(told, nights).both == ROWS
    assert told.read["scores.score_changes"] <= 2
    gone = Counted(lender)
    changes.forget(gone, tonight)
    assert gone.read["scores.score_changes"] <= 1
    assert lender.execute("select count(*) from wh.scores.score_changes").fetchone() == (3 * ROWS,)


def test_scores_of_a_night_replace_its_own_without_a_look_at_others(lender):
    waiting = "scores.incoming_scores"
    lender.execute(
        f"insert into wh.{waiting} by name select * replace ('r' as run_id) from wh.scores.portfolio_scores "
        "where as_of_date = ?",
        [TONIGHT],
    )
    moved = Counted(lender)
    incoming.move(
        moved, waiting, "scores.portfolio_scores", Night("p", TONIGHT, "r"), model_roles=["champion"]
    )
    assert moved.read["scores.portfolio_scores"] <= 1
    count = "select count(*), count(run_id) from wh.scores.portfolio_scores"
    assert lender.execute(count).fetchone() == (len(NIGHTS) * ROWS, ROWS)
