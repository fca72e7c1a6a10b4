"""The screen of a night counts what was stored of it."""

from __future__ import annotations

from datetime import date

from warehouse import ledger, night_summary
from warehouse.night import Night

NIGHT = date(2026, 6, 30)


def test_grades_families_and_the_run_are_counted(portfolio):
    portfolio.score()
    night = Night(portfolio.name, NIGHT, "r")
    grades = night_summary.grades(portfolio.con, night)
    assert grades.select("grade", "enterprises").rows() == [("B1", 4), ("no grade", 1)]
    assert grades["expected_defaults"][0] == 0.4
    families = night_summary.families(portfolio.con, night)
    assert families.rows()[0] == ("thick", "operational_risk", 4, 0.1)
    run_id = ledger.start_run(
        portfolio.con, flow="nightly", portfolio=portfolio.name, as_of_date=NIGHT, parameters={}
    )
    counts = night_summary.run_counts(portfolio.con, run_id=run_id)
    assert counts == {"files": 0, "loaded": None, "quarantined": 0, "refused": 0, "warnings": 0}
