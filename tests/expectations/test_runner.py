"""Nothing that was not evaluated is called passed, and no example shows what must stay hidden."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from small_portfolio import given

from expectations.engine import great_expectations
from expectations.runner import run_suite
from expectations.suite import Rule, SuiteError, parse, suites
from expectations.verdict import judge
from warehouse.gates import shown_of
from warehouse.intake.feeds import FEEDS


def in_sql(query, *, name="r", severity="warn"):
    return Rule(
        name=name,
        type="unexpected_rows_expectation",
        kwargs={"unexpected_rows_query": query},
        severity=severity,
        why="because",
    )


def result(rule, *, success=True, info=None, **found):
    config = SimpleNamespace(meta={"rule": rule})
    found = found or {"unexpected_count": 0}
    return SimpleNamespace(
        expectation_config=config, success=success, exception_info=info or {}, result=found
    )


@pytest.fixture
def one_rule():
    suite = suites()["legal_cases"]
    return replace(suite, rules=(in_sql("select case_id from {batch} where false"),))


class Cursor:
    """A cursor that remembers what it was asked."""

    def __init__(self, cursor, asked):
        self.cursor, self.asked = cursor, asked

    def execute(self, query, *args):
        self.asked.append(query)
        return self.cursor.execute(query, *args)

    def __getattr__(self, name):
        return getattr(self.cursor, name)


def test_a_rule_that_finds_nothing_is_asked_once_and_one_that_fails_again_for_its_rows(night, one_rule):
    passes = in_sql("select case_id from {batch} where case_id = 'nobody'", name="passes")
    fails = in_sql("select case_id from {batch} where case_id <> 'anybody'", name="fails")
    asked = []
    report = run_suite(
        replace(one_rule, rules=(passes, fails)),
        cursor=lambda: Cursor(night.cursor(), asked),
        parameters=given(),
    )
    times = {name: sum(name in query for query in asked) for name in ("nobody", "anybody")}
    assert times == {"nobody": 1, "anybody": 3}
    by_rule = {check.rule: check for check in report.checks}
    assert (by_rule["passes"].outcome, by_rule["passes"].examples) == ("passed", ())
    assert by_rule["fails"].unexpected_count == by_rule["fails"].evaluated_count > 0
    assert by_rule["fails"].examples


def test_rule_that_errors_stops_whatever_its_severity(night, one_rule):
    broken = replace(one_rule, rules=(in_sql("select nothing_like_it from {batch}"),))
    report = run_suite(broken, cursor=night.cursor, parameters=given())
    [check] = report.checks
    assert (check.outcome, check.severity, report.stopped) == ("errored", "stop", True)
    assert "nothing_like_it" in check.observed


def test_column_that_an_expectation_names_and_the_batch_lacks_errors(night, one_rule):
    rule = Rule("r", "expect_column_values_to_be_unique", {"column": "role_of_old"}, "warn", "because")
    report = run_suite(replace(one_rule, rules=(rule,)), cursor=night.cursor, parameters=given())
    assert [(check.outcome, check.severity) for check in report.checks] == [("errored", "stop")]


def test_rule_without_an_answer_errors(one_rule):
    assert [check.outcome for check in judge(one_rule, [], evaluated=5)] == ["errored"]


def test_rule_answered_twice_errors(one_rule):
    checks = judge(one_rule, [result("r"), result("r")], evaluated=5)
    assert [(check.outcome, check.severity) for check in checks] == [("errored", "stop")]


def test_answer_to_no_declared_rule_errors(one_rule):
    checks = judge(one_rule, [result("r", observed_value=0), result("other")], evaluated=5)
    assert [(check.rule, check.outcome) for check in checks] == [("r", "passed"), ("other", "errored")]


@pytest.mark.parametrize(
    "answer",
    [
        result("r", success=None),
        result("r", success="yes"),
        result("r", info={"raised_exception": True, "exception_message": "boom"}),
        result("r", info={"a metric": {"raised_exception": True, "exception_message": "boom"}}),
        SimpleNamespace(
            expectation_config=SimpleNamespace(meta={"rule": "r"}), success=True, exception_info={}, result={}
        ),
    ],
    ids=["no verdict", "not a verdict", "raised", "raised in a metric", "empty"],
)
def test_success_counts_only_with_evidence(one_rule, answer):
    [check] = judge(one_rule, [answer], evaluated=5)
    assert (check.outcome, check.severity) == ("errored", "stop")


def test_relation_that_is_not_there_stops(night, one_rule):
    report = run_suite(replace(one_rule, relation="raw.nowhere"), cursor=night.cursor, parameters=given())
    assert report.stopped
    assert {check.outcome for check in report.checks} == {"errored"}


def test_feed_without_new_rows_is_not_judged_and_not_passed(night):
    report = run_suite("transactions", cursor=night.cursor, parameters=given(loads=[]))
    assert {check.outcome for check in report.checks} == {"not_applicable"}
    assert not report.stopped


@pytest.mark.parametrize("name", [name for name in suites() if suites()[name].gate == "feeds"])
def test_files_without_a_row_left_are_judged_by_the_ledger_alone(night, name):
    report = run_suite(name, cursor=night.cursor, parameters=given(loads=["spoilt"]))
    of_files = {rule.name for rule in suites()[name].rules if rule.of_files}
    # scenarios are decided anew as a whole: a set that replaces another is no sign of a key used again
    assert of_files == {"quarantine_is_small"} | ({"restatements_are_few"} if name != "scenarios" else set())
    assert [check.rule for check in report.checks] == [rule.name for rule in suites()[name].rules]
    assert {check.rule for check in report.checks if check.outcome == "failed"} == of_files
    assert {check.outcome for check in report.checks if check.rule not in of_files} == {"not_applicable"}
    assert report.stopped


def test_suite_of_every_column_runs_only_where_they_are_known(night):
    with pytest.raises(SuiteError, match=r"feat_legal: give the columns of features\.feat_legal"):
        run_suite("feat_legal", cursor=night.cursor, parameters=given())


def test_feature_table_without_rows_stops(night):
    report = run_suite("feat_profile", cursor=night.cursor, parameters=given(portfolio="nobody's"))
    assert report.stopped
    assert report.checks[0].rule == "rows_are_there"
    assert {check.outcome for check in report.checks[1:]} == {"not_applicable"}


def test_labels_that_were_never_built_are_no_fault(night):
    suite = replace(suites()["feat_label"], relation="features.never_built")
    report = run_suite(suite, cursor=night.cursor, parameters=given())
    assert {check.outcome for check in report.checks} == {"not_applicable"}


def test_examples_show_no_personal_or_sensitive_column(night):
    suite = suites()["enterprises"]
    everything = (
        "select enterprise_id, legal_name, tax_number, phone, address, representative_gender from {batch}"
    )
    private = FEEDS["enterprises"].hidden
    suite = replace(
        suite,
        columns=(*suite.columns, *sorted(private)),
        rules=(
            in_sql(everything),
            Rule("q", "expect_column_values_to_be_null", {"column": "phone"}, "warn", "because"),
        ),
    )
    report = run_suite(suite, cursor=night.cursor, parameters=given(), show=shown_of("raw.enterprises"))
    assert [check.outcome for check in report.checks] == ["failed", "failed"]
    assert all(
        set(example) <= {"enterprise_id", "valid_from"} for c in report.checks for example in c.examples
    )
    shown = json.dumps([dict(example) for check in report.checks for example in check.examples])
    assert "E1" in shown or "E2" in shown or "E3" in shown
    assert not any(word in shown for word in ("Secret", "TAX", "+49"))


def test_values_reach_sql_bound_not_formatted(night):
    report = run_suite("legal_cases", cursor=night.cursor, parameters=given(portfolio="p' or true --"))
    assert {check.evaluated_count for check in report.checks} == {0}
    assert {
        check.outcome for check in report.checks if not suites()["legal_cases"].rule(check.rule).of_files
    } == {"not_applicable"}


def test_import_is_announced_once(night, caplog):
    great_expectations()
    with caplog.at_level("INFO", logger="nightledger"):
        great_expectations()
    assert caplog.records == []


def declared(**meta):
    rule = {"rule": "r", "severity": "stop", "why": "because"} | meta
    return json.dumps(
        {
            "name": "s",
            "relation": "features.feat_x",
            "rows": "true",
            "key": ["a"],
            "columns": ["a"],
            "when_empty": "stop",
            "expectations": [
                {"type": "t", "kwargs": {}, "meta": {k: v for k, v in rule.items() if v is not None}}
            ],
        }
    )


def test_suite_of_every_column_takes_them_from_the_head():
    text = declared().replace('["a"], "when_empty"', '"every column of the head", "when_empty"')
    heads = {"features.feat_x": ("a", "b")}
    assert parse(text, where="s.json", columns_of=heads.__getitem__).columns == ("a", "b")
    assert parse(text, where="s.json").columns == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (declared(severity="loud"), "severity must be one of"),
        (declared(severity=None), "severity must be one of"),
        (declared(why=None), "needs meta.rule and meta.why"),
        (declared(rule=None), "needs meta.rule and meta.why"),
        (declared(severity="quarantine"), "belongs to severity quarantine"),
        (declared(quarantine_where="true"), "belongs to severity quarantine"),
        (declared(severity="quarantine", quarantine_where="true"), "only rows of a feed"),
        (declared().replace("features.feat_x", "marts.x"), "no gate stands before"),
        (declared().replace('"key": ["a"]', '"key": ["b"]'), "missing in columns"),
        (
            declared().replace('["a"], "when_empty"', '"all", "when_empty"'),
            "columns must be a list or 'every",
        ),
        (declared().replace('"when_empty": "stop"', '"when_empty": "maybe"'), "when_empty must be"),
    ],
)
def test_suite_file_that_does_not_say_enough_is_refused(text, told):
    with pytest.raises(SuiteError, match=told):
        parse(text, where="s.json")
