"""What a scoring run had before it, so that a later run can say whether it would see the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

import duckdb
from pydantic import BaseModel, ConfigDict, Field

from warehouse import registry, sql
from warehouse.intake.feeds import FEEDS
from warehouse.matrix import RELATION
from warehouse.night import Night
from warehouse.roles import Role

SCORES: tuple[Role, ...] = ("champion", "challenger", "shadow")


class RunInput(BaseModel):
    """One thing that a run had before it: the rows of a feature relation, or a model in its role."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["features", "model"] = Field(description="What it is.")
    name: str = Field(description="Feature relation, or family and version of a model.")
    role: str | None = Field(default=None, description="Role of the model on the date.")
    rows: int | None = Field(default=None, description="Rows of the feature relation on the date.")
    fingerprint: str = Field(description="Of the rows in any order, or SHA-256 of the file of the model.")


def found(con: duckdb.DuckDBPyConnection, night: Night) -> tuple[RunInput, ...]:
    """Return the inputs that a run would score the night from now."""
    relations = (*sql.load(RELATION).inputs, "features.feat_sensitive")
    features = (_features(con, name, night) for name in sorted(relations))
    return (*features, *models(con, night))


def models(con: duckdb.DuckDBPyConnection, night: Night) -> tuple[RunInput, ...]:
    """Return the models that such a run uses: the champion of each family, every challenger and every shadow."""
    led: set[str] = set()
    used = []
    for record in registry.in_role(con, night, SCORES):
        if record.role == "champion" and record.model_family in led:
            continue  # an earlier champion, whose place was taken
        if record.role == "champion":
            led.add(record.model_family)
        used.append(
            RunInput(
                kind="model",
                name=f"{record.model_family} {record.model_version}",
                role=record.role,
                fingerprint=record.artefact_sha256,
            )
        )
    return tuple(sorted(used, key=lambda one: one.name))


def record(con: duckdb.DuckDBPyConnection, run_id: str, inputs: Iterable[RunInput]) -> None:
    """Store what a run had before it; a retry replaces what an earlier try stored."""
    con.execute("delete from wh.ops.run_inputs where run_id = $run_id", {"run_id": run_id})
    for one in inputs:
        values = {"run_id": run_id, **one.model_dump()}
        names = ", ".join(values)
        marks = ", ".join(f"${name}" for name in values)
        con.execute(f"insert into wh.ops.run_inputs ({names}) values ({marks})", values)


def stored(con: duckdb.DuckDBPyConnection, run_id: str) -> tuple[RunInput, ...]:
    """What a run had before it, as it was stored then; nothing for a run of an earlier version."""
    names = tuple(RunInput.model_fields)
    rows = con.execute(
        f"select {', '.join(names)} from wh.ops.run_inputs where run_id = $run_id order by kind, name",
        {"run_id": run_id},
    ).fetchall()
    return tuple(RunInput(**dict(zip(names, row, strict=True))) for row in rows)


def late_facts(con: duckdb.DuckDBPyConnection, night: Night) -> tuple[str, ...]:
    """Return the feeds that brought facts known by the end of a night only after its run, or corrected a file since."""
    corrected = con.execute(
        "select distinct feed from wh.ops.file_ledger where portfolio = $portfolio and run_id > $run_id "
        "and replaces is not null",
        {"portfolio": night.portfolio, "run_id": night.run_id},
    ).fetchall()
    late = {feed for (feed,) in corrected}
    for feed in FEEDS:
        came = con.execute(
            f"select 1 from wh.raw.{feed} where portfolio = $portfolio and run_id > $run_id "
            "and known_at < cast($as_of_date as date) + interval 1 day limit 1",
            night._asdict(),
        ).fetchone()
        if came is not None:
            late.add(feed)
    return tuple(sorted(late))


def _features(con: duckdb.DuckDBPyConnection, relation: str, night: Night) -> RunInput:
    """The rows of one feature relation on one date; equal exactly when columns and values are, in any order."""
    shape = con.execute(
        "select column_name, data_type from duckdb_columns() where database_name = 'wh' "
        "and schema_name || '.' || table_name = $relation order by column_index",
        {"relation": relation},
    ).fetchall()
    if not shape:
        return RunInput(kind="features", name=relation, rows=0, fingerprint="not there")
    row = con.execute(
        "select count(*), coalesce(bit_xor(hash(t)), 0), coalesce(sum(cast(hash(t) as hugeint)), 0), "
        f"library_version from wh.{relation} as t cross join pragma_version() "
        "where t.portfolio = $portfolio and t.as_of_date = $as_of_date group by library_version",
        night.key,
    ).fetchone()
    rows, *sums, version = row or (0, 0, 0, "")
    digest = hashlib.sha256(repr((shape, rows, sums)).encode()).hexdigest()
    # hash() is only told to be the same within one version of DuckDB
    return RunInput(kind="features", name=relation, rows=rows, fingerprint=f"{version}:{digest[:32]}")
