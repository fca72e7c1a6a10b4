"""Card and report show what the rows hold, need no network, and are refused where a figure is missing."""

from __future__ import annotations

import re
from datetime import date

import polars as pl
import pytest

from models.errors import ModelError
from models.telling.card import card, worth
from models.telling.pages import MissingFigureError, figure
from models.telling.validation_report import validation_report
from tests.models.telling.page_rows import (
    DAY,
    MONITORED,
    card_rows,
    feeds,
    first_night,
    judged,
    night_rows,
    watched,
)


def test_the_card_says_what_the_rows_were_drawn_from():
    assert "drawn from" not in card(card_rows())
    rows = card_rows()
    drawn = {**rows.model, "metrics": {**rows.model["metrics"], "drawn_from": 98_765}}
    assert "1,234</b> training rows, drawn from 98,765 by snapshot and label" in card(card_rows(model=drawn))


def test_the_card_tells_the_difference_to_shap_and_what_the_model_leans_on():
    plain = card(card_rows())
    assert "shap" not in plain
    assert "leans most on" not in plain
    rows = card_rows()
    measured = {
        "shap_check": {"rows": 50, "largest": 3.2e-08, "differences": {"xgboost": 3.2e-08}},
        "importance": {"how": "splits", "shares": {f"f{n}": 0.001 * n for n in range(12)}},
    }
    page = card(card_rows(model={**rows.model, "metrics": {**rows.model["metrics"], **measured}}))
    assert "held to shap's own code on 50 training rows: the largest difference is 3e-08." in page
    table = page[page.index("leans most on") : page.index("Importance: splits.")]
    assert re.findall(r"<td>(f\d+)</td>", table) == [f"f{n}" for n in range(11, 1, -1)]


def test_the_card_says_which_directions_the_model_goes_against_and_whether_it_was_held_to_them():
    rows = card_rows()
    turned = {
        "feature": "tx_gap_std_90d",
        "direction": 1,
        "rows": 40,
        "against": 13,
        "largest": 0.0812,
        "whole": -0.01,
    }
    found = {"tolerance": 0.001, "features": 53, "against": 48, "whole": 7, "furthest": [turned]}

    def page(settings, **changed):
        metrics = {**rows.model["metrics"], "direction_check": found | changed}
        return card(card_rows(model={**rows.model, "settings": settings, "metrics": metrics}))

    free = page({"monotone": False})
    assert (
        "53 of its features have a direction by the catalogue. It was not held to them. With all other"
        in free
    )
    assert (
        "goes against 48 of them somewhere by more than 0.1%, and has 7 the wrong way round as a whole."
        in free
    )
    row = "<td>tx_gap_std_90d</td><td>raise the PD</td>"
    assert row in free
    assert "13 of 40" in free[free.index(row) :]
    held = page({"monotone": True}, against=0, whole=0, furthest=[])
    assert "by the catalogue. It is held to them. Its PD follows all of them." in held
    assert "Where it goes against" not in held
    assert "by the catalogue. With all other features" in page({})


def test_the_card_says_which_columns_were_left_out_and_why():
    page = card(card_rows())
    assert "3 columns left out" in page
    assert "<td>tx_count_all</td><td>it looks back as far as the record</td>" in page


def test_the_card_says_what_is_open_and_when_it_is_reviewed_again():
    page = card(card_rows())
    assert "ops.model_findings holds no finding on this version." in page
    assert "so no next one is planned" in page
    found = pl.DataFrame(
        {"finding": [2, 1], "what": ["gini <fell>", "few defaults"], "owner": ["model team", "validation"],
         "opened_on": [DAY, DAY], "due_on": [date(2026, 12, 31), DAY], "closed_on": [None, date(2026, 7, 1)],
         "closed_by": [None, "AB"], "closed_how": [None, "more years"]}
    )  # fmt: skip
    reviews = pl.DataFrame(
        {"reviewed_on": [DAY], "reviewer": ["AB"], "result": ["fit for use"], "next_on": [date(2027, 6, 30)]}
    )
    page = card(card_rows(findings=found, reviews=reviews))
    assert "Its next review is due by 2027-06-30; the last one was on 2026-06-30, by AB: fit for use" in page
    assert (
        "gini &lt;fell&gt;</td><td>model team</td><td>2026-06-30</td><td>2026-12-31</td><td>open</td>" in page
    )
    assert "<td>2026-07-01, by AB: more years</td>" in page


