"""Keep what is open on a model: findings until they are closed, and when its next review is due; no row ever goes."""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl

from warehouse import sql, watch
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.registry import ModelRecord
from warehouse.settings import settings

_OF_MODEL = "portfolio = $portfolio and model_family = $family and model_version = $version"

# as a night knew it: a finding that was closed later was open then
_DUE = """
with last_reviews as (
    select *
    from wh.ops.model_reviews
    where portfolio = $portfolio and reviewed_on <= $as_of_date
    qualify row_number() over (
        partition by model_family, model_version order by reviewed_on desc, recorded_at desc
    ) = 1
),

due as (
    select
        'finding' as measure, model_family, model_version, cast(finding as varchar) as subject, due_on,
        owner || ' was to settle it: ' || what as about
    from wh.ops.model_findings
    where
        portfolio = $portfolio and opened_on <= $as_of_date and due_on < $as_of_date
        and (closed_on is null or closed_on > $as_of_date)
    union all
    select
        'review' as measure, model_family, model_version, 'next review' as subject, next_on as due_on,
        'the last one was on ' || reviewed_on || ' by ' || reviewer as about
    from last_reviews
    where next_on < $as_of_date
)

select * from due
order by all
"""


def open_finding(
    con: duckdb.DuckDBPyConnection,
    model: ModelRecord,
    *,
    what: str,
    owner: str,
    opened_on: date,
    due_on: date,
    run_id: str,
) -> int:
    """Record a finding on a model and return its number in the portfolio.

    Raises:
        Refused: when it would be due before it was opened.
    """
    if due_on < opened_on:
        raise Refused(f"a finding of {opened_on} cannot be due on {due_on} already")
    with transaction(con):
        last = con.execute(
            "select max(finding) from wh.ops.model_findings where portfolio = ?", [model.portfolio]
        ).fetchone()
        number = 1 + int(last[0]) if last and last[0] else 1
        con.execute(
            "insert into wh.ops.model_findings by name select $portfolio as portfolio, $finding as finding, "
            "$family as model_family, $version as model_version, $what as what, $owner as owner, "
            "$opened_on as opened_on, $due_on as due_on, $run_id as opened_run_id, $now as recorded_at",
            {
                **_key(model), "finding": number, "what": what, "owner": owner, "opened_on": opened_on,
                "due_on": due_on, "run_id": run_id, "now": settings().local_now(),
            },
        )  # fmt: skip
    return number


def close_finding(
    con: duckdb.DuckDBPyConnection,
    *,
    portfolio: str,
    finding: int,
    closed_on: date,
    closed_by: str,
    closed_how: str,
    run_id: str,
) -> str:
    """Record who closed a finding, when and how, and return what it is about.

    Raises:
        Refused: when there is no such finding, it is closed already, or it was opened later.
    """
    key = {"portfolio": portfolio, "finding": finding}
    of_finding = "portfolio = $portfolio and finding = $finding"
    with transaction(con):
        row = con.execute(
            "select model_family || ' ' || model_version || ': ' || what, opened_on, closed_on, closed_by "
            f"from wh.ops.model_findings where {of_finding}",
            key,
        ).fetchone()
        if row is None:
            raise Refused(f"{portfolio} has no finding {finding}; ops.model_findings names them all")
        about, opened_on, closed_before, closer = row
        if closed_before is not None:
            raise Refused(f"finding {finding} of {portfolio} was closed on {closed_before} by {closer}")
        if closed_on < opened_on:
            raise Refused(
                f"finding {finding} of {portfolio} was opened on {opened_on}; it cannot close on {closed_on}"
            )
        con.execute(
            "update wh.ops.model_findings set closed_on = $closed_on, closed_by = $closed_by, "
            f"closed_how = $closed_how, closed_run_id = $run_id, recorded_at = $now where {of_finding}",
            {
                **key, "closed_on": closed_on, "closed_by": closed_by, "closed_how": closed_how, "run_id": run_id,
                "now": settings().local_now(),
            },
        )  # fmt: skip
    return str(about)


def record_review(
    con: duckdb.DuckDBPyConnection,
    model: ModelRecord,
    *,
    reviewed_on: date,
    reviewer: str,
    result: str,
    next_on: date,
    run_id: str,
) -> None:
    """Add a review of a model; it comes after every earlier one of its day, whatever the clock says.

    Raises:
        Refused: when the next review is not after it.
    """
    if next_on <= reviewed_on:
        raise Refused(f"the review after that of {reviewed_on} cannot be due on {next_on}")
    con.execute(
        "insert into wh.ops.model_reviews by name select $portfolio as portfolio, $family as model_family, "
        "$version as model_version, $reviewed_on as reviewed_on, $reviewer as reviewer, $result as result, "
        "$next_on as next_on, $run_id as run_id, greatest($now, "
        "(select max(recorded_at) + interval 1 microsecond from wh.ops.model_reviews)) as recorded_at",
        {
            **_key(model), "reviewed_on": reviewed_on, "reviewer": reviewer, "result": result, "next_on": next_on,
            "run_id": run_id, "now": settings().local_now(),
        },
    )  # fmt: skip


def due(con: duckdb.DuckDBPyConnection, night: Night) -> pl.DataFrame:
    """Return what a night finds overdue: open findings, and the next reviews of models that scored it.

    Returns:
        measure (finding or review), model_family, model_version, model_role on the night (unused: it scored nobody),
        subject, due_on and about.
    """
    scorers = watch.scorers(con, night)
    found = sql.frame(con, _DUE, night.key)
    models = found.select("model_family", "model_version").rows()
    told = found.with_columns(
        model_role=pl.Series([scorers.get(model, "unused") for model in models], dtype=pl.String)
    )
    return told.filter((pl.col("measure") == "finding") | (pl.col("model_role") != "unused"))


def of_model(con: duckdb.DuckDBPyConnection, model: ModelRecord) -> dict[str, pl.DataFrame]:
    """Return the findings on a model, the open ones first, and its reviews, the newest first."""
    return {
        "findings": sql.frame(
            con,
            "select finding, what, owner, opened_on, due_on, closed_on, closed_by, closed_how "
            f"from wh.ops.model_findings where {_OF_MODEL} order by closed_on desc nulls first, due_on, finding",
            _key(model),
        ),
        "reviews": sql.frame(
            con,
            f"select reviewed_on, reviewer, result, next_on from wh.ops.model_reviews where {_OF_MODEL} "
            "order by reviewed_on desc, recorded_at desc",
            _key(model),
        ),
    }


def _key(model: ModelRecord) -> dict[str, str]:
    return {"portfolio": model.portfolio, "family": model.model_family, "version": model.model_version}
