"""Read the rows of older nights, which lie in Parquet files of the home, and bring them back into the warehouse.

`ops.older_nights` names each file, one a relation and night. `warehouse.retention` moves rows there; rows that the
warehouse itself holds are always the ones that count (docs/decisions/0082).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

import duckdb

from warehouse import buckets
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.publishing import manifest
from warehouse.publishing.manifest import FileState
from warehouse.settings import settings
from warehouse.sql import quoted

FOLDER = "older"
COVERAGE = "features.feat_coverage"
CONTRIBUTIONS = "scores.contributions"
CHANGES = "scores.score_changes"
CURVES = "scores.pd_curves"
SCENARIO_CURVES = "scores.scenario_curves"

_MEASURED_BEFORE = (
    "select max(as_of_date) from wh.scores.impairment_parameters "
    "where portfolio = $portfolio and as_of_date < $as_of_date"
)


@dataclass(frozen=True)
class OlderNight:
    """The file that holds the rows of one relation and night: its path below the home, and what it is to the byte."""

    relation: str
    portfolio: str
    as_of_date: date
    path: str
    rows: int
    bytes: int
    sha256: str
    stamp: str | None

    @property
    def file(self) -> Path:
        """The file."""
        return settings().home / self.path

    @property
    def source(self) -> str:
        """The file as SQL reads it: without portfolio and as_of_date, which only its folders name."""
        return parquet(self.file)

    def fault(self, state: FileState | None) -> str:
        """Return what is wrong with a file that should be this one, and what to do; empty if nothing is."""
        fault = FileState(bytes=self.bytes, sha256=self.sha256).fault(state)
        if not fault:
            return ""
        fault = fault.replace("the manifest", "ops.older_nights")
        return f"{self.file} {fault}; bring it back from a backup"


def parquet(file: Path) -> str:
    """Return a Parquet file as SQL reads it, without the columns that its folders name."""
    return f"read_parquet({quoted(file)}, hive_partitioning = false)"


def of_relation(con: duckdb.DuckDBPyConnection, relation: str) -> dict[tuple[str, date], OlderNight]:
    """Return the older nights of one relation by portfolio and date."""
    return {(older.portfolio, older.as_of_date): older for older in every(con, "relation = ?", [relation])}


def every(
    con: duckdb.DuckDBPyConnection, condition: str = "true", parameters: Collection[object] = ()
) -> list[OlderNight]:
    """Return the older nights of which a condition holds, in order."""
    names = ", ".join(field.name for field in fields(OlderNight))
    rows = con.execute(
        f"select {names} from wh.ops.older_nights where {condition} order by relation, portfolio, as_of_date",
        list(parameters),
    ).fetchall()
    return [OlderNight(*row) for row in rows]


def stamps(older: Mapping[tuple[str, date], OlderNight]) -> dict[tuple[str, date], str]:
    """Return the stamps that a publish compares, by portfolio and date."""
    return {night: found.stamp for night, found in older.items() if found.stamp is not None}


def copy(older: OlderNight, target: Path) -> str:
    """Copy the file of an older night; return what is wrong with it, empty if it was copied."""
    fault = older.fault(manifest.copied(older.file, target))
    if fault:
        target.unlink(missing_ok=True)
    return fault


def bring_back(con: duckdb.DuckDBPyConnection, older: Collection[OlderNight]) -> int:
    """Put the rows of older nights back into the warehouse and return how many; rows that are there already stay.

    The files lie there until the next `retain`, which removes what `ops.older_nights` does not name.

    Args:
        con: a writer's cursor inside a transaction.
        older: the nights.

    Raises:
        Refused: when a file is damaged or missing; then nothing is brought back.
    """
    rows = 0
    for night in older:
        if fault := night.fault(manifest.state_of(night.file)):
            raise Refused(fault)
        key = {"portfolio": night.portfolio, "as_of_date": night.as_of_date}
        partition = "portfolio = $portfolio and as_of_date = $as_of_date"
        if (
            con.execute(f"select 1 from wh.{night.relation} where {partition} limit 1", key).fetchone()
            is None
        ):
            con.execute(
                f"insert into wh.{night.relation} by name select $portfolio as portfolio, "
                f"cast($as_of_date as date) as as_of_date, * from {night.source}",
                key,
            )
            rows += night.rows
            if night.relation in buckets.relations():
                buckets.fill(con, night.relation)
        con.execute(
            f"delete from wh.ops.older_nights where relation = $relation and {partition}",
            {**key, "relation": night.relation},
        )
    return rows


def bring_back_contributions(
    con: duckdb.DuckDBPyConnection, *, portfolio: str, dates: Collection[date]
) -> int:
    """Put the contributions of some nights back, of those that are older, and return how many rows."""
    return bring_back(
        con,
        every(
            con,
            "relation = ? and portfolio = ? and list_contains(?, as_of_date)",
            [CONTRIBUTIONS, portfolio, list(dates)],
        ),
    )


def bring_back_scored(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Put back what a run that scores a night replaces: contributions, curves, comparisons that it is part of.

    The curves of the night before come back too: the walk of the allowance begins at them.
    """
    bring_back_contributions(con, portfolio=night.portfolio, dates=[night.as_of_date])
    (before,) = con.execute(_MEASURED_BEFORE, night.key).fetchone() or (None,)
    curves = [night.portfolio, [CURVES, SCENARIO_CURVES], [night.as_of_date, before]]
    bring_back(
        con,
        every(con, "portfolio = ? and list_contains(?, relation) and list_contains(?, as_of_date)", curves),
    )
    later = every(
        con,
        "relation = ? and portfolio = ? and as_of_date >= ?",
        [CHANGES, night.portfolio, night.as_of_date],
    )
    bring_back(
        con,
        [older for older in later if older.as_of_date == night.as_of_date or _compares(con, older, night)],
    )


