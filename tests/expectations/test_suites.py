"""Every suite passes on good rows, and every rule of it fails on rows made bad for it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from bad_rows import CASES
from small_portfolio import given

from expectations.runner import run_suite
from expectations.suite import suites
from warehouse import sql
from warehouse.intake.feeds import FEEDS

SUITES = suites(sql.declared_columns)
ALL = sorted(SUITES)


def seen_through(con, suite, select):
    """The suite on a view of its relation, so that the good rows stay as they are."""
    schema = suite.relation.split(".")[0]
    con.execute(
        f"create or replace view wh.{schema}.seen as {select.replace('{rows}', f'wh.{suite.relation}')}"
    )
    return replace(suite, relation=f"{schema}.seen")


@pytest.mark.parametrize("name", ALL)
def test_passes_on_good_rows(night, name):
    suite = SUITES[name]
    report = run_suite(suite, cursor=night.cursor, parameters=given())
    assert [(check.rule, check.observed) for check in report.checks if check.outcome != "passed"] == []
    assert [check.rule for check in report.checks] == [rule.name for rule in suite.rules]
    assert all(check.evaluated_count > 0 for check in report.checks)


def test_every_rule_has_rows_that_break_it():
    assert set(CASES) == {(suite.name, rule.name) for suite in SUITES.values() for rule in suite.rules}


@pytest.mark.parametrize(("name", "rule"), sorted(CASES))
def test_fails_on_bad_rows(night, name, rule):
    select, told = CASES[name, rule]
    suite = seen_through(night, SUITES[name], select)
    suite = replace(suite, rules=(suite.rule(rule),))
    parameters = given(**told)
    [check] = run_suite(suite, cursor=night.cursor, parameters=parameters).checks
    assert (check.rule, check.outcome) == (rule, "failed"), check.observed
    assert check.severity == suite.rule(rule).severity
    assert check.unexpected_count > 0
    assert 1 <= len(check.examples) <= 3
    if predicate := suite.rule(rule).quarantine_where:
        moved = night.execute(f"select count(*) from wh.{suite.relation} as raw_rows where {predicate}")
        assert moved.fetchone() == (check.unexpected_count,)


@pytest.mark.parametrize("name", ALL)
def test_each_named_column_deleted_in_turn_stops(night, name):
    suite = SUITES[name]
    for column in suite.columns:
        view = seen_through(night, suite, f"select * exclude ({column}) from {{rows}}")
        report = run_suite(view, cursor=night.cursor, parameters=given())
        assert report.stopped
        assert {check.outcome for check in report.checks} == {"errored"}
        assert column in report.checks[0].observed


def test_a_night_built_before_there_was_feat_delivered_still_passes(night):
    view = seen_through(night, SUITES["feat_delivered"], "select * from {rows} where false")
    assert not run_suite(view, cursor=night.cursor, parameters=given()).stopped
    readers = [
        file.relation for file in sql.catalogue("features") if "features.feat_delivered" in file.inputs
    ]
    assert len(readers) == 5  # a new night without it has no rows there, which stops it
    assert {SUITES[relation.split(".")[1]].when_empty for relation in readers} == {"stop"}


@pytest.mark.parametrize("name", [name for name in ALL if SUITES[name].gate == "feeds"])
def test_feeds_name_no_personal_column(name):
    private = {column.name for column in FEEDS[name].columns if column.pii or column.sensitive}
    assert not private & set(SUITES[name].columns)


def test_every_feed_and_feature_table_has_a_suite():
    tables = {file.relation for file in sql.catalogue("features")} - {"features.feat_sensitive"}
    wanted = {f"raw.{feed}" for feed in FEEDS} | tables | {"scores.incoming_scores"}
    assert {suite.relation for suite in SUITES.values()} == wanted


def named_in(rule, columns):
    """The columns that a rule names, one by one or by a pattern."""
    query = rule.kwargs.get("unexpected_rows_query", "")
    patterns = re.findall(r"columns\('([^']+)'\)", query)
    words = set(re.findall(r"\w+", query)) | {rule.column}
    return {name for name in columns if name in words or any(re.search(one, name) for one in patterns)}


# The columns of the wide table are judged in the tables that they come from.
@pytest.mark.parametrize(
    "name", [name for name in ALL if name.startswith("feat_") and name != "feat_enterprise"]
)
def test_every_count_and_share_of_a_feature_table_is_judged(name):
    judged = {word for rule in SUITES[name].rules for word in named_in(rule, SUITES[name].columns)}
    wanted = {
        column.name
        for column in sql.load(f"features.{name}").columns
        if column.unit in ("count", "count a day", "share", "index 0..1")
    }
    assert wanted - judged == set(), f"judge these columns in expectations/suites/{name}.json"
