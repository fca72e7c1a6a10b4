"""A set of scenarios is loaded whole or not at all, and the line of a refusal says what is wrong with it."""

from __future__ import annotations

import pytest
from feed_rows import Row

MONTHS = ("2026-07-01", "2026-08-01", "2026-09-01")
WEIGHTS = {"base": "0.6", "better": "0.1", "severe": "0.3"}


def scenarios(months: tuple[str, ...] = MONTHS, **weights: str) -> list[Row]:
    return [
        {
            "decided_on": "2026-06-01", "scenario": name, "month": month, "systematic_factor": "-1.5",
            "weight": weight,
        }
        for name, weight in (weights or WEIGHTS).items()
        for month in months
    ]  # fmt: skip


def one(lender, rows: list[Row], name: str = "a.csv"):
    lender.deliver(f"scenarios/{name}", rows)
    return lender.ingest()[f"scenarios/{name}"]


def test_a_whole_set_is_loaded_and_needs_no_borrower(lender):
    assert one(lender, scenarios()).loaded == 9
    assert lender.ask(
        "select decided_on::varchar, scenario, count(*), sum(weight), min(known_at)::date::varchar "
        "from wh.staging.stg_scenarios where portfolio = $p and scenario = 'base' group by all"
    ) == [("2026-06-01", "base", 3, pytest.approx(1.8), "2026-06-01")]


def test_weights_that_are_written_with_few_decimals_add_up(lender):
    assert one(lender, scenarios(a="0.333333", b="0.333333", c="0.333333")).status == "loaded"


def spoilt(row: int, **values: str) -> list[Row]:
    rows = scenarios()
    rows[row] |= values
    return rows


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (scenarios(base="0.6", severe="0.3"), "the weights add up to 0.9, not to 1 (base 0.6, severe 0.3)"),
        (spoilt(1, weight="0.5"), "scenario base has the weights 0.5 and 0.6, a scenario has one"),
        (scenarios(base="1.5", severe="-0.5"), "scenario base has a weight that is not between 0 and 1"),
        (scenarios()[:4] + scenarios()[5:], "scenario better lacks 1 of the 3 months from 2026-07 to 2026-09"),
        (spoilt(4, month="2026-08-15"), "scenario better has the month 2026-08-15, a month is its first day"),
        (
            scenarios()[:8],
            "scenario severe has the months 2026-07 to 2026-08, scenario base 2026-07 to 2026-09",
        ),
        (
            spoilt(3, systematic_factor="bad"),
            "scenario better has the months 2026-08 to 2026-09, scenario base 2026-07 to 2026-09 (row 4 cannot be used",
        ),
    ],
)  # fmt: skip
def test_a_torn_set_refuses_its_file_in_one_line(rows, fault, lender):
    result = one(lender, rows)
    assert (result.status, lender.held("scenarios")) == ("refused", 0)
    assert result.message.startswith(
        "the scenarios decided on 2026-06-01, known at 2026-06-01 00:00:00, are no whole set: " + fault
    )
    assert result.message.endswith("; deliver all their rows again in one file")
    assert "\n" not in result.message


def test_a_set_in_two_files_is_refused_and_one_that_a_file_adds_to_as_well(lender):
    rows = scenarios()
    assert one(lender, rows[:6], "first.csv").status == "refused"
    assert one(lender, rows, "all.csv").status == "loaded"
    more = [{**row, "scenario": "worst"} for row in rows[:3]]
    assert "the weights add up to 1.6" in one(lender, more, "more.csv").message
    assert lender.held("scenarios") == 9


def test_a_later_known_at_is_a_set_of_its_own(lender):
    first = [{**row, "known_at": "2026-06-01 09:00:00"} for row in scenarios()]
    again = [{**row, "known_at": "2026-06-05 09:00:00"} for row in scenarios(base="0.5", severe="0.5")]
    assert one(lender, first, "first.csv").loaded == 9
    assert one(lender, again, "again.csv").loaded == 6
    assert lender.held("scenarios") == 15
    torn = [{**again[0], "known_at": "2026-06-06 09:00:00"}, *again[1:]]
    assert "are no whole set" in one(lender, torn, "torn.csv").message
