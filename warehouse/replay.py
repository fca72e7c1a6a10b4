"""Compare the stored scores of a run and their contributions with those it would give now; nothing is changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from warehouse import contributions, older_nights, scores, sql, statuses
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.publishing import manifest
from warehouse.run_inputs import RunInput
from warehouse.sql import quoted

KEY = ("enterprise_id", "model_role", "model_family", "model_version")
NUMBERS = ("pd_raw", "pd", "pd_lower", "pd_upper", "base_value", "score_points")
WORDS = ("coverage", "score_status", "grade", "reason_1", "reason_2", "reason_3", "reason_4", "scored_as_of")
TOLERANCE = 1e-12

_SCORES = f"""
select {", ".join((*KEY, *NUMBERS, *WORDS))} from wh.scores.{{}}
where portfolio = $portfolio and as_of_date = $as_of_date and run_id = $run_id
"""


# a role is no part of a contribution: a model that was promoted since says the same
_CONTRIBUTIONS = f"""
with stored as (
    select enterprise_id, model_family, model_version, feature, contribution
    from {{source}}
    where run_id = $run_id
),

recomputed as (
    select enterprise_id, model_family, model_version, feature, contribution
    from wh.scores.incoming_contributions
    where portfolio = $portfolio and as_of_date = $as_of_date
),

models as (
    select distinct model_family, model_version from stored
    intersect
    select distinct model_family, model_version from recomputed
),

paired as (
    select
        s.contribution as contribution_then,
        r.contribution as contribution_now,
        m.model_family is not null as is_same_model,
        abs(r.contribution - s.contribution) as difference,
        coalesce(difference <= {TOLERANCE} * greatest(1, abs(s.contribution)), false) as is_close
    from stored as s
    full join recomputed as r
        on s.enterprise_id = r.enterprise_id and s.model_family = r.model_family
        and s.model_version = r.model_version and s.feature = r.feature
    left join models as m
        on coalesce(s.model_family, r.model_family) = m.model_family
        and coalesce(s.model_version, r.model_version) = m.model_version
)

select
    count(*) filter (contribution_then = contribution_now) as identical,
    count(*) filter (contribution_then <> contribution_now and is_close) as close,
    count(*) filter (difference is not null and not is_close) as different,
    count(*) filter (contribution_now is null) as only_then,
    count(*) filter (contribution_then is null) as only_now,
    coalesce(max(difference), 0) as largest,
    count(*) filter (is_same_model and not is_close) as of_same_models
from paired
"""


class Comparison(NamedTuple):
    """Numbers of rows that agree to the bit, to 1e-12 or not, or are in one run only, and the largest difference.

    The difference is one of PDs, or of contributions.
    """

    identical: int
    close: int
    different: int
    only_then: int
    only_now: int
    largest: float

    @property
    def reproduced(self) -> bool:
        """True if both runs have the same rows and all agree to 1e-12."""
        return not (self.different or self.only_then or self.only_now)


@dataclass(frozen=True)
class Current:
    """What a run would store now: its scores, and how their contributions compare with those that it stored.

    `unexplained` counts the contributions that differ although the same model told them in both runs.
    """

    scores: pl.DataFrame
    contributions: Comparison
    unexplained: int


@dataclass(frozen=True)
class Causes:
    """What has changed between two runs: feature relations, models, their roles and who leads a class, the code."""

    data: tuple[str, ...]
    model: tuple[str, ...]
    code: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return one line for each kind of cause that there is."""
        by_kind = (("data", self.data), ("model", self.model), ("code", self.code))
        return [f"{kind}: {', '.join(changes)}" for kind, changes in by_kind if changes]


def stored_scores(con: duckdb.DuckDBPyConnection, night: Night) -> pl.DataFrame:
    """Return the stored scores of a night, as its run wrote them.

    Raises:
        Refused: when another run has replaced them, or they were never written.
    """
    frame = sql.frame(con, _SCORES.format("portfolio_scores"), night._asdict())
    if frame.is_empty():
        row = con.execute(
            "select max(run_id) from wh.scores.portfolio_scores "
            "where portfolio = $portfolio and as_of_date = $as_of_date",
            night.key,
        ).fetchone()
        other = f"; the stored ones are of {row[0]}, replay that run" if row and row[0] else ""
        raise Refused(
            f"run {night.run_id} has no stored scores of {night.portfolio} on {night.as_of_date}{other}"
        )
    return frame


def current(
    con: duckdb.DuckDBPyConnection,
    parts: Sequence[tuple[Path, Path | None]],
    night: Night,
    *,
    past_run_id: str,
    stale_days: int,
) -> Current:
    """Return what a night would store from these parts; it is staged, read and rolled back.

    The contributions of a night that was moved to Parquet are read from there.

    Args:
        con: a writer's cursor outside any transaction.
        parts: the files of scores, and of contributions where a model of the part tells them.
        night: the night, and the run that scored it again.
        past_run_id: the run that stored its scores.
        stale_days: the greatest age of a score that is kept.

    Raises:
        Refused: when the Parquet file is damaged or missing.
    """
    source = _stored_contributions(con, night)
    con.execute("begin transaction")
    try:
        scores.stage_scores(con, [part[0] for part in parts], night)
        contributions.stage_contributions(con, [part[1] for part in parts if part[1] is not None], night)
        statuses.settle(con, night, stale_days=stale_days)
        compared = sql.frame(con, _CONTRIBUTIONS.format(source=source), {**night.key, "run_id": past_run_id})
        *counts, unexplained = compared.row(0)
        now = sql.frame(con, _SCORES.format("incoming_scores"), night._asdict())
        return Current(now, Comparison(*counts), unexplained)
    finally:
        con.execute("rollback")


