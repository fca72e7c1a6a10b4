"""The migration matrix counts every borrower once a window, against the right night."""

from __future__ import annotations

from datetime import date

import pytest

from warehouse import sql
from warehouse.partition import replace_partition

INSERT = (
    "insert into wh.scores.portfolio_scores (portfolio, as_of_date, enterprise_id, model_role, grade) "
    "values ('p', ?, ?, ?, ?)"
)
# the list of nights is read from the summary
SUMMARY = "insert into wh.marts.mart_portfolio_summary by name select 'p' as portfolio, ? as as_of_date"


@pytest.fixture
def night(con):
    def write(day: date, role: str = "champion", **grades: str | None) -> None:
        for enterprise, grade in grades.items():
            con.execute(INSERT, [day, enterprise, role, grade])
        if role == "champion":
            con.execute(SUMMARY, [day])

    return write


def matrix(con, day: date) -> list[tuple[object, ...]]:
    replace_partition(con, "marts.mart_migration", {"portfolio": "p", "as_of_date": day})
    query = "select months, as_of_date_from, grade_from, grade_to, enterprises, share from wh.marts.mart_migration"
    return sql.frame(con, f"{query} order by all").rows()


def test_moves_are_counted_with_the_new_the_gone_and_those_without_a_grade(con, night):
    tonight, before = date(2026, 6, 30), date(2026, 6, 29)
    night(before, a="A1", b="A1", c="A1", gone="B1", nobody=None)
    night(before, role="challenger", a="E2")
    night(tonight, a="A1", b="A1", c="B1", new="C1", nobody=None)
    assert matrix(con, tonight) == [
        (0, before, "A1", "A1", 2, 2 / 3),
        (0, before, "A1", "B1", 1, 1 / 3),
        (0, before, "B1", None, 1, 1.0),
        (0, before, None, "C1", 1, 0.5),
        (0, before, None, None, 1, 0.5),
    ]


def test_default_is_a_state_that_borrowers_enter_and_leave(con, night):
    tonight, before = date(2026, 6, 30), date(2026, 6, 29)
    night(before, falls="C1", cured="E2", stays="E1")
    night(tonight, falls="E1", cured="D1", stays="E1")
    con.execute(
        "update wh.scores.portfolio_scores set in_default = true where enterprise_id = 'stays' "
        "or (enterprise_id = 'falls' and as_of_date = ?) or (enterprise_id = 'cured' and as_of_date = ?)",
        [tonight, before],
    )
    assert matrix(con, tonight) == [
        (0, before, "C1", "default", 1, 1.0),
        (0, before, "default", "D1", 1, 0.5),
        (0, before, "default", "default", 1, 0.5),
    ]


def test_a_month_back_is_the_last_night_of_the_month_before_it(con, night):
    for day in (
        date(2026, 3, 28),
        date(2026, 4, 30),
        date(2026, 5, 29),
        date(2026, 5, 31),
        date(2026, 6, 29),
    ):
        night(day, a="A1")
    night(date(2026, 6, 30), a="B1")
    spans = {(months, when) for months, when, *_ in matrix(con, date(2026, 6, 30))}
    # 30 May is a month back; 31 May is not; three months back, 30 March, is 28 March; nothing is six months old
    assert spans == {(0, date(2026, 6, 29)), (1, date(2026, 5, 29)), (3, date(2026, 3, 28))}


def test_leap_day_is_a_year_before_the_end_of_february(con, night):
    night(date(2024, 2, 28), a="A1")
    night(date(2024, 2, 29), a="B1")
    night(date(2025, 2, 28), a="C1")
    assert (12, date(2024, 2, 28), "A1", "C1", 1, 1.0) in matrix(con, date(2025, 2, 28))
    night(date(2023, 2, 28), a="A2")
    night(date(2023, 3, 1), a="E2")
    assert (12, date(2023, 2, 28), "A2", "B1", 1, 1.0) in matrix(con, date(2024, 2, 29))


def test_a_first_night_has_no_matrix_and_an_old_night_is_not_a_month_ago(con, night):
    night(date(2026, 6, 30), a="A1")
    assert matrix(con, date(2026, 6, 30)) == []
    night(date(2026, 4, 1), a="A1")  # 60 days before a month ago
    assert {months for months, *_ in matrix(con, date(2026, 6, 30))} == {
        0,
    }


def test_another_portfolio_is_left_alone(con, night):
    con.execute(
        "insert into wh.marts.mart_migration (portfolio, as_of_date) values ('other', date '2026-06-30')"
    )
    night(date(2026, 6, 30), a="A1")
    replace_partition(con, "marts.mart_migration", {"portfolio": "p", "as_of_date": date(2026, 6, 30)})
    assert con.execute("select count(*) from wh.marts.mart_migration").fetchone() == (1,)
