"""Describe the columns a model was fitted on, in order and by kind, with a hash that changes when they do."""

from __future__ import annotations

import hashlib
import json
from typing import Literal, NamedTuple

import polars as pl

from models.errors import SchemaMismatchError

Kind = Literal["number", "flag", "category"]


class Column(NamedTuple):
    """One feature: its name and the kind of values it holds."""

    name: str
    kind: Kind


Schema = tuple[Column, ...]


def kind_of(dtype: pl.DataType) -> Kind | None:
    """Return how a column enters a model, or None if it cannot (dates, lists, structs).

    Integers, floats and decimals are one kind, so that a build that widens an integer does not
    invalidate a model that reads the same numbers.
    """
    if dtype == pl.Boolean:
        return "flag"
    if dtype.is_numeric():
        return "number"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "category"
    return None


def schema_of(frame: pl.DataFrame, names: list[str] | None = None) -> Schema:
    """Return name and kind of the given columns (default: every usable column), in the given order."""
    columns = []
    types = frame.schema
    for name in types if names is None else names:
        kind = kind_of(types[name])
        if kind is not None:
            columns.append(Column(name, kind))
        elif names is not None and types[name] != pl.Null:
            raise SchemaMismatchError(
                f"column {name} is {types[name]}: a model takes numbers, flags and text"
            )
    return tuple(columns)


def schema_hash(schema: Schema) -> str:
    """Return the SHA-256 over ordered names and kinds, the same on every machine.

    Examples
    --------
    >>> schema_hash((Column("gap_std_days_90d", "number"),))[:12]
    '3db009a29bce'
    """
    text = json.dumps([list(column) for column in schema], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def conform(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Return exactly the columns of the schema in its order; refuse and name the columns that differ.

    Columns that the model does not know are ignored. A column of nulls without a type counts as missing values
    of the right kind.

    Raises
    ------
    SchemaMismatchError
        A column of the schema is missing or of another kind.
    """
    types = frame.schema
    missing = [column.name for column in schema if column.name not in types]
    if missing:
        raise SchemaMismatchError(
            f"{len(missing)} columns the model was trained on are missing: {', '.join(missing[:5])}"
            f"{' ...' if len(missing) > 5 else ''}; rebuild the features or train again"
        )
    changed = [
        f"{column.name} ({column.kind} expected, {types[column.name]} found)"
        for column in schema
        if types[column.name] != pl.Null and kind_of(types[column.name]) != column.kind
    ]
    if changed:
        raise SchemaMismatchError(
            f"{len(changed)} columns changed their kind since training: {', '.join(changed[:5])}"
            f"{' ...' if len(changed) > 5 else ''}; rebuild the features or train again"
        )
    return frame.select(column.name for column in schema)