def test_what_is_beside_the_headline_comes_last_in_the_report_and_not_among_its_alerts():
    shadow = watched().with_columns(is_beside=True, subject=pl.lit("wide_deep v4 (shadow) score"))
    beside_it = night_rows().alerts.with_columns(message=pl.lit("shadow v4"), is_beside=True)
    alerts = pl.concat([night_rows().alerts, beside_it])
    page = validation_report(night_rows(monitoring=pl.concat([watched(), shadow]), alerts=alerts))
    top, beside = page.split("<h2>Beside the headline</h2>")
    assert "1 alarm</a>: PDs lie otherwise than at training (wide deep)." in top
    assert "shadow" not in top
    assert "<p>Alarm, stability: shadow v4</p>" in beside
    assert "wide_deep v4 (shadow) score" in beside
    assert "Beside the headline" not in validation_report(night_rows())


def test_a_card_shows_figures_plots_and_decisions_and_needs_no_network():
    page = card(card_rows())
    for told in (
        "1,234",
        "15.0%",
        "14.12%",
        "87.5%",
        "lender &lt;1&gt;",
        "0.310",
        "sole trader",
        "a" * 64,
        "the grade is empty",
    ):
        assert told in page, told
    assert page.count("<img") == 6  # ROC, KS, reliability, bars, beeswarm, shares
    assert not re.search(r"<script|<link|@import|url\((?!%23)|src=\"(?!data:)", page)
    assert len(page) < 400_000


def test_the_worth_on_the_card_is_that_of_the_unseen_rows():
    rows = card_rows()
    found = worth(rows.unseen)
    assert figure(found["auc"].mean) in card(rows)
    assert found["auc"].low < found["auc"].mean < found["auc"].high


@pytest.mark.parametrize("name", ["base_rate", "metrics"])
def test_a_missing_figure_fails_the_card(name):
    rows = card_rows()
    gone = {**rows.model, name: None if name == "base_rate" else {**rows.model["metrics"], "rows": None}}
    with pytest.raises(MissingFigureError, match=r"base rate|training rows"):
        card(card_rows(model=gone))


def test_the_card_says_the_last_role_that_was_decided():
    decided = pl.DataFrame(
        {"role": ["challenger", "champion"], "effective_from": [date(2026, 6, 15), DAY],
         "reason": ["registered", "better"], "approver": ["training run", "AB"]}
    )  # fmt: skip
    assert f"· champion from {DAY} on ·" in card(card_rows(roles=decided))


def test_who_is_not_scored_and_who_is_in_default_are_told_apart():
    families = night_rows().families.with_columns(
        mean_pd=pl.lit(None, pl.Float64), in_default=pl.Series([1900, 0])
    )
    page = validation_report(night_rows(families=families))
    assert page.count("all in default") == page.count("not scored") == 1


def test_a_watched_figure_may_be_missing_only_with_a_note():
    assert "the grade is empty" in card(card_rows())
    silent = watched().with_columns(note=pl.lit(None, pl.String))
    with pytest.raises(MissingFigureError, match="binomial"):
        card(card_rows(monitoring=silent))
    with pytest.raises(MissingFigureError, match="binomial"):
        validation_report(night_rows(monitoring=silent))


def test_a_report_says_in_words_whether_pds_follow_the_cycle():
    words = ("calibration", "rating_philosophy", "all vintages", 0.9, None, None, None, None, 900, "ok",
             "PDs are point in time: <b>")  # fmt: skip
    told = pl.DataFrame([words], schema=MONITORED, orient="row").with_columns(is_beside=False)
    rows = pl.concat([watched(), told])
    page = validation_report(night_rows(monitoring=rows))
    assert "<p>all vintages: PDs are point in time: &lt;b&gt;</p>" in page
    assert "<p>all vintages" not in validation_report(night_rows())


def test_a_version_that_was_never_evaluated_has_no_card():
    with pytest.raises(ModelError, match=r"no rows in ops\.evaluation_scores"):
        card(card_rows(unseen=card_rows().unseen.head(0)))


def test_a_card_before_the_first_night_says_so():
    page = card(card_rows(night=None, drawn=card_rows().drawn.head(0), bins=card_rows().bins.head(0),
                          monitoring=watched().head(0), fairness=card_rows().fairness.head(0)))  # fmt: skip
    assert "It has not scored a night yet." in page
    assert "No contributions are stored" in page


def test_a_report_shows_status_gates_alerts_and_three_headings():
    page = validation_report(night_rows())
    for told in (
        "2,000",
        "1,900",
        "stale",
        "PSI of score 0.31",
        "Performance",
        "Stability",
        "Calibration",
        "no model",
    ):
        assert told in page, told
    assert page.count("<img") == 8  # three lines, grades, one measure over the nights, three borrowers
    first = validation_report(first_night())
    assert first.count("<img") == 4
    assert "Lines begin with the second night." in first


