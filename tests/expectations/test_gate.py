"""What a gate does with verdicts, and what it tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from expectations import artifact
from expectations.gate import after_quarantine, refuse_large_quarantine
from expectations.results import Check, GateResult, SuiteResult
from expectations.suite import suites_of

PASSED = Check(
    suite="transactions",
    relation="raw.transactions",
    rule="amount_is_not_zero",
    expectation="unexpected_rows_expectation",
    column_name="",
    severity="quarantine",
    outcome="passed",
    observed="0",
    unexpected_count=0,
    evaluated_count=1000,
)
BAD = replace(
    PASSED,
    outcome="failed",
    observed="7",
    unexpected_count=7,
    examples=tuple({"transaction_id": f"T{i}", "amount": "0.00"} for i in range(3)),
)
STOP = replace(BAD, rule="one_row_a_version", severity="stop")


def suite_report(*checks):
    return SuiteResult("transactions", "raw.transactions", checks)


def gate_report(*checks):
    return GateResult("feeds", (suite_report(*checks),), seconds=1.5)


def tell(report, escape=str):
    return artifact.markdown(
        report, run_id="r", portfolio="p", as_of_date="2026-06-30", page="/x/index.html", escape=escape
    )


def test_what_was_moved_stays_told():
    assert after_quarantine(suite_report(BAD), suite_report(PASSED), moved={BAD.rule: 7}).checks == (BAD,)


def test_row_that_broke_two_rules_is_moved_once():
    report = after_quarantine(suite_report(BAD), suite_report(PASSED), moved={BAD.rule: 3})
    assert report.checks == (BAD,)


def test_bad_rows_left_by_quarantine_stop():
    left = replace(BAD, unexpected_count=2)
    report = after_quarantine(suite_report(BAD), suite_report(left), moved={BAD.rule: 5})
    assert report.stopped
    assert report.checks[0].outcome == "errored"


def test_predicate_that_moves_more_than_the_rule_counted_stops():
    report = after_quarantine(suite_report(BAD), suite_report(PASSED), moved={BAD.rule: 8})
    assert report.stopped
    assert "moved 8 rows, the rule counted 7" in report.checks[0].observed


@pytest.mark.parametrize(
    ("bad", "of", "stops"),
    [
        (200, 1000, False),
        (201, 1000, True),
        (1, 5, False),
        (2, 5, True),
        (10, 10, True),
        (1, 4, False),
        (1, 2, False),
        (2, 4, True),
        (1, 1, True),
    ],
)
def test_too_many_bad_rows_stop_instead_of_moving(bad, of, stops):
    check = replace(BAD, unexpected_count=bad, evaluated_count=of)
    assert refuse_large_quarantine(suite_report(check)).stopped is stops


@pytest.mark.parametrize(("waiting", "of"), [(1, 1), (3, 4), (400, 1000)])
def test_rows_that_follow_their_enterprise_stop_nothing(waiting, of):
    check = replace(BAD, rule="unknown_enterprise", unexpected_count=waiting, evaluated_count=of)
    assert not refuse_large_quarantine(suite_report(check)).stopped


def test_enterprises_are_judged_before_what_points_to_them():
    assert suites_of("feeds")[0].name == "enterprises"


def test_artifact_of_a_clean_gate_is_short():
    text = tell(gate_report(PASSED))
    assert "passed" in text.splitlines()[0]
    assert "**May I rerun?** Yes" in text
    assert len(text.splitlines()) < 9


def test_artifact_shows_no_value_of_a_row_as_it_came():
    evil = replace(STOP, examples=({"name": "![x](http://evil)"},))
    errored = replace(STOP, outcome="errored", observed="<b>evil</b>", examples=())
    text = tell(gate_report(evil, errored), escape=lambda value: value.replace("evil", "harmless"))
    assert "- name = ![x](http://harmless)" in text
    assert "<b>harmless</b>" in text
    assert "evil" not in text


def test_artifact_answers_what_failed_how_many_rows_three_examples_may_i_rerun():
    text = tell(gate_report(PASSED, BAD, STOP))
    assert text.splitlines()[0] == "# Gate feeds: stopped"
    assert text.index("one_row_a_version") < text.index("amount_is_not_zero"), "what stops comes first"
    assert "7 of 1,000 rows, rows set aside" in text
    assert text.count("transaction_id = T") == 6
    assert "A transaction moves money" in text
    assert "May I rerun?** Yes, once the cause is mended" in text


def test_artifact_counts_findings_where_no_row_is_left():
    text = tell(gate_report(replace(STOP, unexpected_count=1, evaluated_count=0)))
    assert "1 finding, stopped the night" in text


def test_artifact_fits_on_one_screen():
    many = [replace(BAD, rule=f"rule_{i}") for i in range(40)]
    text = tell(gate_report(*many))
    assert "And 32 more rules" in text
    assert len(text.splitlines()) < 70


def test_artifact_says_what_could_not_be_evaluated():
    errored = replace(STOP, outcome="errored", observed="column x is gone", examples=())
    text = tell(gate_report(errored))
    assert "could not be evaluated" in text
    assert "column x is gone" in text


def test_refusal_names_rule_rows_and_what_to_do():
    line = gate_report(BAD, STOP, replace(STOP, rule="other")).refusal()
    assert line == (
        "gate feeds stopped: raw.transactions, rule one_row_a_version, 7 findings, such as "
        "transaction_id T0, amount 0.00 (and 1 more rule); "
        "the published scores stay; deliver a corrected file under the same name, then run again"
    )


def test_refusal_by_a_rule_of_single_rows_says_of_how_many():
    plain = replace(STOP, expectation="expect_column_values_to_be_between")
    assert "one_row_a_version, 7 of 1,000 rows, such as transaction_id T0, amount 0.00; " in (
        gate_report(plain).refusal()
    )


def test_warning_alone_does_not_stop():
    assert not gate_report(replace(BAD, severity="warn")).stopped