def why_gone(con: duckdb.DuckDBPyConnection, night: Night) -> str:
    """Return where the features of a night are that the warehouse does not hold, and the command that brings them."""
    portfolio, as_of_date, _ = night
    row = con.execute(
        "select moved_at from wh.ops.older_nights where relation = ? and portfolio = ? and as_of_date = ?",
        [COVERAGE, portfolio, as_of_date],
    ).fetchone()
    if row is None:
        return (
            f"the features of {portfolio} as of {as_of_date} are not there; build them again: "
            f"python -m flows features --portfolio {portfolio} --as-of {as_of_date}"
        )
    return in_parquet(portfolio, as_of_date, what="features")


def in_parquet(portfolio: str, as_of_date: date, *, what: str) -> str:
    """Return that something of a night is in Parquet, and the command that puts the night back."""
    return (
        f"the {what} of {portfolio} as of {as_of_date} are in Parquet ({settings().home / FOLDER}); "
        f"put the night back: python -m flows retain --portfolio {portfolio} --bring-back {as_of_date}"
    )


def are_older(con: duckdb.DuckDBPyConnection, relation: str, night: Night) -> bool:
    """Return True if the rows of a night lie in Parquet and not in the warehouse."""
    key = [night.portfolio, night.as_of_date]
    moved = every(con, "relation = ? and portfolio = ? and as_of_date = ?", [relation, *key])
    return bool(moved) and (
        con.execute(
            f"select 1 from wh.{relation} where portfolio = ? and as_of_date = ? limit 1", key
        ).fetchone()
        is None
    )


def _compares(con: duckdb.DuckDBPyConnection, older: OlderNight, night: Night) -> bool:
    """Return True if the comparisons of a later night have this one as the earlier."""
    try:
        found = con.execute(
            f"select 1 from {older.source} where against_date = ? limit 1",
            [night.as_of_date],
        ).fetchone()
    except duckdb.Error as error:
        fault = older.fault(manifest.state_of(older.file))
        raise Refused(fault or str(error).split("\n", 1)[0]) from error
    return found is not None
