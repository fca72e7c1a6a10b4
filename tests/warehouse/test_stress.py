"""A stress reads the night's borrowers and the scenarios of that night, and is stored cell by cell, shown at once."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from models.stress import Path, StressSettings
from models.stress_losses import losses
from warehouse import examples, ledger, scenarios, stress
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.publishing import publish
from warehouse.publishing.published import ask

NIGHT = date(2026, 6, 30)
PATHS = [Path("base", 0.7, (0.0,) * 18), Path("bad", 0.3, (-2.0,) * 18)]


def stressed(portfolio, how: StressSettings, *, as_of_date: date = NIGHT, paths: list[Path] = PATHS) -> str:
    """Stress a night and store it; readers see it as the flow shows it."""
    run_id = ledger.start_run(portfolio.con, flow="stress", portfolio=portfolio.name, as_of_date=as_of_date)
    night = Night(portfolio.name, as_of_date, run_id)
    found = losses(stress.borrowers(portfolio.con, night), how, paths)
    run = {
        "correlation": how.one_correlation, "basel": how.basel, "lgd": how.lgd, "ead_factor": how.ead_factor,
        "factor": how.severity, "level": how.level, "scenarios_decided_on": date(2026, 6, 1) if paths else None,
        "horizon_months": 18 if paths else None, "without_curve": found.without_curve,
        "effective_number": found.effective_number,
    }  # fmt: skip
    stress.store(portfolio.con, night, run, found.cells)
    ledger.finish_run(portfolio.con, run_id, status="done", counts={})
    publish.publish_runs(portfolio.con, run_id)
    return run_id


def test_borrowers_have_their_cell_their_pd_and_their_exposure(portfolio):
    portfolio.score()
    portfolio.con.execute(
        "update wh.scores.portfolio_scores set in_default = true where enterprise_id = 'e1'"
    )
    portfolio.con.execute(
        "insert into wh.scores.pd_curves by name select 'lender' as portfolio, ? as as_of_date, 'e0' as enterprise_id, "
        "[0.01 * n for n in range(1, 61)] as cumulative_pd",
        [NIGHT],
    )
    rows = stress.borrowers(portfolio.con, Night("lender", NIGHT, "r"))
    assert rows.drop("cumulative_pd").rows() == [
        ("e0", "B1", "trade", False, 0.1, 10_000),
        ("e1", "in default", "trade", True, 0.1, 10_000),
        ("e2", "B1", "trade", False, 0.1, 10_000),
        ("e3", "B1", "trade", False, 0.1, None),
        ("e4", "no grade", "trade", False, None, None),
    ]
    assert rows["cumulative_pd"].is_null().to_list() == [False, True, True, True, True]
    assert rows["cumulative_pd"].list.get(11)[0] == pytest.approx(0.12)


def test_a_night_without_scores_is_refused(portfolio):
    with pytest.raises(Refused, match="lender has no scored night to stress; run a night first"):
        stress.last_night(portfolio.con, portfolio="lender")
    portfolio.score()
    assert stress.last_night(portfolio.con, portfolio="lender") == NIGHT
    with pytest.raises(Refused, match="no scores of 2026-06-29 to stress; run its night first"):
        stress.borrowers(portfolio.con, Night("lender", date(2026, 6, 29), "r"))


def deliver(con, decided_on: str, known_at: str, **weights: float) -> None:
    for name, weight in weights.items():
        con.execute(
            "insert into wh.raw.scenarios by name select cast($decided_on as date) as decided_on, $name as scenario, "
            "cast(date '2026-07-01' + to_months(n::integer) as date) as month, -n / 10 as systematic_factor, "
            "$weight as weight, cast($known_at as timestamp) as known_at, 'lender' as portfolio from range(3) as m (n)",
            {"decided_on": decided_on, "name": name, "weight": weight, "known_at": known_at},
        )


def test_the_set_of_a_night_is_the_last_one_decided_and_known_by_its_end(con):
    night = Night("lender", NIGHT, "r")
    assert scenarios.in_force(con, night) is None
    deliver(con, "2026-06-01", "2026-06-01 09:00:00", base=1.0)
    deliver(con, "2026-06-20", "2026-06-30 23:59:59", base=0.6, severe=0.4)
    deliver(con, "2026-06-20", "2026-07-01 00:00:00", base=0.5, severe=0.5)
    deliver(con, "2026-07-01", "2026-07-01 09:00:00", other=1.0)
    held = scenarios.in_force(con, night)
    assert held is not None
    assert (held.decided_on, held.known_at) == (date(2026, 6, 20), datetime(2026, 6, 30, 23, 59, 59))
    assert (held.first_month, held.last_month) == (date(2026, 7, 1), date(2026, 9, 1))
    assert [(one.name, one.weight) for one in held.scenarios] == [("base", 0.6), ("severe", 0.4)]
    assert held.scenarios[1].factors == pytest.approx((0.0, -0.1, -0.2))
    early = scenarios.in_force(con, night.on(date(2026, 6, 29)))
    assert early is not None
    assert early.decided_on == date(2026, 6, 1)


def test_the_copy_shows_a_stress_at_once_and_nothing_else_with_it(two_nights):
    two_nights.con.execute("update wh.scores.portfolio_scores set grade = 'E2' where enterprise_id = 'e0'")
    stressed(two_nights, StressSettings(factor=-2, lgd=0.5))
    told = ask(
        "select kind, scenario, grade, borrowers, without_exposure, exposure, loss_year from marts.mart_stress"
    )
    assert told.filter(kind="as scored", grade="B1")["loss_year"].item() == pytest.approx(0.5 * 0.1 * 200)
    assert told.filter(kind="as scored", grade="B1").drop("loss_year").row(0)[3:] == (3, 1, 200)
    assert told["scenario"].unique().sort().to_list() == ["as scored", "bad", "base", "severe year"]
    assert ask("select grade from scores.portfolio_scores where enterprise_id = 'e0'")[
        "grade"
    ].unique().to_list() == ["B1"]


def test_the_mart_is_of_the_last_stress_of_the_last_night_that_has_one(two_nights):
    first = stressed(two_nights, StressSettings(lgd=0.1), paths=[])
    stressed(two_nights, StressSettings(lgd=0.9), as_of_date=NIGHT - timedelta(days=1))
    last = stressed(two_nights, StressSettings(lgd=0.2), paths=[])
    shown = ask(
        "select distinct run_id, as_of_date, lgd, scenario, horizon_months from marts.mart_stress order by scenario"
    )
    assert shown.rows() == [(last, NIGHT, 0.2, "as scored", None), (last, NIGHT, 0.2, "severe year", None)]
    assert (
        ask("select lgd from ops.stress_runs where run_id = $run_id".replace("$run_id", f"'{first}'")).item()
        == 0.1
    )
    two_nights.score(two_nights.rows(0.3))  # a night writes all marts anew
    publish.publish(two_nights.con, "run")
    assert ask("select distinct run_id from marts.mart_stress").item() == last


def test_an_analyst_finds_the_severe_year_with_the_macro(two_nights):
    stressed(two_nights, StressSettings(quantile=0.99, correlation=0.2, lgd=0.45, ead_factor=1.1))
    by_hand = ask(
        "select sum(0.45 * 1.1 * exposure * marts.vasicek_pd(pd, -marts.normal_quantile(0.99), 0.2)) as loss "
        "from marts.mart_portfolio_latest"
    )
    assert ask(
        "select sum(loss_year) from marts.mart_stress where kind = 'severe year'"
    ).item() == pytest.approx(by_hand.item(), rel=1e-12)
    over_path = ask(
        "select sum(0.45 * 1.1 * exposure * (1 - pow(1 - marts.vasicek_month(h, -2, 0.2), 18))) as loss "
        "from (select exposure, 1 - pow(1 - pd, 1 / 12.0) as h from marts.mart_portfolio_latest) as m"
    )
    assert ask(
        "select sum(loss_horizon) from marts.mart_stress where scenario = 'bad'"
    ).item() == pytest.approx(over_path.item(), rel=1e-12)


def test_the_question_is_answered_by_sector(two_nights):
    stressed(two_nights, StressSettings(factor=-2, lgd=0.45))
    told = ask(examples.example("stress").query)
    assert told.select("scenario", "industry_primary", "exposure").rows() == [
        (name, "trade", 300) for name in ("as scored", "bad", "base", "severe year")
    ]
    times = dict(told.select("scenario", "times_as_scored").rows())
    assert times["as scored"] == 1
    assert times["bad"] == pytest.approx(times["severe year"])
    assert 0 < times["base"] < 1 < times["bad"]  # a usual year is better than the mean over all years
    assert told["loss_horizon"].is_null().to_list() == [False, False, False, True]
