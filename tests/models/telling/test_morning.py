"""The four sentences of a morning hold for none, one and many, for first nights and for what is not known."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from models.telling.borrower_page import borrowers
from models.telling.fairness_table import fairness_matrix
from models.telling.morning import (
    Told,
    facts,
    grade_moves,
    mover_reason,
    what_failed,
    what_moved,
    what_to_decide,
    whom_to_call,
)
from models.telling.pages import MissingFigureError
from models.telling.validation_report import validation_report
from models.telling.watched import FEW, watched
from models.telling.wording import anchor, file_name
from tests.models.telling.page_rows import (
    BEFORE,
    DAY,
    ENDING,
    LISTED,
    borrower_rows,
    card_rows,
    disturbed_night,
    feeds,
    lines,
    morning_rows,
    night_rows,
)
from tests.models.telling.page_rows import watched as monitored

SCALE = ("A1", "D1", "default")
ALERTS = night_rows().alerts
NO_MOVES = night_rows().moves.head(0)


def moves(*rows: tuple[str, str, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["grade_before", "grade", "enterprises"], orient="row")


def plain(told: Told) -> str:
    return told.text.striptags()


def listed(*ids: str, is_new: bool = True) -> pl.DataFrame:
    rows = [(name, "high_pd", "fresh", "E1", 0.4, 0.0, is_new) for name in ids]
    return pl.DataFrame(rows, schema=LISTED, orient="row")


def counts(on_it: int, new: int, *, known: bool = True) -> dict[str, object]:
    return {"listed": on_it, "new": new, "before_is_known": known}


@pytest.mark.parametrize(
    ("rows", "severity", "sentence"),
    [
        ({"list_counts": counts(0, 0)}, "ok", "Nobody: no borrower is on the watch list."),
        ({"list_counts": counts(1, 0)}, "ok", "Nobody new: 1 borrower is on the watch list, as on 2026-06-29."),
        ({"list_counts": counts(3, 0)}, "ok", "Nobody new: 3 borrowers are on the watch list, as on 2026-06-29."),
        ({"listed": listed("E7"), "list_counts": counts(1, 1)}, "watch",
         "E7 is new on the watch list, which names 1 borrower."),
        ({"listed": listed("E1", "E2"), "list_counts": counts(9, 2)}, "watch",
         "E1 and E2 are new on the watch list, which names 9 borrowers."),
        ({"listed": listed("E1", "E2", "E3", "E4"), "list_counts": counts(40, 30)}, "watch",
         "E1, E2, E3 and 27 more are new on the watch list, which names 40 borrowers."),
        ({"before": None, "list_counts": counts(2, 2, known=False)}, "watch",
         "2 borrowers are on the watch list; who is new on it is not known, since there was no night before."),
        ({"list_counts": counts(2, 2, known=False)}, "watch",
         ("2 borrowers are on the watch list; who is new on it is not known, since the list of the night before is not "
         "kept.")),
    ],
)  # fmt: skip
def test_whom_to_call(rows, severity, sentence):
    told = whom_to_call(morning_rows(**rows), ())
    assert (told.severity, plain(told)) == (severity, sentence)


def test_a_borrower_of_whom_the_page_tells_is_linked_and_its_number_does_no_harm():
    rows = morning_rows(listed=listed("<b>E1", "E2"), list_counts=counts(2, 2))
    told = str(whom_to_call(rows, ["<b>E1"]).text)
    assert f'<a href="#{anchor("<b>E1")}">&lt;b&gt;E1</a> and E2 are new' in told


def gates(*rows: tuple[str, int, int, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["suite", "checks", "failed", "errored"], orient="row")


GOOD = gates(("feed", 12, 0, 0), ("scores", 18, 0, 0))
CALM = feeds(("enterprises", "delivered", None, DAY))


@pytest.mark.parametrize(
    ("delivered", "checked", "severity", "sentence"),
    [
        (CALM, GOOD, "ok", "Nothing: no file was refused, no feed is missing, all 30 checks passed."),
        (CALM.clear(), GOOD.clear(), "ok", "No run of this night took in feeds; no gate was run."),
        (feeds(("transactions", "refused", "bad", DAY)), GOOD, "watch", "1 of 3 files of transactions was refused."),
        (feeds(("outcomes", "missing", None, DAY)).with_columns(files=0), gates(("feed", 12, 2, 1)), "watch",
         ("Outcomes is missing, its last delivery is of 2026-06-30; 3 of 12 checks failed or could not be evaluated "
         "(feed).")),
    ],
)  # fmt: skip
def test_what_failed(delivered, checked, severity, sentence):
    told = what_failed(delivered, checked)
    assert (told.severity, plain(told)) == (severity, sentence)


def test_several_refused_files_are_were_refused():
    several = feeds(("transactions", "refused", "bad", DAY)).with_columns(files_refused=2)
    assert "2 of 3 files of transactions were refused" in plain(what_failed(several, GOOD))


@pytest.mark.parametrize(
    ("rows", "moved", "sentence"),
    [
        ({"before": None}, NO_MOVES, "This is the first night; there is none to compare it with."),
        ({}, NO_MOVES,
         "Nobody had a grade both tonight and on 2026-06-29; the mean PD is 12.00% after 11.95%."),
        ({}, moves(("A1", "A1", 9)),
         "No grade: all 9 borrowers are where they were; the mean PD is 12.00% after 11.95%."),
        ({"lines": lines(1)}, moves(("A1", "D1", 1), ("A1", "A1", 0)), "1 of 1 borrower moved: 1 to a worse grade."),
        ({"new_models": ["wide_deep"]}, moves(("A1", "D1", 7), ("D1", "A1", 2), ("D1", "default", 3),
                                              ("default", "A1", 1), ("A1", "A1", 900)),
         ("13 of 913 borrowers moved: 7 to a worse grade, 2 to a better one, 3 into default, 1 out of it; the mean PD "
         "is 12.00% after 11.95%; another version of wide deep gives PDs since tonight.")),
        ({"new_givers": [("thick", "scorecard"), ("thin", "wide_deep"), ("transaction", "scorecard")]}, NO_MOVES,
         ("Nobody had a grade both tonight and on 2026-06-29; the mean PD is 12.00% after 11.95%; scorecard gives the "
         "PD of thick and transaction files since tonight; wide deep gives the PD of thin files since tonight.")),
        ({"lines": lines(mean_pd=None)}, moves(("A1", "A1", 9)), "No grade: all 9 borrowers are where they were."),
    ],
)  # fmt: skip
def test_what_moved(rows, moved, sentence):
    assert plain(what_moved(morning_rows(**rows), moved, SCALE)) == sentence


def test_a_move_into_default_is_no_move_to_a_worse_grade():
    assert grade_moves(moves(("A1", "default", 2), ("default", "default", 5)), SCALE) == {
        "worse": 0, "better": 0, "into default": 2, "out of default": 0,
    }  # fmt: skip


def ending(*rows: tuple[str, str, date]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=ENDING, orient="row")


def alert(severity: str, measure: str, family: str | None, subject: str = "score") -> pl.DataFrame:
    return ALERTS.with_columns(
        severity=pl.lit(severity), measure=pl.lit(measure), model_family=pl.lit(family, pl.String),
        subject=pl.lit(subject),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "alerts", "severity", "sentence"),
    [
        ({}, ALERTS.clear(), "ok", "Nothing: no alert stands, no override ends within two weeks."),
        ({}, ALERTS, "alarm", "1 alarm: PDs lie otherwise than at training (wide deep)."),
        ({}, pl.concat([alert("watch", "feed_age", None, "outcomes"), alert("watch", "finding", "wide_deep")]), "watch",
         "2 watches: outcomes is late; a finding is overdue (wide deep)."),
        ({}, alert("watch", "a_new_measure", None), "watch", "1 watch: a new measure."),
        ({"ending": ending(("E1", "C1", DAY))}, ALERTS.clear(), "watch", "The override of E1 ends on 2026-06-30."),
        ({"ending": ending(*((f"E{n}", "C1", DAY) for n in range(5)))}, ALERTS, "alarm",
         ("1 alarm: PDs lie otherwise than at training (wide deep). The overrides of E0, E1, E2 and 2 more end, the "
         "first on 2026-06-30.")),
    ],
)  # fmt: skip
def test_what_to_decide(rows, alerts, severity, sentence):
    told = what_to_decide(morning_rows(**rows), alerts, ())
    assert (told.severity, plain(told)) == (severity, sentence)


def test_figures_stand_beside_those_of_the_night_before_and_what_is_unknown_is_said_so():
    assert [tuple(fact) for fact in facts(morning_rows())] == [
        ("exposure", "2.5 million", "+1,000"),
        ("expected loss", "310,000", "+250"),
        ("mean PD", "12.00%", "+0.05 pp"),
        ("in default", "41", "unchanged"),
    ]
    unknown = facts(morning_rows(before=None, lines=lines(1, exposure=None, expected_loss=None)))
    assert [tuple(fact) for fact in unknown[:2]] == [
        ("exposure", "unknown", ""),
        ("expected loss", "unknown", ""),
    ]


def test_what_moved_a_pd_up_is_told_by_what_raised_it():
    parts = [{"told": "a", "change": -0.09}, {"told": "b", "change": 0.08}, {"told": "c", "change": 0.05}]
    assert mover_reason(parts, 0.04).replace("\u00a0", " ") == "b +8.0 pp; c +5.0 pp"
    assert mover_reason([], 0.04) == ""


def test_a_borrower_is_told_as_of_the_night_and_one_without_a_row_of_it_is_not():
    rows = borrower_rows("E1")
    (told,) = borrowers(rows).values()
    assert told["interval"] == "25.0% to 40.0%"
    assert told["status"] == "scored tonight"
    assert [part["told"] for part in told["moved"]] == [
        "Logins",
        "all other features",
        "another model",
    ]
    assert borrowers(replace(rows, history=rows.history.filter(pl.col("as_of_date") <= BEFORE))) == {}


@pytest.mark.parametrize(
    ("status", "in_default", "told"),
    [
        ("stale", False, "not scored tonight, the PD is kept from 2026-06-30"),
        ("unscoreable", False, "not scored: no model has the data that it needs"),
        ("fresh", True, "in default; its PD is no forecast"),
    ],
)
def test_the_state_of_a_borrower_is_said_in_words(status, in_default, told):
    rows = borrower_rows("E1")
    changed = rows.history.with_columns(score_status=pl.lit(status), in_default=pl.lit(in_default))
    assert borrowers(replace(rows, history=changed))["E1"]["status"] == told


def test_a_number_that_looks_like_a_path_names_a_file_in_its_folder_and_no_two_share_one():
    names = [file_name(name) for name in ("../../x", "..\\x", "E 1", "E/1", "e1", "E1", "x" * 400)]
    assert len(set(names)) == len(names)
    assert all(
        set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
        for name in names
    )
    assert max(map(len, names)) < 80


def test_many_good_rows_become_one_line_and_reasons_for_the_unknown_are_counted():
    good = pl.concat([monitored().filter(measure="csi_training")] * (FEW + 1)).with_columns(
        value=pl.int_range(pl.len()).cast(pl.Float64), subject=pl.format("f{}", pl.int_range(pl.len()))
    )
    unknown = pl.concat([monitored().filter(severity="unknown")] * 5)
    told = watched(pl.concat([good, unknown]))
    assert told["good"] == []
    assert [(row["rows"], row["subject"]) for row in told["quiet"]] == [(FEW + 1, f"f{FEW}")]
    assert [(row["rows"], row["note"]) for row in told["unknown"]] == [(5, "the grade is empty")]


def test_groups_stand_in_one_matrix_and_a_reason_is_given_once_a_line():
    told = {"attribute": "form", "group_name": "ltd", "low": None, "high": None, "sample": 9}
    rows = card_rows().fairness.select("attribute", "group_name", "basis", "measure", "value", "low", "high", "sample",
                                       "note")  # fmt: skip
    few = [
        {**told, "basis": "matured", "measure": measure, "value": None, "note": "1 default among 9: too few"}
        for measure in ("auc", "observed_rate", "mean_pd")
    ]
    matrix = fairness_matrix(
        pl.concat(
            [rows, pl.DataFrame(few, schema={**rows.schema, "note": pl.String})], how="vertical_relaxed"
        )
    )
    assert matrix is not None
    assert [part["name"] for part in matrix["attributes"]] == ["legal form", "form"]
    ours, small = (part["lines"][0]["cells"] for part in matrix["attributes"])
    assert ours[1] == {"value": "71.0%", "interval": "65.0% to 77.0%", "note": ""}
    assert [cell["note"] for cell in small if cell["note"]] == ["1 default among 9: too few"]
    assert "latest vintage whose outcomes are known" in matrix["about"]
    with pytest.raises(MissingFigureError, match="selection_rate of sole trader"):
        fairness_matrix(rows.with_columns(value=pl.lit(None, pl.Float64)))


def test_red_is_an_alarm_and_nothing_else():
    """A refused file and a missing feed are amber; the watch says when a feed is late for so long that it is red."""
    night = disturbed_night()
    without = pl.col("severity") != "alarm"
    calm = replace(night, alerts=night.alerts.filter(without), monitoring=night.monitoring.filter(without))
    red = re.compile('class="(?:is-)?alarm"')
    assert red.search(validation_report(night))
    assert not red.search(validation_report(calm))