def _stored_contributions(con: duckdb.DuckDBPyConnection, night: Night) -> str:
    """Return where the stored contributions of a night are, as SQL reads them."""
    if older_nights.are_older(con, older_nights.CONTRIBUTIONS, night):
        older = older_nights.of_relation(con, older_nights.CONTRIBUTIONS)[night.portfolio, night.as_of_date]
        if fault := older.fault(manifest.state_of(older.file)):
            raise Refused(fault)
        return older.source
    day = f"date '{night.as_of_date}'"
    return f"(from wh.{older_nights.CONTRIBUTIONS} where portfolio = {quoted(night.portfolio)} and as_of_date = {day})"


def compare(then: pl.DataFrame, now: pl.DataFrame) -> Comparison:
    """Compare the rows of two runs by borrower, role, family and version."""
    both = then.with_columns(present=True).join(
        now.with_columns(present=True), on=list(KEY), how="full", nulls_equal=True, suffix="_now"
    )
    shared = both.filter(pl.col("present") & pl.col("present_now"))
    equal = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_now")) for name in (*NUMBERS, *WORDS))
    words = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_now")) for name in WORDS)
    near = pl.all_horizontal(
        pl.col(name).eq_missing(pl.col(f"{name}_now"))
        | (
            (pl.col(name) - pl.col(f"{name}_now")).abs()
            <= TOLERANCE * pl.max_horizontal(pl.lit(1.0), pl.col(name).abs())
        ).fill_null(value=False)
        for name in NUMBERS
    )
    counts = shared.select(
        identical=equal.sum(),
        near=(words & near).sum(),
        largest=(pl.col("pd") - pl.col("pd_now")).abs().max(),
    ).row(0, named=True)
    return Comparison(
        identical=counts["identical"],
        close=counts["near"] - counts["identical"],
        different=shared.height - counts["near"],
        only_then=both.filter(pl.col("present_now").is_null()).height,
        only_now=both.filter(pl.col("present").is_null()).height,
        largest=counts["largest"] or 0.0,
    )


def causes(
    then: Collection[RunInput], now: Collection[RunInput], *, code_then: str | None, code_now: str
) -> Causes:
    """Return the inputs of a run that have changed since; only they can explain a difference.

    Raises:
        Refused: when the run stored no inputs, or its fingerprints come from another version of DuckDB.
    """
    if not then:
        raise Refused(
            "the run is of a version that stored no fingerprints, so that a difference has no cause"
        )
    inputs_then = {(run_input.kind, run_input.name): run_input for run_input in then}
    inputs_now = {(run_input.kind, run_input.name): run_input for run_input in now}
    data, model = [], []
    for kind, name in sorted({*inputs_then, *inputs_now}):
        before, after = inputs_then.get((kind, name)), inputs_now.get((kind, name))
        if before == after:
            continue
        if kind == "features":
            _check_comparable(before, after)
            data.append(f"{name} ({_rows(before)} rows then, {_rows(after)} now)")
        elif kind == "leader":
            model.append(f"{name} files ({_leader(before)} then, {_leader(after)} now)")
        elif before is None or after is None or before.role != after.role:
            model.append(f"{name} ({_role(before)} then, {_role(after)} now)")
        else:
            model.append(f"{name} (another file)")
    code = () if code_then == code_now else (f"{code_then} then, {code_now} now",)
    return Causes(tuple(data), tuple(model), code)


def explained(changes: Causes, then: pl.DataFrame, now: Current) -> bool:
    """Return True if the changes can account for the difference.

    Changed data or code may change any score. Changed models may not change the scores of the same model, nor their
    contributions: if nothing else changed, the rows of models that both runs used must agree.
    """
    if changes.data or changes.code:
        return True
    if not changes.model or now.unexplained:
        return False
    key = ["enterprise_id", "model_family", "model_version"]
    fresh = pl.col("score_status") == "fresh"
    both = then.filter(fresh).join(now.scores.filter(fresh), on=key, suffix="_now")
    return bool(both.select(((pl.col("pd") - pl.col("pd_now")).abs() <= TOLERANCE).all()).item())


def _check_comparable(before: RunInput | None, after: RunInput | None) -> None:
    versions = {
        run_input.fingerprint.split(":")[0]
        for run_input in (before, after)
        if run_input and ":" in run_input.fingerprint
    }
    if len(versions) > 1:
        raise Refused(
            f"fingerprints of DuckDB {' and '.join(sorted(versions))} cannot be compared, so that nobody can say "
            "whether the data changed; replay with the version of then"
        )


def _rows(relation: RunInput | None) -> str:
    return "no" if relation is None else f"{relation.rows:,}"


def _role(model: RunInput | None) -> str:
    return "not asked" if model is None else str(model.role)


def _leader(choice: RunInput | None) -> str:
    return "no choice" if choice is None else f"{choice.fingerprint} chosen"
