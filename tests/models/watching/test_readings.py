"""A reading is judged by both limits, an unknown one says why, and each at watch or alarm is an alert."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy import stats

from models.watching.alerts import raised
from models.watching.calibration_readings import calibration
from models.watching.outcome_readings import performance, promised
from models.watching.page import page
from models.watching.readings import Reading, as_frame, feed_reading, index_reading, level_reading, shares
from models.watching.settings import WatchSettings
from models.watching.vintage import Vintage

LIMITS = WatchSettings()
TUESDAY, MONDAY, FRIDAY = date(2026, 6, 30), date(2026, 6, 29), date(2026, 6, 26)
NIGHTS = (TUESDAY, MONDAY, FRIDAY)


def psi(actual, reference, **more):
    return index_reading("psi_batch", "score", actual, reference, settings=LIMITS, **more)


@pytest.mark.parametrize(
    ("reference", "actual", "severity"),
    [
        ([500, 500], [505, 495], "ok"),
        ([500, 500], [330, 670], "watch"),
        ([500, 500], [200, 800], "alarm"),
        ([10, 10], [6, 14], "ok"),  # 0.15, but so few rows give as much without any change
        ([500_000, 500_000], [510_000, 490_000], "ok"),  # real and small
    ],
)
def test_an_index_is_judged_by_the_rule_of_thumb_and_by_its_size(reference, actual, severity):
    assert psi(actual, reference).severity == severity


def test_a_large_index_of_few_rows_is_above_the_rule_of_thumb_and_below_its_critical_value():
    found = psi([6, 14], [10, 10])
    assert LIMITS.index_watch < found.value < found.critical


def test_a_portfolio_of_ten_has_no_index():
    found = psi([1] * 10, [100] * 10)
    assert (found.value, found.severity) == (None, "unknown")
    assert found.note == "10 rows in 10 bins: at least 5 a bin are needed"


@pytest.mark.parametrize(
    ("usual", "severity", "threshold"),
    [(0.0, "alarm", 0.1), (0.2, "alarm", 0.2), (0.6, "ok", 0.6), (None, "ok", None)],
)
def test_a_feature_is_judged_beyond_what_it_usually_moves(usual, severity, threshold):
    found = psi([200, 800], [500, 500], usual=usual)
    assert found.value == pytest.approx(0.415, abs=0.001)
    assert (found.severity, found.threshold) == (severity, threshold)
    assert (found.note is None) == (usual is not None)


def test_features_that_are_judged_together_need_more_to_be_beyond_chance():
    alone, together = psi([40, 60], [50, 50]), psi([40, 60], [50, 50], compared=300)
    assert together.value == alone.value
    assert together.critical > 3 * alone.critical


def test_a_constant_has_no_change():
    found = psi([100, 0, 0], [200, 0, 0])
    assert (found.value, found.critical, found.severity) == (0.0, None, "ok")
    assert found.note == "one bin holds every row of both"


def test_an_unknown_reading_needs_its_reason():
    with pytest.raises(ValueError, match="an unknown value needs its reason"):
        Reading("stability", "psi", "score", severity="unknown")
    with pytest.raises(ValueError, match="a value is unknown, or it is not"):
        Reading("stability", "psi", "score", value=0.3, severity="unknown")


@pytest.mark.parametrize(("now", "severity"), [(0.105, "ok"), (0.112, "watch"), (0.07, "alarm")])
def test_the_mean_pd_is_judged_by_its_relative_change(now, severity):
    assert level_reading("headline", now, 0.1, sample=500, settings=LIMITS).severity == severity


def test_a_mean_pd_of_few_or_of_a_first_night_is_told_and_not_judged():
    assert level_reading("headline", 0.3, 0.1, sample=10, settings=LIMITS).severity == "ok"
    assert "too few to judge" in level_reading("headline", 0.3, 0.1, sample=10, settings=LIMITS).note
    assert level_reading("headline", 0.3, None, sample=500, settings=LIMITS).threshold is None
    assert level_reading("headline", None, 0.1, sample=0, settings=LIMITS).severity == "unknown"


@pytest.mark.parametrize(
    ("age", "usual", "pauses", "severity"),
    [
        (0, 1, 30, "ok"),
        (1, 1, 30, "watch"),  # it came every day, and not today
        (1, 2, 30, "ok"),
        (2, 2, 30, "watch"),
        (4, 2, 30, "alarm"),
        (500, 2, 3, "alarm"),
        (91, 92, 3, "ok"),
    ],
)
def test_a_feed_is_late_as_soon_as_its_pause_must_become_longer_than_any_usual_one(
    age, usual, pauses, severity
):
    found = feed_reading("transactions", age, usual, pauses=pauses, settings=LIMITS)
    assert (found.value, found.severity, found.threshold) == (age, severity, usual)


@pytest.mark.parametrize(
    ("age", "usual", "pauses", "note"),
    [
        (None, None, 0, "never delivered"),
        (95, None, 0, "last delivered 95 days before; 0 pauses so far, 3 are needed"),
        (1, 1, 2, "last delivered 1 days before; 2 pauses so far, 3 are needed"),
    ],
)
def test_the_age_of_a_feed_whose_pauses_are_not_known_is_unknown(age, usual, pauses, note):
    found = feed_reading("transactions", age, usual, pauses=pauses, settings=LIMITS)
    assert (found.value, found.severity, found.note) == (None, "unknown", note)


def test_shares_add_up_and_nobody_is_unknown():
    assert [one.value for one in shares("s", {"a": 3, "b": 1}, reason="nobody")] == [0.75, 0.25]
    assert [one.severity for one in shares("s", {}, reason="nobody")] == ["unknown"]


def history(*nights: tuple[date, str]) -> pl.DataFrame:
    rows = [as_frame([Reading("stability", "psi_batch", "score", "wide_deep", severity=severity, note="-",
                              value=None if severity == "unknown" else 0.3)])
            .with_columns(as_of_date=pl.lit(day)) for day, severity in nights]  # fmt: skip
    return pl.concat(rows) if rows else as_frame([]).with_columns(as_of_date=pl.lit(TUESDAY))


@pytest.mark.parametrize(
    ("nights", "severity", "in_a_row"),
    [
        ([(TUESDAY, "alarm")], "alarm", 1),
        ([(TUESDAY, "alarm"), (MONDAY, "ok"), (FRIDAY, "alarm")], "alarm", 1),
        ([(TUESDAY, "alarm"), (FRIDAY, "alarm")], "alarm", 1),  # Monday was scored and has no reading
        ([(MONDAY, "alarm"), (FRIDAY, "alarm")], None, 0),  # over by tonight
        ([(TUESDAY, "unknown"), (MONDAY, "alarm"), (FRIDAY, "alarm")], None, 0),
        ([(TUESDAY, "alarm"), (MONDAY, "watch")], "alarm", 2),
        ([(TUESDAY, "watch"), (MONDAY, "alarm"), (FRIDAY, "alarm")], "watch", 3),
        ([(TUESDAY, "alarm"), (MONDAY, "alarm"), (FRIDAY, "watch")], "alarm", 3),
    ],
)
def test_an_alert_is_as_bad_as_its_reading_and_counts_the_scored_nights_in_a_row(nights, severity, in_a_row):
    found = raised(history(*nights), NIGHTS)
    assert [(one.severity, one.nights) for one in found] == (
        [] if severity is None else [(severity, in_a_row)]
    )


def test_the_features_of_a_family_are_gathered_in_one_alert():
    nights = []
    for day in NIGHTS:
        rows = [
            Reading("stability", "csi_batch", f"x{number}", "f", value=0.2 + number / 10, severity="watch")
            for number in range(7)
            if (day, number) != (MONDAY, 6)  # the largest is at watch tonight only
            and (day, number) != (FRIDAY, 1)  # one is newer than the others
        ]
        nights.append(as_frame(rows).with_columns(as_of_date=pl.lit(day)))
    (one,) = raised(pl.concat(nights), NIGHTS)
    assert (one.model_family, one.subject, one.severity, one.nights) == ("f", "features", "watch", 3)
    assert one.message == (
        "f: csi_batch of 7 features at watch, newest first: x6 0.8 (first night), "
        "x1 0.3 (2 nights), x5 0.7 (3 nights), x4 0.6 (3 nights), x3 0.5 (3 nights) and 2 more"
    )


def test_an_alert_says_what_its_reading_says():
    reading = Reading(
        "stability", "mean_pd", "headline", value=0.3, threshold=0.1, severity="alarm", note="+200%"
    )
    (alert,) = raised(as_frame([reading]).with_columns(as_of_date=pl.lit(TUESDAY)), (TUESDAY,))
    assert alert.message == "headline, headline: mean_pd 0.3 (threshold 0.1), first night; +200%"


def test_no_night_raises_nothing():
    assert raised(history(), ()) == []


def vintage(day: date, *, rows: int = 400, lift: float = 1.0, seed: int = 0) -> Vintage:
    rng = np.random.default_rng(seed)
    pd = rng.beta(1.5, 8.0, rows)
    labels = (rng.random(rows) < pd * lift).astype(np.int64)
    borrowers = [str(number) for number in range(rows)]
    frame = pl.DataFrame({"enterprise_id": borrowers, "label": labels, "pd": pd, "grade": ["A"] * rows})
    return Vintage.of(day, "v1", frame)


def by_name(readings):
    return {(one.measure, one.subject): one for one in readings}


def test_no_labels_is_unknown_and_says_until_when():
    for make, more in ((performance, {"trained": 0.5}), (calibration, {"grades": ("A", "B")})):
        found = make([], waiting="no labels yet", settings=LIMITS, family=None, **more)
        assert {one.severity for one in found} == {"unknown"}
        assert {one.note for one in found} == {"no labels yet"}
        assert all(one.value is None for one in found)


def back_test(*past: Vintage, grades: tuple[str, ...] = ("A",), settings: WatchSettings = LIMITS):
    return by_name(calibration(past, grades=grades, waiting="", settings=settings, family="f"))


def test_an_empty_grade_is_unknown_and_the_others_are_tested():
    found = back_test(vintage(MONDAY), grades=("A", "B"))
    assert found["grade_one_factor", "A"].severity == "ok"
    assert found["grade_default_rate", "A"].threshold == pytest.approx(vintage(MONDAY).pd.mean())
    assert found["grade_default_rate", "A"].critical > 1.3 * vintage(MONDAY).pd.mean()
    for name in ("grade_default_rate", "grade_jeffreys", "grade_one_factor"):
        assert (found[name, "B"].severity, found[name, "B"].value) == ("unknown", None)
    assert found["one_factor", "latest vintage"].severity == "ok"
    assert ("grade_prudent_pd", "A") not in found  # it has defaults enough


def test_pds_that_are_half_of_what_happens_are_an_alarm_whatever_year_it_was():
    found = back_test(vintage(MONDAY, lift=2.0))
    for key in (("grade_one_factor", "A"), ("one_factor", "latest vintage")):
        assert found[key].severity == "alarm", key
    assert found["grade_jeffreys", "A"].value < 0.001
    assert found["observed_to_expected", "latest vintage"].value == pytest.approx(2, abs=0.4)


def test_a_bad_year_is_told_by_the_tests_of_independent_borrowers_and_judged_by_the_correlated_ones():
    bad_year = vintage(MONDAY, rows=4000, lift=1.25)
    found = back_test(bad_year)
    assert {reading.severity for reading in found.values() if reading.value is not None} == {"ok"}
    for name in ("hosmer_lemeshow", "spiegelhalter"):
        assert abs(found[name, "latest vintage"].value) > found[name, "latest vintage"].critical
    assert found["grade_jeffreys", "A"].value < 0.001
    alone = back_test(bad_year, settings=WatchSettings(asset_correlation=0))
    assert alone["grade_one_factor", "A"].severity == "alarm"
    assert "asset correlation 0.000" in alone["grade_one_factor", "A"].note


def test_a_grade_with_few_defaults_is_bounded_with_the_worse_ones_that_have_few_too():
    labels = [0] * 100 + [0] * 398 + [1] * 2 + [0] * 260 + [1] * 40
    frame = pl.DataFrame(
        {
            "enterprise_id": [str(number) for number in range(800)],
            "label": labels,
            "pd": [0.005] * 100 + [0.01] * 400 + [0.12] * 300,
            "grade": ["A"] * 100 + ["B"] * 400 + ["C"] * 300,
        }
    )
    limits = WatchSettings(asset_correlation=0)
    found = back_test(Vintage.of(MONDAY, "v1", frame), grades=("A", "B", "C", "D"), settings=limits)
    best, next_best = found["grade_prudent_pd", "A"], found["grade_prudent_pd", "B"]
    assert (best.sample, next_best.sample) == (500, 400)
    assert stats.binom.cdf(2, 500, best.value) == pytest.approx(0.25)
    assert "from 2 defaults among the 500 borrowers of grades A to B" in best.note
    assert next_best.note.startswith(
        "2 defaults, fewer than 10: upper bound of the PD by Pluto and Tasche at 75.0%"
    )
    assert not {("grade_prudent_pd", "C"), ("grade_prudent_pd", "D")} & set(found)


def months(count: int, *, moves: float, rows: int = 4000) -> list[Vintage]:
    """Return vintages of a cycle in which borrowers change their grades and the grades keep their rates."""
    rng, past = np.random.default_rng(8), []
    for month in range(count):
        worse = rng.random(rows) < 0.3 + moves * np.sin(month)
        pd = np.where(worse, 0.2, 0.02)
        frame = pl.DataFrame(
            {
                "enterprise_id": [str(number) for number in range(rows)],
                "label": (rng.random(rows) < pd).astype(int),
                "pd": pd,
                "grade": np.where(worse, "B", "A").tolist(),
            }
        )
        past.append(Vintage.of(date(2025, month + 1, 28), "v1", frame).without_names())
    return past


def test_the_long_run_stands_beside_the_pd_and_says_that_windows_overlap():
    past = months(6, moves=0.1)
    found = back_test(*past, grades=("A", "B"))
    rates = [vintage.labels[vintage.pd < 0.1].mean() for vintage in past]
    best = found["grade_long_run", "A"]
    assert best.value == pytest.approx(np.mean(rates))
    assert (best.threshold, best.reference, best.low, best.severity) == (pytest.approx(0.02), 6, None, "ok")
    assert "overlap" in best.note
    assert found["grade_long_run", "all grades"].value == pytest.approx(
        np.mean([vintage.labels.mean() for vintage in past])
    )
    assert found["rating_philosophy", "all vintages"].note.endswith("6 vintages, 12 are needed")


def test_pds_are_called_point_in_time_only_where_the_default_rate_moved_beyond_chance():
    found = back_test(*months(12, moves=0.2), grades=("A", "B"))["rating_philosophy", "all vintages"]
    assert found.note.startswith("PDs are point in time: the default rate lay between")
    assert found.value == pytest.approx(1, abs=0.1)
    still = back_test(*months(12, moves=0.0), grades=("A", "B"))["rating_philosophy", "all vintages"]
    assert (still.value, still.severity) == (None, "unknown")
    assert "cannot be told" in still.note


def test_a_latest_vintage_without_labels_leaves_the_long_run():
    silent = vintage(TUESDAY, rows=0)._replace(unknown="the outcomes stopped")
    found = back_test(vintage(MONDAY), silent)
    assert found["grade_one_factor", "all grades"].note == "the outcomes stopped"
    assert found["grade_long_run", "A"].value == vintage(MONDAY).labels.mean()


def test_the_latest_gini_is_judged_against_training_beyond_its_noise():
    past = [vintage(FRIDAY, seed=1), vintage(MONDAY, seed=2)]
    real = by_name(performance(past, trained=None, waiting="", settings=LIMITS, family="f"))
    gini = real["gini", "latest vintage"]
    assert gini.severity == "ok"
    for above, severity in ((-0.01, "ok"), (0.01, "watch"), (0.11, "alarm")):
        trained = gini.high + above
        found = by_name(performance(past, trained=trained, waiting="", settings=LIMITS, family="f"))
        assert found["gini", "latest vintage"].severity == severity
    assert real["gini_vintage", MONDAY.isoformat()].value == gini.value
    assert real["gini_slope", "all vintages"].note == "2 vintages: three are needed for a slope"


def test_a_vintage_of_ten_is_unknown():
    found = performance([vintage(MONDAY, rows=10)], trained=0.5, waiting="", settings=LIMITS, family="f")
    assert {one.severity for one in found} == {"unknown"}
    assert all(one.value is None for one in found)


def test_a_falling_gini_is_seen():
    past = []
    for year in range(6):
        one = vintage(date(2020 + year, 6, 30), rows=4000, seed=year)
        mixed = np.random.default_rng(year).permutation(one.labels)
        keep = np.random.default_rng(50 + year).random(4000) < year / 6  # ever more labels at random
        past.append(one._replace(labels=np.where(keep, mixed, one.labels)))
    slope = by_name(performance(past, trained=None, waiting="", settings=LIMITS, family="f"))[
        "gini_slope", "all vintages"
    ]
    assert slope.severity == "alarm"
    assert slope.high < 0
    assert slope.reference == 6


def test_what_is_promised_is_marked_as_estimated():
    found = by_name(promised(vintage(MONDAY).pd, trained=0.99, settings=LIMITS, family="f", version="v1"))
    assert found["gini_estimated", "tonight"].severity == "alarm"
    assert found["gini_estimated", "tonight"].note.startswith("estimated")
    few = promised(np.full(10, 0.1), trained=0.5, settings=LIMITS, family="f", version="v1")
    assert {one.severity for one in few} == {"unknown"}


def test_the_page_has_three_headings_and_the_worst_first():
    readings = [
        Reading("stability", "csi_batch", "x", "f", value=0.12, threshold=0.1, severity="watch"),
        Reading("stability", "psi_batch", "score", "f", value=0.4, threshold=0.1, severity="alarm"),
        Reading("performance", "gini", "latest vintage", "f", severity="unknown", note="no labels yet"),
        Reading(
            "calibration", "rating_philosophy", "all vintages", "f", value=0.9, note="PDs are point in time"
        ),
    ]
    alerts = raised(history((TUESDAY, "alarm"), (MONDAY, "alarm")), NIGHTS)
    text = page(readings, alerts, {"alarm": "emitted"}, portfolio="p", as_of_date=TUESDAY)
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Performance", "## Stability", "## Calibration",
    ]  # fmt: skip
    assert text.index("psi_batch | f score | 0.4") < text.index("csi_batch | f x")
    assert "**alarm** wide_deep, score: psi_batch 0.3, 2 nights" in text
    assert "- unknown (1): no labels yet" in text
    assert "- f: PDs are point in time" in text
    assert len(text.splitlines()) < 45
