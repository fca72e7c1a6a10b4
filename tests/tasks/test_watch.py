"""A night is watched as rows: against training, the last nights and outcomes; what cannot be known says so."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import pytest
from watched import TONIGHT

from models.metrics import auc
from models.watching.readings import feed_reading
from models.watching.settings import WatchSettings
from models.watching.stability import stability_index
from tasks import send_alerts, watch
from tasks.watch_vintages import matured
from warehouse import registry
from warehouse import watch as warehouse_watch
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.watch import feed_ages

F = "operational_risk"
LIMITS = WatchSettings()
BEFORE, YEAR_AGO = date(2026, 6, 29), date(2025, 6, 30)


def test_a_first_night_knows_training_and_says_what_it_cannot_know(book):
    book.register()
    book.night()
    found = book.watch()
    assert found[F, "psi_training", "score"]["severity"] == "ok"
    assert found[F, "psi_training", "score"]["sample"] == 300
    for key in ((F, "psi_batch", "score"), (F, "csi_batch", "size"), (None, "psi_batch", "grade")):
        assert (found[key]["value"], found[key]["severity"]) == (None, "unknown")
        assert found[key]["note"].startswith("no night was scored before this one")
    gini = found[F, "gini", "latest vintage"]
    assert gini["severity"] == "unknown"
    assert (
        gini["note"]
        == "no labels yet: the outcomes of the first scored night, 2026-06-30, are known on 2027-06-30"
    )
    assert found[None, "gini_estimated", "tonight"]["note"].startswith("estimated")
    assert found[None, "headline_share", F]["value"] == 1.0
    assert found[None, "reason_1_share", "size"]["value"] == 1.0
    assert book.frame("from wh.ops.alerts").is_empty()
    unknown = book.frame(
        "from wh.ops.monitoring where severity = 'unknown' and (value is not null or note is null)"
    )
    assert unknown.is_empty()


def test_the_index_is_that_of_the_counts_that_are_kept(book):
    book.register()
    book.night(BEFORE, seed=1)
    book.night(TONIGHT, seed=2, shift=0.4)
    found = book.watch()
    kept = book.frame(
        "select r.bin, r.count as trained, n.count as tonight, b.count as before from wh.ops.reference_bins as r "
        "inner join wh.ops.bin_counts as n on n.subject = r.subject and n.bin = r.bin and n.as_of_date = '2026-06-30' "
        "inner join wh.ops.bin_counts as b on b.subject = r.subject and b.bin = r.bin and b.as_of_date = '2026-06-29' "
        "where r.subject = 'size' order by r.bin"
    )
    assert kept["tonight"].sum() == kept["before"].sum() == 300
    for measure, column in (("csi_training", "trained"), ("csi_batch", "before")):
        row = found[F, measure, "size"]
        assert row["value"] == pytest.approx(stability_index(kept[column], kept["tonight"]).value)
        assert row["value"] > row["critical"]
    assert found[F, "csi_training", "size"]["severity"] in ("watch", "alarm")
    # one night before is no batch to know its usual moves from
    assert (row["severity"], row["threshold"]) == ("ok", None)
    assert row["note"] == "told, not judged: how much it usually moves is not known yet"


def test_a_feature_is_judged_beyond_what_it_moved_in_the_weeks_before_the_last_batch(book):
    book.register()
    days = [date(2026, 6, day) for day in range(17, 30)]
    for day in days:
        book.night(day, seed=day.day)
        book.con.execute(
            "insert into wh.ops.monitoring (portfolio, as_of_date, heading, measure, model_family, model_role, "
            "subject, value, severity) values ('p', ?, 'stability', 'csi_batch', ?, 'champion', 'size', ?, 'ok')",
            [day, F, 0.3 if day == days[3] else 9.0 if day >= days[8] else 0.01],
        )
    book.night(TONIGHT, seed=2, shift=1.0)

    def judged() -> tuple[object, ...]:
        row = book.watch()[F, "csi_batch", "size"]
        return row["severity"], row["threshold"]

    # the 9.0 of the last five nights would hide tonight from itself
    assert judged() == ("watch", 0.3)
    book.con.execute("update wh.ops.monitoring set value = 8.0 where as_of_date = ?", [days[0]])
    assert judged() == ("ok", 8.0)
    book.con.execute("delete from wh.ops.monitoring where as_of_date <= ?", [days[1]])
    assert judged() == ("ok", None)


def test_a_feed_that_stopped_is_late_by_what_was_known_tonight(book):
    book.register()
    for day in (BEFORE, TONIGHT):
        book.night(day)
    # every second day until 26 June, after a first day long before; what comes tomorrow is not known tonight
    for day in (date(2026, 3, 1), *(date(2026, 6, day) for day in (*range(10, 27, 2), 30))):
        book.con.execute(
            "insert into wh.raw.transactions by name select 'p' as portfolio, 'e0001' as enterprise_id, "
            "'sale' as kind, 1 as amount, ? as transaction_id, ? as known_at, known_at as occurred_at",
            [str(day), datetime(day.year, day.month, day.day, 12) + timedelta(days=day.day == 30)],
        )
    late = book.watch()[None, "feed_age", "transactions"]
    assert (late["value"], late["threshold"], late["sample"]) == (4, 101, 9)
    book.con.execute("delete from wh.raw.transactions where known_at < '2026-06-01'")
    found = book.watch()
    late = found[None, "feed_age", "transactions"]
    assert (late["value"], late["threshold"], late["severity"]) == (4, 2, "alarm")
    assert found[None, "feed_age", "outcomes"]["note"] == "never delivered"
    assert book.watch(BEFORE)[None, "feed_age", "transactions"]["severity"] == "watch"
    book.watch()
    tonight = "select message from wh.ops.alerts where measure = 'feed_age' and as_of_date = $day"
    (alert,) = book.frame(tonight, day=TONIGHT)["message"]
    assert alert == "feed, transactions: feed_age 4 (threshold 2), 2 nights"


def every(step: int, *, until: int, count: int = 20) -> list[date]:
    return [TONIGHT - timedelta(days=day) for day in range(until, until + step * count, step)]


FREE = {TONIGHT - timedelta(days=7 * week + day) for week in range(60) for day in (0, 1)}


@pytest.mark.parametrize(
    ("days", "usual", "severity"),
    [
        pytest.param(every(1, until=0, count=200), 1, "ok", id="daily"),
        pytest.param(every(1, until=1, count=200), 1, "watch", id="daily, not today"),
        pytest.param(every(1, until=2, count=200), 1, "alarm", id="daily, late"),
        pytest.param(every(1, until=91, count=200), 1, "alarm", id="daily, dead for 91 days"),
        pytest.param(every(1, until=800, count=200), 1, "alarm", id="daily, dead for years"),
        pytest.param([day for day in every(1, until=0, count=200) if day not in FREE], 3, "ok", id="five days a week"),
        pytest.param([*every(1, until=0, count=80), *every(1, until=89)], 10, "ok", id="daily, an outage of late"),
        pytest.param([*every(1, until=2, count=100), *every(1, until=130)], 1, "alarm", id="daily, an old outage"),
        pytest.param(every(30, until=29), 30, "ok", id="monthly, due tomorrow"),
        pytest.param(every(30, until=30), 30, "watch", id="monthly, due tonight"),
        pytest.param(every(30, until=31, count=4), 30, "watch", id="monthly for four months, late"),
        pytest.param(every(30, until=61), 30, "alarm", id="monthly, dead"),
        pytest.param(every(91, until=80, count=4), 91, "ok", id="quarterly for a year"),
        pytest.param(every(91, until=200, count=5), 91, "alarm", id="quarterly, dead"),
        pytest.param(every(365, until=300, count=4), 365, "ok", id="yearly"),
        pytest.param([TONIGHT - timedelta(days=day) for day in (40, 41, 90, 95, 160)], 65, "ok", id="irregular"),
        pytest.param([TONIGHT - timedelta(days=day) for day in (70, 71, 90, 95, 160)], 65, "watch", id="late"),
        pytest.param(every(30, until=30, count=3), 30, "unknown", id="three deliveries"),
        pytest.param(every(1, until=400, count=1), None, "unknown", id="one delivery"),
    ],
)  # fmt: skip
def test_the_usual_pause_of_a_feed_is_that_before_its_last_delivery(book, days, usual, severity):
    book.con.executemany(
        "insert into wh.raw.legal_cases by name select 'p' as portfolio, 'e0001' as enterprise_id, "
        "'defendant' as role, $1 as case_id, $2 as known_at, known_at as filed_on",
        [[str(day), datetime(day.year, day.month, day.day, 12)] for day in days],
    )
    age, found, pauses = feed_ages(book.con, Night("p", TONIGHT, "r"))["legal_cases"]
    assert found == usual
    reading = feed_reading("legal_cases", age, usual, pauses=pauses, settings=WatchSettings())
    assert reading.severity == severity
    # labels wait for outcomes as long as the watch does
    book.con.execute(
        "insert into wh.raw.outcomes by name "
        "select portfolio, enterprise_id, filed_on as outcome_date, known_at from wh.raw.legal_cases"
    )
    last = book.frame("from wh.staging.stg_outcome_days").sort("told_on").row(-1, named=True)
    assert (last["told_on"], last["usual_pause"]) == (max(days), usual)


def test_who_falls_into_default_moved_down_and_is_compared_no_more(book):
    book.register()
    for day in (BEFORE, TONIGHT):
        book.night(day)
    book.con.execute(
        "update wh.scores.portfolio_scores set in_default = true where as_of_date = ? and enterprise_id < 'e0030'",
        [TONIGHT],
    )
    found = book.watch()
    assert found[None, "grade_worse", "previous night"]["value"] == pytest.approx(30 / 300)
    assert found[None, "grade_better", "previous night"]["value"] == 0
    assert found[F, "psi_training", "score"]["sample"] == 270


def test_the_last_nights_are_a_mean_of_up_to_five(book):
    book.register()
    for day in range(20, 29):
        book.night(date(2026, 6, day), seed=day)
    book.night()
    book.watch()
    days = book.frame("select distinct as_of_date from wh.ops.bin_counts order by 1")["as_of_date"].to_list()
    assert days == [*(date(2026, 6, day) for day in range(24, 29)), TONIGHT]


def test_a_night_that_is_watched_again_leaves_the_same_rows_once(book):
    book.register()
    rows = book.night()
    first = book.watch()
    book.con.execute("delete from wh.features.feat_enterprise; delete from wh.features.feat_profile")
    book.con.execute("delete from wh.features.feat_coverage")
    book.con.execute("delete from wh.features.feat_sensitive; delete from wh.scores.portfolio_scores")
    book.night(rows=rows.with_columns(pl.col("size") + 3))
    again = book.watch()
    assert set(again) == set(first)
    assert again[F, "psi_training", "score"] | {"recorded_at": 0} == first[F, "psi_training", "score"] | {
        "recorded_at": 0
    }
    assert (
        again[F, "csi_training", "size"]["severity"] == "watch"
    )  # counted anew, not read from the first time


def test_a_feature_without_values_a_constant_one_and_one_that_is_gone(book):
    book.register()
    rows = book.night(BEFORE)
    book.night(rows=rows.with_columns(size=pl.lit(None, pl.Float64)))
    found = book.watch()
    assert found[F, "csi_training", "size"]["severity"] == "watch"
    assert found[F, "csi_training", "size"]["note"] == "no value tonight: has its feed stopped?"
    steady = found[F, "csi_training", "steady"]
    assert (steady["value"], steady["critical"], steady["severity"]) == (0.0, None, "ok")
    book.con.execute("alter table wh.features.feat_enterprise drop column size")
    gone = book.watch()[F, "csi_training", "size"]
    assert (gone["value"], gone["severity"]) == (None, "unknown")
    assert gone["note"] == "the feature is gone from features.feat_enterprise"


def test_a_model_without_reference_bins_is_unknown(book):
    book.register(bins=False)
    book.night()
    found = book.watch()
    assert found[F, "psi_training", "score"]["note"].startswith(
        "the model was registered without reference bins"
    )


def test_a_portfolio_of_ten_is_watched_and_nothing_is_made_up(book):
    book.register()
    book.rows = 10
    book.night(BEFORE)
    book.night(TONIGHT, seed=2)
    found = book.watch()
    for measure in ("psi_training", "psi_batch"):
        assert found[F, measure, "score"]["note"].startswith("10 rows in ")
        assert found[F, measure, "score"]["value"] is None
    assert found[None, "gini_estimated", "tonight"]["severity"] == "unknown"
    rates = book.frame("from wh.ops.fairness where measure = 'selection_rate' and value is not null")
    assert rates.is_empty()


def test_a_night_that_was_not_scored_is_refused(book):
    book.register()
    book.night(BEFORE)
    with pytest.raises(Refused, match="p has no scores of 2026-06-30 to watch; score it first"):
        book.watch()


def test_a_model_that_is_not_registered_is_refused(book):
    book.night(version="v9")
    with pytest.raises(
        Refused, match="p was scored on 2026-06-30 by a model that is not registered: operational_risk v9"
    ):
        book.watch()


def test_a_family_that_gives_no_headline_is_watched_by_its_champion(book):
    book.register()
    book.register(version="v2", role="challenger")
    book.night()
    book.con.execute("update wh.scores.portfolio_scores set model_role = 'challenger'")
    book.con.execute(
        "insert into wh.scores.portfolio_scores by name "
        "select * replace ('v2' as model_version) from wh.scores.portfolio_scores"
    )
    book.con.execute(
        "insert into wh.scores.portfolio_scores (portfolio, as_of_date, enterprise_id, model_role, score_status) "
        "values ('p', '2026-06-30', 'x', 'champion', 'unscoreable')"
    )
    found = book.watch()
    assert found[F, "psi_training", "score"]["model_version"] == "v1"
    assert found[None, "mean_pd", "headline"]["note"] == "nobody has a PD"
    assert found[None, "headline_share", "no model"]["value"] == 1.0


def test_outcomes_are_measured_once_their_window_is_closed(book):
    book.register()
    rows = book.night(YEAR_AGO)
    bad = book.outcomes(YEAR_AGO, rows)
    book.night()
    found = book.watch()
    gini = found[F, "gini", "latest vintage"]
    assert gini["value"] == pytest.approx(2 * auc(bad.astype(int), rows["pd"].to_numpy()) - 1)
    assert (gini["sample"], gini["threshold"]) == (300, 0.5)
    assert found[None, "gini", "latest vintage"]["value"] == gini["value"]
    assert found[F, "gini_vintage", "2025-06-30"]["value"] == gini["value"]
    assert found[F, "grade_one_factor", "A1"]["severity"] == "unknown"  # nobody has that grade
    tested = {
        key[2]
        for key, row in found.items()
        if key[:2] == (F, "grade_one_factor") and row["value"] is not None
    }
    assert tested == set(
        book.frame("select distinct grade from wh.scores.portfolio_scores where as_of_date = '2025-06-30'")[
            "grade"
        ]
    )
    open_night = book.watch(date(2026, 6, 30)) and matured((YEAR_AGO,), BEFORE, horizon_days=365, vintages=12)
    assert open_night == []  # the day before, the window was still open


def test_the_labels_of_a_past_night_are_made_once(book, monkeypatch):
    book.register()
    rows = book.night(YEAR_AGO)
    book.outcomes(YEAR_AGO, rows)
    book.night()
    made = []
    labels = warehouse_watch.labels

    def counted(con, past, *args, **more):
        made.append(past.as_of_date)
        return labels(con, past, *args, **more)

    monkeypatch.setattr(warehouse_watch, "labels", counted)
    found = book.watch()
    # the family, the headline and the groups of both are measured on them
    assert made == [YEAR_AGO]
    assert found[F, "gini", "latest vintage"]["value"] == found[None, "gini", "latest vintage"]["value"]
    assert not book.frame("from wh.ops.fairness where basis = 'matured' and measure = 'auc'").is_empty()


def test_a_back_test_whose_outcomes_stopped_is_unknown_and_says_since_when(book):
    book.register()
    for day in (date(2025, 5, 31), YEAR_AGO):
        rows = book.night(day)
    book.outcomes(date(2025, 5, 31), rows)
    known = book.outcomes(YEAR_AGO, rows, last=date(2026, 6, 1)).sum()
    book.night()
    found = book.watch()
    # two pauses of at most 124 days, as the outcomes of the book come: 29 days late is no stop
    assert (
        found[F, "gini", "latest vintage"]["note"]
        == f"vintage {YEAR_AGO}, {known} defaults; threshold: Gini on unseen rows at training"
    )
    assert found[None, "grade_long_run", "all grades"]["reference"] == 2
    assert found[None, "rating_philosophy", "all vintages"]["note"].endswith("2 vintages, 12 are needed")
    book.con.execute("delete from wh.raw.outcomes where known_at > '2026-01-01'")
    found = book.watch()
    line = "the outcomes stopped on 2025-12-27, too early for the window of {} that ended on {}"
    for family in (F, None):
        for measure in ("gini", "ks", "brier"):
            row = found[family, measure, "latest vintage"]
            assert (row["value"], row["severity"]) == (None, "unknown")
            assert row["note"] == f"{YEAR_AGO}: {line.format(YEAR_AGO, TONIGHT)}"
        for measure, subject in (("grade_one_factor", "all grades"), ("spiegelhalter", "latest vintage")):
            assert found[family, measure, subject]["note"] == line.format(YEAR_AGO, TONIGHT)
        assert found[family, "gini_vintage", "2025-05-31"]["note"] == line.format("2025-05-31", "2026-05-31")
    basis = book.frame("select distinct basis from wh.ops.fairness where as_of_date = '2026-06-30'")["basis"]
    assert "matured" not in set(basis)


def test_what_became_known_after_the_night_changes_nothing(book):
    book.register()
    rows = book.night(YEAR_AGO)
    book.outcomes(YEAR_AGO, rows)
    book.night()
    first = book.watch()
    book.outcomes(YEAR_AGO, rows, known_at=datetime(2026, 7, 1), lift=9.0)
    again = book.watch()
    assert again[F, "gini", "latest vintage"]["value"] == first[F, "gini", "latest vintage"]["value"]


def test_a_description_is_never_back_tested(book):
    book.register(label_definition="cross_section", purpose="describe", horizon_days=None)
    book.night(YEAR_AGO)
    book.night()
    assert "there is no horizon" in book.watch()[F, "gini", "latest vintage"]["note"]


def test_a_vintage_is_the_last_scored_night_of_a_month_also_in_a_leap_year():
    nights = (date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 31))
    ask = {"horizon_days": 365, "vintages": 12}
    assert matured(nights, date(2025, 2, 27), **ask) == [date(2024, 2, 28)]
    assert matured(nights, date(2025, 2, 28), **ask) == [date(2024, 2, 29)]
    assert matured(nights, date(2026, 1, 1), **ask) == [date(2024, 2, 29), date(2024, 3, 31)]
    assert matured(nights, date(2026, 1, 1), horizon_days=365, vintages=1) == [date(2024, 3, 31)]


def test_the_version_that_scored_the_night_is_the_one_that_is_measured(book):
    book.register()
    rows = book.night(YEAR_AGO)
    book.outcomes(YEAR_AGO, rows)
    newer = book.register(
        version="v2", knowledge_date=date(2026, 1, 31), metrics={"pd": {"auc": {"mean": 0.99}}}
    )
    book.night(version="v2")
    found = book.watch()
    assert found[F, "gini", "latest vintage"]["model_version"] == "v1"
    assert found[F, "gini", "latest vintage"]["threshold"] == 0.5  # of v1
    assert found[F, "psi_training", "score"]["model_version"] == "v2"
    registry.retire(book.con, newer, note="test")
    assert (
        book.watch()[F, "psi_training", "score"]["model_version"] == "v2"
    )  # it scored that night all the same


def test_an_alert_comes_on_the_first_night_and_is_emitted_once_a_severity(book, monkeypatch):
    sent = []
    monkeypatch.setattr(
        send_alerts, "emit_event", lambda *given, **more: sent.append((given, more)) or object()
    )
    book.register()
    for day, shift in ((27, 0.0), (28, 1.5), (29, 1.5)):
        book.night(date(2026, 6, day), shift=shift)
    counts = []
    for day in (27, 28, 29):
        book.watch(date(2026, 6, day))
        counts.append(book.frame("from wh.ops.alerts where as_of_date = $day", day=date(2026, 6, day)).height)
    assert counts[0] == 0
    alerts = book.frame("from wh.ops.alerts order by as_of_date")
    scores = alerts.filter(measure="psi_training", subject="score")
    assert scores.select("severity", "nights").rows() == [("alarm", 1), ("alarm", 2)]
    assert set(alerts["event"]) == {"not emitted: the run ended before"}
    night = Night("p", BEFORE, "r")
    raised = watch.write_watch.fn(night, *watch.measure_night.fn(night, LIMITS), limits=LIMITS)
    assert set(send_alerts.send_alerts.fn(night, raised).values()) == {"emitted"}
    assert set(book.frame("from wh.ops.alerts where as_of_date = $day", day=BEFORE)["event"]) == {"emitted"}
    assert [given[0] for given, _ in sent] == [
        f"nightledger.alert.{one}" for one in sorted({a.severity for a in raised})
    ]
    assert sent[0][1]["resource"]["prefect.resource.id"] == "nightledger.portfolio.p"


@pytest.mark.parametrize(
    ("emit", "said"),
    [
        (lambda *_, **__: None, "not emitted: Prefect sends no events from here"),
        (lambda *_, **__: (_ for _ in ()).throw(OSError("no route\nmore")), "not emitted: OSError: no route"),
    ],
)
def test_an_event_that_is_not_emitted_stops_nothing_and_is_said(book, monkeypatch, caplog, emit, said):
    monkeypatch.setattr(send_alerts, "emit_event", emit)
    book.register()
    night = Night("p", BEFORE, "r")
    for day in (date(2026, 6, 28), BEFORE):
        book.night(day, shift=1.5)
        book.watch(day)
    alerts = watch.write_watch.fn(night, *watch.measure_night.fn(night, LIMITS), limits=LIMITS)
    told = send_alerts.send_alerts.fn(night, alerts)
    assert set(told.values()) == {said}
    assert set(book.frame("from wh.ops.alerts where as_of_date = $day", day=BEFORE)["event"]) == {said}
    assert f"stay rows of ops.alerts: {said}" in caplog.text


def test_fairness_is_measured_tonight_and_on_outcomes_and_on_unseen_rows_until_then(book):
    book.register()
    rows = book.night(YEAR_AGO)
    book.con.execute(
        "insert into wh.ops.evaluation_scores by name select portfolio, model_family, model_version, as_of_date, "
        "enterprise_id, r.repeat, coverage, cast(pd > 0.2 as integer) as label, pd_raw, pd, run_id "
        "from wh.scores.portfolio_scores cross join (values (0), (1)) as r (repeat)"
    )
    book.watch(YEAR_AGO)
    first = book.frame("from wh.ops.fairness")
    assert set(first["basis"]) == {"tonight", "unseen"}
    people = first.filter(model_family=F, attribute="natural_person", measure="borrowers", basis="unseen")
    assert people.select("group_name", "value").sort("group_name").rows() == [
        ("company", 150),
        ("natural person", 150),
    ]
    bad = book.outcomes(YEAR_AGO, rows)
    book.night()
    book.watch()
    found = book.frame("from wh.ops.fairness where as_of_date = '2026-06-30'")
    assert set(found["basis"]) == {"tonight", "matured"}
    assert set(found["attribute"]) == {"natural_person", "region", "legal_form", "representative_gender"}
    rate = found.filter(
        attribute="natural_person", group_name="natural person", measure="observed_rate"
    ).sort("model_family")
    assert rate["model_family"].to_list() == [None, F]
    assert rate["value"].to_list() == pytest.approx([bad[::2].mean()] * 2)
    headline = found.filter(pl.col("model_family").is_null(), measure="selection_rate", group_name="male")
    tonight = book.frame(
        "select enterprise_id, pd from wh.scores.portfolio_scores where as_of_date = '2026-06-30' order by 1"
    )
    men = [number % 5 != 0 for number in range(300)]
    assert headline["value"].item() == pytest.approx((tonight.filter(men)["pd"] < 0.16).mean())
