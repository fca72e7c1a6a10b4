"""The watch-list rule on hand-made rows: each trigger alone, none, and moves that the whole sector made."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from warehouse import partition

NIGHT = date(2026, 6, 30)
GRADES = ("A1", "A2", "B1", "B2", "C1", "C2", "D1", "D2", "E1", "E2")
PEERS = tuple(f"p{number}" for number in range(5))
QUIET = {"tx_days_since_last": 5, "tx_gap_max_365d": 20.0}


class World:
    """A borrower `b` among five calm peers of its sector, with what is said of it on each night."""

    def __init__(self, con):
        self.con = con
        for table, columns in (
            ("feat_transactions", "tx_days_since_last integer, tx_gap_max_365d double"),
            ("feat_counterparties", "supplier_hhi_90d double"),
            (
                "feat_operations",
                ", ".join(
                    (
                        "event_days_since_last integer",
                        "event_gap_max_365d double",
                        "payment_hhi_90d double",
                        "supplier_latency_mean_90d double",
                    )
                ),
            ),
            ("feat_legal", "defendant_cases_30d integer"),
            ("feat_profile", "industry_primary varchar"),
        ):
            con.execute(
                f"create table wh.features.{table} "
                f"(portfolio varchar, as_of_date date, enterprise_id varchar, {columns})"
            )

    def features(self, table: str, days_ago: int = 0, *, who: str = "b", **values: object) -> None:
        row = {
            "portfolio": "lender", "as_of_date": NIGHT - timedelta(days=days_ago), "enterprise_id": who, **values,
        }  # fmt: skip
        marks = ", ".join(f"${name}" for name in row)
        self.con.execute(f"insert into wh.features.{table} ({', '.join(row)}) values ({marks})", row)

    def night(self, days_ago: int, grades: dict[str, int], *, status: str = "fresh", pd: float = 0.1) -> None:
        """Score the borrowers on a night: number of the grade, 1 is the best, 0 is no score."""
        night = NIGHT - timedelta(days=days_ago)
        for who, notch in grades.items():
            grade = GRADES[notch - 1] if notch else None
            said = status if who == "b" else "fresh"
            self.con.execute(
                "insert into wh.scores.portfolio_scores by name select 'lender' as portfolio, ? as as_of_date, "
                "? as enterprise_id, 'champion' as model_role, ? as grade, ? as pd, ? as score_status",
                [night, who, grade, (pd if who == "b" else 0.1) if notch else None, said],
            )
            self.features("feat_profile", days_ago, who=who, industry_primary="trade")
        self.con.execute(
            "insert into wh.marts.mart_portfolio_summary by name select 'lender' as portfolio, ? as as_of_date",
            [night],
        )

    def said(self, *columns: str, who: str = "b"):
        partition.replace_partition(self.con, "marts.mart_early_warning", {"portfolio": "lender"})
        return self.con.execute(
            f"select {', '.join(columns)} from wh.marts.mart_early_warning where enterprise_id = ?", [who]
        ).fetchone()


@pytest.fixture
def world(con):
    return World(con)


def grades(b: int, peers: int = 4) -> dict[str, int]:
    return {"b": b, **dict.fromkeys(PEERS, peers)}


def test_nothing_happened_and_nobody_is_watched(world):
    world.night(30, grades(4))
    world.night(0, grades(4))
    world.features("feat_transactions", **QUIET)
    world.features("feat_legal", defendant_cases_30d=0)
    assert world.said("on_watch_list", "why", "notches_1m", "notches_3m") == (False, None, 0, None)


@pytest.mark.parametrize(
    ("days", "notches", "fell"),
    [
        (30, 2, True),
        (30, 1, False),
        (90, 2, True),
        (180, 2, False),
        (180, 3, True),
        (365, 3, True),
        (365, 2, False),
    ],
)
def test_notches_lost_against_the_sector_are_told_and_make_no_list(days, notches, fell, world):
    world.night(days, grades(3))
    world.night(0, grades(3 + notches))
    assert world.said("on_watch_list", "why") == (False, "worse_than_sector" if fell else None)
    column = {30: "1m", 90: "3m", 180: "6m", 365: "12m"}[days]
    assert world.said(f"notches_{column}", f"excess_{column}") == (notches, notches)


def test_what_the_whole_sector_lost_is_no_warning_of_one_and_a_sector_that_recovers_makes_none(world):
    world.night(30, grades(4, peers=4))
    world.night(0, grades(6, peers=6))
    assert world.said("worse_than_sector", "notches_1m", "excess_1m") == (False, 2, 0)
    world.con.execute("update wh.scores.portfolio_scores set grade = 'C2' where as_of_date < ?", [NIGHT])
    world.con.execute(
        "update wh.scores.portfolio_scores set grade = 'B1' where enterprise_id <> 'b' and as_of_date = ?",
        [NIGHT],
    )  # the peers gain three notches, b stands still
    assert world.said("notches_1m", "excess_1m", "worse_than_sector") == (0, 3, False)


def test_few_peers_are_compared_with_the_whole_portfolio(world):
    world.night(30, grades(4))
    world.night(0, grades(6))
    world.con.execute(
        "update wh.features.feat_profile set industry_primary = 'crafts' where enterprise_id = 'b'"
    )
    # its own sector's median would be its own move
    assert world.said("excess_1m", "worse_than_sector") == (2, True)


@pytest.mark.parametrize(("days", "known"), [(29, False), (30, True), (40, True), (41, False)])
def test_the_night_compared_with_lies_within_the_tolerance(days, known, world):
    world.night(days, grades(4))
    world.night(0, grades(5))
    assert world.said("notches_1m") == (1 if known else None,)


def test_activity_gap(world):
    world.night(0, grades(4))
    world.features("feat_transactions", tx_days_since_last=45, tx_gap_max_365d=44.0)
    assert world.said("on_watch_list", "why") == (False, "activity_gap")
    # as long as it was before, or shorter than a month: no warning
    world.con.execute("update wh.features.feat_transactions set tx_gap_max_365d = 45")
    assert world.said("on_watch_list", "why") == (False, None)
    world.con.execute("update wh.features.feat_transactions set tx_days_since_last = 30, tx_gap_max_365d = 3")
    assert world.said("on_watch_list", "why") == (False, None)


def test_activity_gap_of_a_borrower_with_an_operational_log_only(world):
    world.night(0, grades(4))
    world.features("feat_operations", event_days_since_last=50, event_gap_max_365d=9.0)
    assert world.said("on_watch_list", "why", "quiet_days") == (False, "activity_gap", 50)


@pytest.mark.parametrize(("pd", "watched"), [(0.23, True), (0.2299, False)])
def test_high_pd(pd, watched, world):
    world.night(0, grades(4), pd=pd)
    assert world.said("on_watch_list", "why") == (watched, "high_pd" if watched else None)


def test_the_list_of_every_night_is_kept_and_a_past_night_has_its_own(world):
    world.night(40, grades(4), pd=0.3)
    world.night(30, grades(4))
    world.night(0, grades(8), pd=0.3)
    world.features("feat_legal", 30, defendant_cases_30d=1)
    world.features("feat_transactions", 30, who="p1", tx_days_since_last=45, tx_gap_max_365d=44.0)
    for days in (0, 30, 40):  # a past night is scored again after later ones
        night = {"portfolio": "lender", "as_of_date": NIGHT - timedelta(days=days)}
        partition.replace_partition(world.con, "marts.mart_watch_list", night)
    kept = "select enterprise_id, on_watch_list, why from wh.marts.mart_watch_list where as_of_date = ? order by 1"
    assert world.con.execute(kept, [NIGHT - timedelta(days=40)]).fetchall() == [("b", True, "high_pd")]
    assert world.con.execute(kept, [NIGHT - timedelta(days=30)]).fetchall() == [
        ("b", False, "new_defendant"), ("p1", False, "activity_gap")
    ]  # fmt: skip
    assert world.con.execute(kept, [NIGHT]).fetchall() == [
        ("b", *world.said("on_watch_list", "why"))
    ] == [("b", True, "high_pd, worse_than_sector")]  # fmt: skip


def test_new_defendant(world):
    world.night(0, grades(4))
    world.features("feat_legal", defendant_cases_30d=1)
    assert world.said("on_watch_list", "why") == (False, "new_defendant")


@pytest.mark.parametrize("status", ["stale", "quarantined"])
def test_data_trouble(status, world):
    world.night(0, grades(0 if status == "quarantined" else 4), status=status)
    assert world.said("on_watch_list", "why") == (True, "data_trouble")


def suppliers(world, *, hhi: bool, latency: bool) -> None:
    world.night(90, grades(4))
    world.night(0, grades(4))
    world.features("feat_counterparties", 90, supplier_hhi_90d=0.25)
    world.features("feat_counterparties", supplier_hhi_90d=0.41 if hhi else 0.39)
    world.features("feat_operations", 90, supplier_latency_mean_90d=6.0)
    world.features("feat_operations", supplier_latency_mean_90d=9.5 if latency else 8.9)


@pytest.mark.parametrize(
    ("hhi", "latency", "why"),
    [
        (True, False, "hhi_jump"),
        (False, True, "supplier_latency"),
        (True, True, "hhi_jump, supplier_latency"),
        (False, False, None),
    ],
)
def test_what_suppliers_do_is_told_and_makes_no_list(hhi, latency, why, world):
    suppliers(world, hhi=hhi, latency=latency)
    assert world.said("on_watch_list", "why") == (False, why)


def test_without_features_of_the_earlier_night_nothing_is_compared(world):
    suppliers(world, hhi=True, latency=True)
    world.con.execute("delete from wh.features.feat_counterparties where as_of_date < ?", [NIGHT])
    world.con.execute("delete from wh.features.feat_operations where as_of_date < ?", [NIGHT])
    assert world.said("on_watch_list", "why", "hhi_change", "latency_days_before") == (
        False,
        None,
        None,
        None,
    )


def test_the_concentration_of_logged_payments_counts_too(world):
    world.night(90, grades(4))
    world.night(0, grades(4))
    world.features("feat_operations", 90, payment_hhi_90d=0.3)
    world.features("feat_operations", payment_hhi_90d=0.5)
    world.features("feat_legal", defendant_cases_30d=2)
    assert world.said("on_watch_list", "why") == (False, "hhi_jump, new_defendant")
