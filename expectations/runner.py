"""Run one suite and give a verdict on every rule that it declares."""

from __future__ import annotations

from dataclasses import replace

from expectations.engine import (
    CursorFactory,
    Parameters,
    columns_present,
    evaluate,
    open_batch,
    rows_of,
    with_parameters,
)
from expectations.results import Check, SuiteResult
from expectations.suite import Suite, SuiteError, suites
from expectations.verdict import Show, all_alike, check, judge


def run_suite(
    suite: Suite | str,
    *,
    cursor: CursorFactory,
    parameters: Parameters,
    show: Show = lambda _, text: text,
) -> SuiteResult:
    """Return one verdict for every rule of the suite, evaluated on the rows that the suite selects.

    A relation that does not exist or lacks a column that the suite names is not evaluated: every rule is errored,
    and the runner's own rule says which column is missing. If there are no rows, the rules are not applicable, or
    the night stops where the suite says so; they never count as passed. Only the rules of files are still judged
    where files were delivered.

    Args:
        suite: the suite or its name.
        cursor: yields a new cursor of a DuckDB connection on which the warehouse is attached as ``wh``.
        parameters: what ``getvariable`` means in the suite's SQL.
        show: what an example shows of a column's value; the caller knows what is personal.

    Raises:
        SuiteError: if the suite's file is wrong, or it reads every column and was read without knowing them.
    """
    suite = suites()[suite] if isinstance(suite, str) else suite
    if not suite.columns:
        raise SuiteError(
            f"{suite.name}: give the columns of {suite.relation}, the suite reads every one of them"
        )
    con = with_parameters(cursor, parameters)
    try:
        present = columns_present(con, suite)
        if not present and suite.when_empty == "optional":
            return SuiteResult(
                suite.name, suite.relation, all_alike(suite, "not_applicable", "not built yet")
            )
        if missing := tuple(column for column in suite.columns if column not in present):
            observed = f"missing in wh.{suite.relation}: {', '.join(missing)}"
            columns_missing = check(suite, None, "errored", observed=observed, name="columns_are_there")
            return SuiteResult(
                suite.name, suite.relation, (columns_missing, *all_alike(suite, "errored", observed))
            )
        query = rows_of(suite)
        evaluated: int = con.execute(f"select count(*) from ({query})").fetchone()[0]
    finally:
        con.close()
    if evaluated:
        checks = _judge_rules(suite, query, cursor, parameters, evaluated=evaluated, show=show)
    elif suite.when_empty == "stop":
        rows_missing = check(suite, None, "failed", observed="0 rows", name="rows_are_there")
        checks = (rows_missing, *all_alike(suite, "not_applicable", "no rows"))
    else:
        checks = all_alike(suite, "not_applicable", "no rows to judge")
        of_files = replace(suite, rules=tuple(rule for rule in suite.rules if rule.of_files))
        if of_files.rules and parameters.get("loads"):
            verdicts = _judge_rules(of_files, query, cursor, parameters, evaluated=0, show=show)
            by_rule = {verdict.rule: verdict for verdict in (*checks, *verdicts)}
            checks = tuple(by_rule.values())
    return SuiteResult(suite.name, suite.relation, checks)


def _judge_rules(
    suite: Suite,
    query: str,
    cursor: CursorFactory,
    parameters: Parameters,
    *,
    evaluated: int,
    show: Show,
) -> tuple[Check, ...]:
    with open_batch(query, cursor=cursor, parameters=parameters) as batch:
        results = evaluate(batch, suite)
    return judge(suite, results, evaluated=evaluated, show=show)
