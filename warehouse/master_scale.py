"""Read the master scale from ops.master_scale, and create the macros that apply it in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import duckdb

from warehouse.errors import Refused
from warehouse.sql import quoted


class Grade(NamedTuple):
    """One grade of the scale; the last one has no upper bound."""

    notch: int
    grade: str
    pd_below: float | None
    points_to_double: float
    base_points: float
    base_odds: float


def grades(con: duckdb.DuckDBPyConnection) -> tuple[Grade, ...]:
    """Return the grades of this warehouse, best first."""
    rows = con.execute(
        f"select {', '.join(Grade._fields)} from wh.ops.master_scale order by notch"
    ).fetchall()
    return tuple(Grade(*row) for row in rows)


def as_settings(scale: tuple[Grade, ...]) -> dict[str, Any]:
    """Return the scale as settings of a model's scale: bounds, grades, points_to_double, base_points, base_odds."""
    return {
        "bounds": [grade.pd_below for grade in scale[:-1]],
        "grades": [grade.grade for grade in scale],
        "points_to_double": scale[0].points_to_double,
        "base_points": scale[0].base_points,
        "base_odds": scale[0].base_odds,
    }


def check(con: duckdb.DuckDBPyConnection, carried: Mapping[str, Any], *, model: str) -> None:
    """Refuse a model with another scale than this warehouse: a grade means the same in every night and family.

    Raises:
        Refused: naming what differs.
    """
    stored = as_settings(grades(con))
    in_model = {name: list(value) if isinstance(value, tuple) else value for name, value in carried.items()}
    differ = sorted(name for name in {*stored, *in_model} if stored.get(name) != in_model.get(name))
    if differ:
        raise Refused(
            f"{model} carries another master scale than ops.master_scale ({', '.join(differ)} differ): grades "
            "would not mean the same; train it on this scale, or change the scale by a migration"
        )


def create_macros(con: duckdb.DuckDBPyConnection, database: str = "wh") -> None:
    """Create or renew marts.grade_of(pd), marts.points_of(pd) and marts.notch_of(grade) in a catalogue.

    Null stays null; a pd that is not strictly between 0 and 1 is an error, as in models.master_scale.

    Args:
        con: a cursor that has `wh` attached.
        database: the attached catalogue that gets the macros.
    """
    scale = grades(con)
    pd = "cast(pd as double)"
    checked = (
        f"case when pd is null then null when not ({pd} > 0 and {pd} < 1) "
        "then error('a PD is not strictly between 0 and 1')"
    )
    steps = " ".join(
        f"when {pd} < {_number(grade.pd_below)} then {quoted(grade.grade)}"
        for grade in scale
        if grade.pd_below is not None
    )
    _create(con, f"{database}.marts.grade_of(pd)", f"{checked} {steps} else {quoted(scale[-1].grade)} end")
    factor = f"({_number(scale[0].points_to_double)} / ln(2e0))"
    odds = f"(ln(1e0 - {pd}) - ln({pd}) - ln({_number(scale[0].base_odds)}))"
    points = f"{_number(scale[0].base_points)} + {factor} * {odds}"
    _create(con, f"{database}.marts.points_of(pd)", f"{checked} else {points} end")
    names = ", ".join(quoted(grade.grade) for grade in scale)
    _create(con, f"{database}.marts.notch_of(grade)", f"list_position([{names}], grade)")


def _create(con: duckdb.DuckDBPyConnection, signature: str, body: str) -> None:
    con.execute(f"create or replace macro {signature} as {body}")


def _number(value: float) -> str:
    # with an exponent DuckDB reads a double; without one, a decimal
    return f"{value!r}e0"
