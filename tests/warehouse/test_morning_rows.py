"""The rows of the morning are those of the night asked for, also where later nights have been scored since."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pytest

from warehouse.borrower_rows import borrower_rows, is_scored
from warehouse.morning_rows import LISTED, MOVERS, morning_rows
from warehouse.night import Night

BEFORE, TONIGHT, AFTER = date(2026, 6, 29), date(2026, 6, 30), date(2026, 7, 1)
NIGHT = Night("p", TONIGHT, "r2")
FEATURES = {
    "feat_profile": "'trade' as industry_primary, 'north' as region",
    "feat_ledger": "1000.0 as total_borrowing, 12 as ledger_days_since_last",
    "feat_transactions": "3 as tx_days_since_last",
    "feat_operations": "0 as event_days_since_last",
    "feat_legal": "cast(null as integer) as legal_days_since_last",
    "feat_opinions": "87 as opinion_days_since_last",
}


class Lender:
    """A portfolio whose nights a test writes row by row."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        for name, columns in FEATURES.items():
            con.execute(
                f"create table wh.features.{name} as select 'p' as portfolio, date '2026-06-30' as as_of_date, "
                f"'a' as enterprise_id, {columns}"
            )

    def add(self, table: str, **row: Any) -> None:
        row = {"portfolio": "p", **row}
        selected = ", ".join(f"${name} as {name}" for name in row)
        self.con.execute(f"insert into wh.{table} by name select {selected}", row)

    def score(self, day: date, pd: float | None, who: str = "a", **more: Any) -> None:
        points = None if pd is None else 600 - 100 * pd
        row = {"model_family": "wide_deep", "model_version": "v1", "model_role": "champion", "score_status": "fresh",
               "in_default": False, "grade": "B1", "pd": pd, "score_points": points, **more}  # fmt: skip
        self.add("scores.portfolio_scores", as_of_date=day, enterprise_id=who, **row)

    def summary(self, day: date, **figures: Any) -> None:
        self.add("marts.mart_portfolio_summary", as_of_date=day, **figures)

    def listed(self, day: date, who: str, *, on: bool = True) -> None:
        self.add("marts.mart_watch_list", as_of_date=day, enterprise_id=who, on_watch_list=on, why="high_pd")


@pytest.fixture
def lender(con: duckdb.DuckDBPyConnection) -> Lender:
    made = Lender(con)
    for day in (BEFORE, TONIGHT, AFTER):
        made.summary(day, enterprises=2, scored=2, performing=2, expected_defaults=0.5, exposure=100)
    return made


def test_a_line_adds_up_sectors_and_grades_and_ends_with_the_night(lender):
    lender.summary(TONIGHT, enterprises=3, scored=3, performing=2, expected_defaults=0.3, exposure=50,
                   exposure_known=1, exposure_expected_in_default=20.0)  # fmt: skip
    lines = morning_rows(lender.con, NIGHT)["lines"]
    assert lines["as_of_date"].to_list() == [BEFORE, TONIGHT]
    last = lines.row(1, named=True)
    assert (last["enterprises"], last["exposure"], last["mean_pd"]) == (5, 150.0, pytest.approx(0.2))
    assert last["expected_loss"] == pytest.approx(0.45 * 20)
    lender.con.execute(
        "insert into wh.scores.impairment_parameters by name "
        f"select portfolio, as_of_date, 0.3 as loss_given_default from wh.marts.mart_portfolio_summary "
        f"where as_of_date = '{TONIGHT}' limit 1"
    )
    again = morning_rows(lender.con, NIGHT)
    assert again["loss_given_default"] == 0.3
    assert again["lines"]["expected_loss"][1] == pytest.approx(0.3 * 20)
    assert lines["expected_loss"][0] is None  # a night before the column was there


def test_the_list_names_who_is_new_first_and_counts_the_others(lender):
    for number in range(LISTED + 2):
        who = f"w{number:02}"
        lender.score(TONIGHT, 0.3 + number / 100, who)
        lender.listed(TONIGHT, who)
        if number:
            lender.listed(BEFORE, who)
    lender.score(TONIGHT, 0.9, "mild")
    lender.listed(TONIGHT, "mild", on=False)
    lender.score(AFTER, 0.9, "later")
    lender.listed(AFTER, "later")
    rows = morning_rows(lender.con, NIGHT)
    assert rows["listed"]["enterprise_id"].to_list()[:2] == ["w00", f"w{LISTED + 1:02}"]
    assert rows["listed"].height == LISTED
    assert rows["list_counts"] == {"listed": LISTED + 2, "new": 1, "before_is_known": True}


def test_a_trigger_that_did_not_put_it_on_the_list_leaves_a_borrower_new(lender):
    lender.score(TONIGHT, 0.3)
    lender.listed(TONIGHT, "a")
    lender.listed(BEFORE, "a", on=False)
    assert morning_rows(lender.con, NIGHT)["list_counts"]["new"] == 1


def test_a_first_night_has_no_night_before_and_no_movers(lender):
    first = Night("p", BEFORE, "r1")
    lender.score(BEFORE, 0.3)
    lender.listed(BEFORE, "a")
    rows = morning_rows(lender.con, first)
    assert rows["before"] is None
    assert rows["list_counts"] == {"listed": 1, "new": 1, "before_is_known": False}
    assert rows["movers"].is_empty()
    assert rows["new_models"] == rows["new_givers"] == []