def test_a_report_says_whom_the_lender_chose_to_lead_and_since_when():
    choice = {
        "coverage": "thick",
        "model_family": "scorecard",
        "effective_from": DAY,
        "approver": "<committee>",
    }
    page = validation_report(night_rows(leaders=[{**choice, "reason": "one page"}]))
    assert f"scorecard was chosen to lead thick files from {DAY} on by &lt;committee&gt;: one page" in page
    assert "chosen to lead" not in validation_report(night_rows())


def test_bins_that_read_the_same_are_told_apart():
    low = [None, 0.06671, 0.06673, 0.1, None]
    bins = pl.DataFrame(
        {
            "lower": low,
            "upper": [0.06671, 0.06673, 0.1, 0.1, None],
            "reference": [0.2] * 5,
            "tonight": [0.2] * 5,
        }
    )
    assert card(card_rows(bins=bins)).count("<img") == 6


def test_a_report_says_first_which_feeds_failed_and_tells_of_each_when_it_came_last():
    refused = ("transactions", "refused", "columns: <amount> is missing", DAY)
    missing = ("outcomes", "missing", None, date(2026, 4, 30))
    page = validation_report(
        night_rows(feeds=feeds(refused, missing, ("overrides", "never delivered", None, None)))
    )
    top, table = page.split("<h2>Feeds</h2>")
    assert (
        "1 of 3 files of transactions was refused; outcomes is missing, its last delivery is of 2026-04-30"
        in top
    )
    assert "<b>transactions/a.csv</b>: columns: &lt;amount&gt; is missing" in top
    assert "overrides" not in top.split("<h2>Files refused</h2>")[0]
    assert re.search(r"<td>overrides</td><td>never delivered</td>.*<td>never</td></tr>", table)


def test_a_report_of_a_good_night_names_no_feed_first():
    top, table = validation_report(night_rows()).split("<h2>Feeds</h2>")
    assert "no file was refused, no feed is missing" in validation_report(
        night_rows(gates=night_rows().gates.with_columns(failed=0))
    )
    assert "Files refused" not in top
    assert "<td>enterprises</td><td>delivered</td>" in table
    before = validation_report(night_rows(feeds=night_rows().feeds.clear()))
    assert "no run of it took in feeds" in before


UNTOLD: dict[str, object] = {
    name: None
    for name in judged()
    if name
    not in {"night", "rule", "horizon_days", "borrowers", "in_default", "outcome_unknown", "judged", "note"}
}


def test_the_report_tells_in_words_whether_the_list_was_right():
    page = validation_report(night_rows())
    for told in (
        "Of the 40 borrowers that were on the watch list on 2025-12-31, 10 defaulted within 180 days, 25.0%",
        "(95% 14.2% to 40.2%), beside 5.0% of all that were not in default: 5.0 times as often",
        "Of the 25 that defaulted it had 40.0% (23.4% to 59.3%), half of them for 94 days",
        "94 (61 to 140)",
        "<td>activity gap</td>",
        "<td>7: 3</td><td>2</td>",
    ):
        assert told in page, told


def test_a_list_that_cannot_be_judged_says_why_and_no_figure_is_left_out_in_silence():
    gone = judged(note="the outcomes stopped on 2025-11-02, before the window closed", **UNTOLD)
    page = validation_report(night_rows(judged=pl.DataFrame([gone, judged(night=date(2025, 11, 30))])))
    assert "Of the list of 2025-12-31: the outcomes stopped on 2025-11-02" in page
    with pytest.raises(MissingFigureError, match="length of a list"):
        validation_report(night_rows(judged=pl.DataFrame([judged(**UNTOLD)], infer_schema_length=None)))
    first = validation_report(night_rows(judged=pl.DataFrame([judged()]).head(0)))
    assert "No figures yet: a list is judged 180 days after its night" in first


def test_the_card_says_whether_it_was_oversampled_and_on_what_evidence():
    rows = card_rows()
    assert "Oversampling" not in card(rows)  # another family, or trained before this was decided
    found = {
        "taken": False, "without": 0.31024, "after": 0.31212,
        "difference": {"mean": 0.00188, "low": 0.0007, "high": 0.00306},
    }  # fmt: skip
    decided = {**rows.model, "metrics": {**rows.model["metrics"], "oversampling": found}}
    told = card(card_rows(model=decided))
    assert (
        "Oversampling: without. Out of fold, in the training rows, its log loss is 0.3102 without and 0.3121"
        in told
    )
    assert "a difference of +0.0019 (95% +0.0007 to +0.0031)" in told
