"""Past watch lists are judged by what was known then and by what happened since, on hand-made rows."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from scipy.stats import binomtest

from warehouse import sql
from warehouse.partition import replace_partition

JUDGED = date(2026, 1, 31)
TODAY = JUDGED + timedelta(days=190)
BORROWERS = "abcdefgh"
PDS = {
    "c": 0.5,
    "a": 0.4,
    "e": 0.3,
    "b": 0.2,
    "d": 0.1,
    "f": 0.05,
    "g": 0.05,
    "x": 0.9,
    "y": 0.8,
}  # h has none


def later(days: int) -> date:
    return JUDGED + timedelta(days=days)


class Lender:
    """A portfolio of which scores, lists and outcomes are written by hand."""

    def __init__(self, con) -> None:
        self.con = con

    def night(self, day: date, borrowers: str = BORROWERS, *, in_default: str = "") -> None:
        for who in borrowers:
            self.con.execute(
                "insert into wh.scores.portfolio_scores by name select 'p' as portfolio, ? as as_of_date, "
                "? as enterprise_id, 'champion' as model_role, ? as in_default, ? as pd",
                [day, who, who in in_default, PDS.get(who)],
            )
        self.con.execute(
            "insert into wh.marts.mart_portfolio_summary by name select 'p' as portfolio, ? as as_of_date",
            [day],
        )

    def marked(self, day: date, who: str, why: str = "activity_gap", *, listed: bool = True) -> None:
        self.con.execute(
            "insert into wh.marts.mart_watch_list (portfolio, as_of_date, enterprise_id, on_watch_list, why) "
            "values ('p', ?, ?, ?, ?)",
            [day, who, listed, why],
        )

    def outcome(self, who: str, day: date, past_due: int, *, known: date | None = None) -> None:
        self.con.execute(
            "insert into wh.raw.outcomes (portfolio, enterprise_id, outcome_date, days_past_due, known_at) "
            "values ('p', ?, ?, ?, ?)",
            [who, day, past_due, known or day],
        )

    def paid(self, borrowers: str = BORROWERS, *, until: int = 180) -> None:
        """Nobody is past due once a month."""
        for days in range(30, until + 1, 30):
            for who in borrowers:
                self.outcome(who, later(days), 0)

    def judged(
        self, *columns: str, rule: str = "on_watch_list", as_of: date = TODAY
    ) -> list[tuple[object, ...]]:
        replace_partition(
            self.con, "marts.mart_early_warning_judged", {"portfolio": "p", "as_of_date": as_of}
        )
        return sql.frame(
            self.con,
            f"select {', '.join(columns)} from wh.marts.mart_early_warning_judged "
            "where rule = $rule and as_of_date = $as_of order by night",
            {"rule": rule, "as_of": as_of},
        ).rows()


@pytest.fixture
def lender(con) -> Lender:
    return Lender(con)


def test_precision_recall_lift_and_lead_time_of_the_list_and_of_each_trigger(lender):
    lender.paid()
    for days in (-2, -1, 0):
        lender.night(later(days), BORROWERS + "xy", in_default="x")
    for days in (-1, 0):
        lender.marked(later(days), "a", "activity_gap, hhi_jump")
    lender.marked(JUDGED, "b", "new_defendant")
    lender.marked(JUDGED, "d")
    lender.marked(JUDGED, "e", "hhi_jump", listed=False)
    lender.marked(JUDGED, "x")  # in default then
    lender.marked(JUDGED, "y")  # no outcome was ever delivered
    for who, days in (("a", 40), ("b", 101), ("c", 180), ("d", 181)):
        lender.outcome(who, later(days), 91)
    counts = (
        "borrowers",
        "in_default",
        "outcome_unknown",
        "judged",
        "defaults",
        "listed_unknown",
        "listed",
        "hits",
    )
    assert lender.judged("night", *counts, "note") == [(JUDGED, 10, 1, 1, 8, 3, 1, 3, 2, None)]
    assert lender.judged("base_rate", "list_share", "precision", "lift", "recall") == [
        (3 / 8, 3 / 8, 2 / 3, pytest.approx(16 / 9), 2 / 3)
    ]
    # a since the night before: 41 days; b since the night itself: 101
    assert lender.judged("lead_days_q1", "lead_days_median", "lead_days_q3") == [(56.0, 71.0, 86.0)]
    wilson = pytest.approx(tuple(binomtest(2, 3).proportion_ci(method="wilson")))
    assert lender.judged("precision_low", "precision_high") == [wilson]
    assert lender.judged("recall_low", "recall_high") == [wilson]
    # as many of the worst PDs are c, a and e of the list, c and a of a trigger
    shown = ("listed", "hits", "worst_pd_hits", "recall", "lead_days_median", "note")
    assert lender.judged(*shown) == [(3, 2, 2, 2 / 3, 71.0, None)]
    assert lender.judged(*shown, rule="activity_gap") == [(2, 1, 2, 1 / 3, 41.0, None)]
    # it puts nobody on the list by itself and is judged all the same
    assert lender.judged(*shown, rule="hhi_jump") == [(2, 1, 2, 1 / 3, 41.0, None)]
    # the list is three long: e is marked by the trigger and not on it, b has the next PD
    added = ("added", "added_hits", "next_pd_hits")
    assert lender.judged(*added, rule="hhi_jump") == [(1, 0, 1)]
    assert lender.judged(*added, rule="activity_gap") == lender.judged(*added) == [(0, 0, 0)]
    nobody = "marked nobody whose outcome is known; some triggers need earlier nights"
    assert lender.judged(*shown, rule="data_trouble") == [(0, 0, 0, None, None, nobody)]


def test_the_lead_begins_with_the_last_nights_in_a_row_and_no_list_of_a_later_night_counts(lender):
    lender.paid()
    for days in (-9, -8, -5, -1, 0, 12):
        lender.night(later(days))
    for days in (-9, -5, -1, 0):  # not on the night in between, 8 days before
        lender.marked(later(days), "a")
    lender.marked(later(12), "b")
    for who in "ab":
        lender.outcome(who, later(20), 91)
    assert lender.judged("listed", "hits", "defaults", "lead_days_median") == [(1, 1, 2, 25.0)]


def test_what_is_known_tonight_tells_the_outcome(lender):
    lender.paid()
    lender.night(JUDGED)
    lender.marked(JUDGED, "a")
    lender.marked(JUDGED, "b")
    lender.outcome("a", later(60), 91, known=TODAY + timedelta(days=1))  # not known tonight
    lender.outcome("b", later(-3), 91, known=later(10))  # in default then, although nobody knew
    assert lender.judged("in_default", "judged", "listed", "hits", "defaults", "note") == [
        (1, 7, 1, 0, 0, "nobody defaulted in the window")
    ]
    assert lender.judged("precision", "precision_low", "recall") == [(0.0, 0.0, None)]  # not a bit below 0
    lender.judged("night", as_of=TODAY + timedelta(days=1))
    assert lender.judged("hits", "defaults", as_of=TODAY + timedelta(days=1)) == [(1, 1)]
    assert lender.judged("hits", "defaults") == [(0, 0)]


def test_a_night_whose_outcomes_stopped_or_whose_list_was_not_kept_says_so(lender):
    lender.paid(until=120)
    lender.night(JUDGED)
    figures = ("precision", "recall", "base_rate", "judged", "listed", "note")
    assert lender.judged(*figures) == [
        (None, None, None, 0, None, f"the outcomes stopped on {later(120)}, before the window closed")
    ]
    for days in (150, 180):
        for who in BORROWERS:
            lender.outcome(who, later(days), 91 if who == "a" else 0)
    assert lender.judged(*figures) == [
        (None, None, 1 / 8, 8, None, "no list of that night was kept, or no trigger marked anybody")
    ]


def test_the_last_night_of_each_month_whose_window_is_closed_up_to_twelve(lender):
    assert lender.judged("night") == []
    for months in range(15):
        for day in (28, 27):
            lender.night(date(2025 + months // 12, months % 12 + 1, day), "a")
    # 180 days before the last day: 2 September 2025, and 27 August that of the night before
    assert [night for (night,) in lender.judged("night", as_of=date(2026, 2, 24))] == [
        *(date(2025, month, 28) for month in range(1, 8)), date(2025, 8, 28)
    ]  # fmt: skip
    assert [night for (night,) in lender.judged("night", as_of=date(2026, 2, 23))][-1] == date(2025, 8, 27)
    assert len(lender.judged("night", as_of=date(2026, 10, 1))) == 12