def test_movers_are_the_few_that_moved_most_each_way_and_nobody_in_default(lender):
    for number in range(MOVERS + 2):
        lender.score(BEFORE, 0.1, f"u{number}")
        lender.score(TONIGHT, 0.11 + number / 100, f"u{number}")
    for who, then, now, in_default in (
        ("down", 0.4, 0.2, False),
        ("still", 0.2, 0.2, False),
        ("late", 0.1, 0.9, True),
    ):
        lender.score(BEFORE, then, who)
        lender.score(TONIGHT, now, who, in_default=in_default, model_version="v2")
    rows = morning_rows(lender.con, NIGHT)
    movers = rows["movers"].select("direction", "enterprise_id").rows()
    assert movers == [*(("worse", f"u{number}") for number in range(MOVERS + 1, 1, -1)), ("better", "down")]
    assert rows["new_models"] == ["wide_deep"]
    assert rows["new_givers"] == []


def test_another_family_gives_the_headline_of_a_class(lender):
    lender.score(BEFORE, 0.1, "a", coverage="transaction")
    lender.score(BEFORE, 0.1, "kept", model_family="voting_ensemble", coverage="thick")
    lender.score(TONIGHT, 0.1, "a", coverage="transaction", model_family="scorecard")
    # a score that is kept tells nothing of tonight, nor does a class that nobody had before
    lender.score(
        TONIGHT, 0.1, "kept", model_family="operational_risk", coverage="thick", score_status="stale"
    )
    lender.score(TONIGHT, 0.1, "new", model_family="operational_risk", coverage="thin")
    rows = morning_rows(lender.con, NIGHT)
    assert rows["new_givers"] == [("transaction", "scorecard")]
    assert rows["new_models"] == []


def test_only_the_files_that_the_run_of_the_night_refused_are_named_and_no_sign_of_theirs_turns_the_line(
    lender,
):
    for run, day in (("r1", BEFORE), ("r2", TONIGHT), ("r3", AFTER)):
        lender.add("ops.feed_deliveries", as_of_date=day, run_id=run, feed="transactions")
        lender.add("ops.file_ledger", feed="transactions", path=f"{run}\u202e.csv", status="refused", reason="bad",
                   run_id=run)  # fmt: skip
    lender.add("ops.file_ledger", feed="transactions", path="good.csv", status="loaded", run_id="r2")
    assert morning_rows(lender.con, NIGHT)["refused"]["path"].to_list() == ["r2\\u202e.csv"]


def override(lender: Lender, who: str, until: date | None, **more: Any) -> None:
    made = date(2026, 6, 1)
    row = {
        "decided_at": made,
        "old_grade": "D1",
        "new_grade": "C1",
        "decided_by": "am-17",
        "reason": "paid",
        **more,
    }
    row = {"known_at": made, "known_to": None, "run_id": "r", **row}
    lender.add("raw.overrides", enterprise_id=who, valid_until=until, **row)


def test_an_override_is_told_before_it_ends_as_it_was_known_that_night(lender):
    override(lender, "soon", date(2026, 7, 5))
    override(lender, "later", date(2026, 12, 31))
    override(lender, "over", date(2026, 6, 29))
    override(lender, "always", None)
    override(lender, "unknown", date(2026, 7, 5), known_at=AFTER)
    override(lender, "prolonged", date(2026, 7, 5))
    override(lender, "prolonged", date(2027, 7, 5), decided_at=date(2026, 6, 20))
    assert morning_rows(lender.con, NIGHT)["ending"]["enterprise_id"].to_list() == ["soon"]


def test_a_borrower_is_told_up_to_the_night(lender):
    for day, pd in ((date(2026, 4, 1), 0.1), (BEFORE, 0.2), (TONIGHT, 0.3), (AFTER, 0.4)):
        lender.score(day, pd, reason_1="tx_count_30d", reason_1_strength=0.05)
    lender.score(TONIGHT, 0.3, "other")
    for part, feature, change in (("data", "tx_count_30d", 0.08), ("data", "size", -0.01), ("model", None, 0.03),
                                  ("data", "a", 0.02), ("data", "b", 0.01), ("data", "c", 0.0)):  # fmt: skip
        lender.add("scores.score_changes", as_of_date=TONIGHT, against_date=BEFORE, enterprise_id="a", part=part,
                   feature=feature, change=change)  # fmt: skip
    override(lender, "a", None, reason="her brother Jo Doe pays")
    rows = borrower_rows(lender.con, NIGHT, ["a"])
    assert rows["history"]["pd"].to_list() == [0.2, 0.3]
    assert rows["reasons"].select("rank", "strength").rows() == [(1, 0.05)]
    assert rows["moved"]["change"].to_list() == [0.08, 0.03, 0.02, -0.01]
    assert rows["data"].row(0, named=True) == {
        "enterprise_id": "a", "industry": "trade", "region": "north", "exposure": 1000.0, "loan_ledger": 12,
        "transactions": 3, "operational_events": 0, "legal_cases": None, "credit_opinions": 87,
    }  # fmt: skip
    assert rows["overrides"].columns == [
        "enterprise_id",
        "decided_on",
        "old_grade",
        "new_grade",
        "valid_until",
    ]
    assert rows["overrides"]["new_grade"].to_list() == ["C1"]
    assert is_scored(lender.con, NIGHT, "a")
    assert not is_scored(lender.con, NIGHT, "b")
