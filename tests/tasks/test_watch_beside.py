"""Challengers and shadows are watched as champions are, and what is said of them is not said of the portfolio."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from watched import TONIGHT, Watched

from models.metrics import auc
from models.watching.settings import WatchSettings
from tasks import send_alerts, watch
from warehouse import promotion, registry, report_rows
from warehouse.night import Night
from warehouse.roles import RoleRecord
from warehouse.watch import scorers

F = "operational_risk"
BEFORE, YEAR_AGO = date(2026, 6, 29), date(2025, 6, 30)
LIMITS = WatchSettings()
WHOSE = ["model_family", "model_version", "model_role"]
# read of grades that have borrowers, or few defaults: which these are depends on the PDs
BY_GRADES_WITH_BORROWERS = ("grade_long_run", "grade_prudent_pd")


def of_version(book: Watched, relation: str, version: str, day: date = TONIGHT) -> pl.DataFrame:
    beside = "model_role in ('challenger', 'shadow')"
    query = f"from wh.ops.{relation} where {beside} and model_version = $version and as_of_date = $day"
    return book.frame(query, version=version, day=day)


def halved(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the borrowers with half the PD, the opposite order, and every second one left out."""
    return rows.with_columns(pd=(1 - pl.col("pd")) / 2).gather_every(2)


def three_models(book: Watched, *days: date, shift: float = 0.0) -> dict[date, pl.DataFrame]:
    """Score nights by a champion, and beside it by a challenger and a shadow that score every second borrower."""
    book.register()
    for version, role in (("v2", "challenger"), ("v3", "challenger"), ("v4", "shadow")):
        book.register(version=version, role=role)
    nights = {}
    for day in days:
        nights[day] = book.night(day, seed=day.day, shift=shift)
        for version, role in (("v2", "challenger"), ("v3", "challenger"), ("v4", "shadow")):
            book.score(halved(nights[day]), day, version=version, role=role)
    return nights


def test_each_model_has_the_measures_of_a_champion_of_the_borrowers_that_it_scores(book):
    three_models(book, YEAR_AGO, BEFORE, TONIGHT)
    rows = book.frame(
        "from wh.scores.portfolio_scores where model_role = 'champion' and as_of_date = '2025-06-30'"
    )
    bad = book.outcomes(YEAR_AGO, rows.sort("enterprise_id"))
    book.watch()
    measures = {
        version: set(
            of_version(book, "monitoring", version)
            .filter(~pl.col("measure").is_in(BY_GRADES_WITH_BORROWERS))
            .select("heading", "measure", "subject")
            .rows()
        )
        for version in ("v2", "v3", "v4")
    }
    champion = book.frame(
        "select heading, measure, subject from wh.ops.monitoring where model_role = 'champion' "
        f"and measure not in {('mean_pd', *BY_GRADES_WITH_BORROWERS)}"
    )
    assert measures["v2"] == measures["v3"] == measures["v4"] == set(champion.rows())
    for version, role in (("v2", "challenger"), ("v4", "shadow")):
        found = of_version(book, "monitoring", version)
        assert set(found["model_role"]) == {role}
        score = found.filter(measure="psi_training", subject="score").row(0, named=True)
        assert (score["sample"], score["severity"]) == (150, "alarm")
        gini = found.filter(measure="gini").row(0, named=True)
        half = halved(rows.sort("enterprise_id"))["pd"].to_numpy()
        assert gini["value"] == pytest.approx(2 * auc(bad[::2].astype(int), half) - 1)
        assert gini["sample"] == 150
        assert {"matured", "tonight"} == set(of_version(book, "fairness", version)["basis"])
    keys = book.frame("select distinct * exclude (value, low, high, threshold, critical, sample, reference, severity, "
                      "note, recorded_at, run_id) from wh.ops.monitoring")  # fmt: skip
    assert keys.height == book.frame("from wh.ops.monitoring").height


def test_what_is_said_of_the_champion_and_the_headline_is_the_same_without_them(book):
    three_models(book, date(2025, 6, 30), BEFORE, TONIGHT)
    with_them = [book.watch(day) for day in (BEFORE, TONIGHT)]
    groups = book.frame("from wh.ops.fairness where coalesce(model_role, 'champion') = 'champion'")
    book.con.execute("delete from wh.scores.portfolio_scores where model_role <> 'champion'")
    volatile = {"recorded_at": None}
    alone = [book.watch(day) for day in (BEFORE, TONIGHT)]
    for found, expected in zip(with_them, alone, strict=True):
        assert {key: row | volatile for key, row in found.items()} == {
            key: row | volatile for key, row in expected.items()
        }
    order = ["as_of_date", *WHOSE, "attribute", "group_name", "basis", "measure"]
    again = book.frame("from wh.ops.fairness")
    assert groups.drop("recorded_at").sort(order).equals(again.drop("recorded_at").sort(order))


