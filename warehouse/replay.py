"""Compare the stored scores of a run with those it would give now; nothing stored is changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from warehouse import scores, sql, statuses
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.run_inputs import RunInput

KEY = ("enterprise_id", "model_role", "model_family", "model_version")
NUMBERS = ("pd_raw", "pd", "base_value", "score_points")
WORDS = ("coverage", "score_status", "grade", "reason_1", "reason_2", "reason_3", "reason_4", "scored_as_of")
TOLERANCE = 1e-12

_SCORES = f"""
select {", ".join((*KEY, *NUMBERS, *WORDS))} from wh.scores.{{}}
where portfolio = $portfolio and as_of_date = $as_of_date and run_id = $run_id
"""


class Comparison(NamedTuple):
    """Numbers of rows that agree to the bit, to 1e-12 or not, or are in one run only, and the largest PD difference."""

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
class Causes:
    """What has changed between two runs: feature relations, models and their roles, the code."""

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


def current_scores(
    con: duckdb.DuckDBPyConnection, parquet_paths: Sequence[str | Path], night: Night, *, stale_days: int
) -> pl.DataFrame:
    """Return the scores that a night would store from these parts; they are staged, read and rolled back."""
    con.execute("begin transaction")
    try:
        scores.stage_scores(con, parquet_paths, night)
        statuses.settle(con, night, stale_days=stale_days)
        return sql.frame(con, _SCORES.format("incoming_scores"), night._asdict())
    finally:
        con.execute("rollback")


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
        elif before is None or after is None or before.role != after.role:
            model.append(f"{name} ({_role(before)} then, {_role(after)} now)")
        else:
            model.append(f"{name} (another file)")
    code = () if code_then == code_now else (f"{code_then} then, {code_now} now",)
    return Causes(tuple(data), tuple(model), code)


def explained(changes: Causes, then: pl.DataFrame, now: pl.DataFrame) -> bool:
    """Return True if the changes can account for the difference.

    Changed data or code may change any score. Changed models may not change the scores of the same model: if nothing
    else changed, the rows of models that both runs used must agree.
    """
    if changes.data or changes.code:
        return True
    if not changes.model:
        return False
    key = ["enterprise_id", "model_family", "model_version"]
    fresh = pl.col("score_status") == "fresh"
    both = then.filter(fresh).join(now.filter(fresh), on=key, suffix="_now")
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