def test_an_alert_of_a_shadow_says_so_and_calls_nobody_who_waits_for_the_portfolio(book, monkeypatch):
    sent = []
    monkeypatch.setattr(send_alerts, "emit_event", lambda event, **_: sent.append(event) or object())
    three_models(book, BEFORE, TONIGHT)
    book.watch(BEFORE)
    night = Night("p", TONIGHT, "r")
    alerts = watch.write_watch.fn(night, *watch.measure_night.fn(night, LIMITS), limits=LIMITS)
    (score,) = (one for one in alerts if one.model_role == "shadow" and one.measure == "psi_training")
    assert score[:8] == ("stability", "psi_training", F, "shadow", "v4", "score", "alarm", 2)
    assert score.message.startswith(f"shadow {F} v4 beside the headline, score: psi_training ")
    assert [one.is_beside for one in alerts] == sorted(one.is_beside for one in alerts)
    assert not any(one.severity == "alarm" for one in alerts if not one.is_beside)
    assert send_alerts.send_alerts.fn(night, alerts)["beside.alarm"] == "emitted"
    assert "nightledger.alert.beside.alarm" in sent
    assert "nightledger.alert.alarm" not in sent
    stored = book.frame(
        "select model_role, model_version, event from wh.ops.alerts "
        "where measure = 'psi_training' and as_of_date = $day", day=TONIGHT,
    )  # fmt: skip
    assert set(stored.rows()) == {
        ("challenger", "v2", "emitted"), ("challenger", "v3", "emitted"), ("shadow", "v4", "emitted"),
    }  # fmt: skip


def test_a_model_on_its_first_night_beside_is_compared_with_nothing_but_its_training(book):
    book.register()
    book.register(version="v2", role="shadow")
    book.night(BEFORE)
    book.score(halved(book.night()), version="v2", role="shadow")
    book.watch()
    found = of_version(book, "monitoring", "v2")
    batch = found.filter(pl.col("measure").str.ends_with("_batch"))
    assert set(batch["severity"]) == {"unknown"}
    assert set(batch["note"]) == {"no night was scored before this one, or none by this model"}
    assert found.filter(measure="psi_training", subject="score")["value"].item() is not None


def test_a_promoted_challenger_is_compared_with_the_champion_before_it_and_the_other_with_itself(book):
    book.register()
    book.register(version="v2", role="challenger")
    nights = {day: book.night(day, seed=day.day) for day in (date(2026, 6, 28), BEFORE)}
    for day, rows in nights.items():
        book.score(halved(rows), day, version="v2", role="challenger")
    book.watch(BEFORE)
    own = book.frame(
        "select subject, bin, count from wh.ops.bin_counts where model_version = 'v2' order by all"
    )
    promotion.promote(
        book.con,
        RoleRecord(portfolio="p", model_family=F, model_version="v2", role="champion", effective_from=TONIGHT,
                   reason="better", approver="committee", run_id="r"),
    )  # fmt: skip
    rows = book.night(version="v2")
    book.score(rows, version="v1", role="challenger")
    assert scorers(book.con, Night("p", TONIGHT, "r")) == {(F, "v2"): "champion", (F, "v1"): "challenger"}
    found = book.watch()
    batch = found[F, "psi_batch", "score"]
    # 300 of the champion of then, not the 150 that it scored beside it
    assert (batch["model_version"], batch["reference"], batch["value"] < 0.1) == ("v2", 300, True)
    stored = book.frame(
        "select subject, bin, count from wh.ops.bin_counts where model_version = 'v2' and as_of_date < $day "
        "order by all",
        day=TONIGHT,
    )
    assert stored.equals(own)
    former = of_version(book, "monitoring", "v1").filter(measure="psi_batch", subject="score")
    assert former.select("reference", "severity").row(0) == (300, "ok")


def test_a_score_that_was_kept_makes_its_old_model_no_challenger(book):
    book.register()
    book.register(version="v2", knowledge_date=date(2026, 1, 31))
    rows = book.night(version="v2")
    book.con.execute(
        "update wh.scores.portfolio_scores set model_version = 'v1', score_status = 'stale' "
        "where enterprise_id >= 'e0050'"
    )
    assert scorers(book.con, Night("p", TONIGHT, "r")) == {(F, "v2"): "champion"}
    assert rows.height == 300


def test_a_family_of_a_shadow_alone_has_no_champion_and_no_headline_is_measured_by_it(book):
    book.register(role="shadow")
    rows = book.borrowers(1)
    book.night()
    book.con.execute("update wh.scores.portfolio_scores set model_role = 'shadow'")
    book.con.execute(
        "insert into wh.scores.portfolio_scores (portfolio, as_of_date, enterprise_id, model_role, score_status) "
        "values ('p', '2026-06-30', 'x', 'champion', 'unscoreable')"
    )
    found = book.watch()
    assert found[None, "gini", "latest vintage"]["note"] == "nobody was scored"
    assert {key[0] for key in found} == {None}
    assert of_version(book, "monitoring", "v1").filter(measure="psi_training", subject="score").height == 1
    assert rows.height == 300


def test_a_card_shows_what_was_said_of_its_model_in_its_role(book):
    book.con.execute(
        "create table if not exists wh.marts.mart_family_calibration (portfolio varchar, model_family varchar, "
        "model_version varchar, coverage varchar, rows bigint, defaults bigint, observed_rate double, "
        "observed_low double, observed_high double, mean_pd double)"
    )
    three_models(book, YEAR_AGO, TONIGHT)
    rows = book.frame(
        "from wh.scores.portfolio_scores where model_role = 'champion' and as_of_date = '2025-06-30'"
    )
    book.outcomes(YEAR_AGO, rows.sort("enterprise_id"))
    book.watch()
    shown = {
        record.model_version: report_rows.model_rows(book.con, record, since=TONIGHT)
        for record in registry.records(book.con, portfolio="p")
    }
    for version, found in shown.items():
        score = found["monitoring"].filter(measure="psi_training", subject="score")
        assert score["sample"].to_list() == [300 if version == "v1" else 150]
        assert found["monitoring"].filter(measure="gini_slope").height == 1
        keys = found["fairness"].select("attribute", "group_name", "basis", "measure")
        assert keys.is_unique().all()
        assert not keys.is_empty()
        assert found["bins"]["tonight"].sum() == pytest.approx(1)
