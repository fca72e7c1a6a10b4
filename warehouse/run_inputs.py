"""Record the inputs of a scoring run, so that a later run can tell whether they have changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import duckdb
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from warehouse import class_leaders, ledger, registry, sql
from warehouse.intake.feeds import FEEDS
from warehouse.ledger import Run
from warehouse.matrix import RELATION
from warehouse.night import Night
from warehouse.roles import Role

SCORING_ROLES: tuple[Role, ...] = ("champion", "challenger", "shadow")


class RunInput(BaseModel):
    """One input of a run: the rows of a feature relation, a model in its role, or the family chosen for a class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["features", "model", "leader"] = Field(description="What it is.")
    name: str = Field(description="Feature relation, family and version of a model, or coverage class.")
    role: str | None = Field(default=None, description="Role of the model on the date.")
    rows: int | None = Field(default=None, description="Rows of the feature relation on the date.")
    fingerprint: str = Field(
        description="Of the rows in any order, SHA-256 of a model's file, or the family."
    )


def current(con: duckdb.DuckDBPyConnection, night: Night) -> tuple[RunInput, ...]:
    """Return the inputs that a run which scores the night would have now."""
    relations = (*sql.load(RELATION).inputs, "features.feat_sensitive")
    features = (_features(con, name, night) for name in sorted(relations))
    return (*features, *models(con, night), *leaders(con, night))


def leaders(con: duckdb.DuckDBPyConnection, night: Night) -> tuple[RunInput, ...]:
    """Return the families that the lender chose for coverage classes on a night."""
    return tuple(
        RunInput(kind="leader", name=choice.coverage, fingerprint=choice.model_family)
        for choice in class_leaders.on_night(con, night)
    )


def models(con: duckdb.DuckDBPyConnection, night: Night) -> tuple[RunInput, ...]:
    """Return the models that score a night: the champion of each family, every challenger and every shadow."""
    families_with_champion: set[str] = set()
    used = []
    for record in registry.in_role(con, night, SCORING_ROLES):
        if record.role == "champion" and record.model_family in families_with_champion:
            continue  # an earlier champion, replaced since
        if record.role == "champion":
            families_with_champion.add(record.model_family)
        used.append(
            RunInput(
                kind="model",
                name=f"{record.model_family} {record.model_version}",
                role=record.role,
                fingerprint=record.artefact_sha256,
            )
        )
    return tuple(sorted(used, key=lambda model: model.name))


def record(con: duckdb.DuckDBPyConnection, run_id: str, inputs: Iterable[RunInput]) -> None:
    """Store the inputs of a run; a retry replaces what an earlier attempt stored."""
    con.execute("delete from wh.ops.run_inputs where run_id = $run_id", {"run_id": run_id})
    kinds = {"rows": pl.Int64}
    frame = pl.DataFrame(  # noqa: F841  (DuckDB reads it by its name)
        [run_input.model_dump() for run_input in inputs],
        schema={name: kinds.get(name, pl.String) for name in RunInput.model_fields},
    )
    con.execute(
        "insert into wh.ops.run_inputs by name select $run_id as run_id, * from frame", {"run_id": run_id}
    )


def stored(con: duckdb.DuckDBPyConnection, run_id: str) -> tuple[RunInput, ...]:
    """Return the stored inputs of a run; empty for runs of versions that stored none."""
    names = tuple(RunInput.model_fields)
    rows = con.execute(
        f"select {', '.join(names)} from wh.ops.run_inputs where run_id = $run_id order by kind, name",
        {"run_id": run_id},
    ).fetchall()
    return tuple(RunInput(**dict(zip(names, row, strict=True))) for row in rows)


def late_facts(con: duckdb.DuckDBPyConnection, night: Night) -> tuple[str, ...]:
    """Return the feeds that delivered facts known by the end of a date, or corrected a file, only after its run."""
    corrected = con.execute(
        "select distinct feed from wh.ops.file_ledger where portfolio = $portfolio and run_id > $run_id "
        "and replaces is not null",
        {"portfolio": night.portfolio, "run_id": night.run_id},
    ).fetchall()
    late = {feed for (feed,) in corrected}
    for feed in FEEDS:
        late_row = con.execute(
            f"select 1 from wh.raw.{feed} where portfolio = $portfolio and run_id > $run_id "
            "and known_at < cast($as_of_date as date) + interval 1 day limit 1",
            night._asdict(),
        ).fetchone()
        if late_row is not None:
            late.add(feed)
    return tuple(sorted(late))


def changed_since(
    con: duckdb.DuckDBPyConnection, run: Run, night: Night, parameters: Mapping[str, Any]
) -> str | None:
    """Return what a run of a night would be given otherwise than the run that scored it, or None for nothing.

    Both are given the same if the parameters are the same (but the date, which a scheduled night does not name), the
    models, their roles and who leads which class too, and no fact of the date came, and no file was corrected, after
    the run that scored it.
    """
    if run.flow != "nightly":
        return f"scored by {run.flow} last"
    options = json.loads(json.dumps(dict(parameters), default=str))
    changed = [name for name in options if name != "as_of" and run.parameters.get(name) != options[name]]
    if changed:
        return f"other parameters then: {', '.join(changed)}"
    then = stored(con, run.run_id)
    if {item for item in then if item.kind == "model"} != set(models(con, night)):
        return "other models or roles then"
    if {item for item in then if item.kind == "leader"} != set(leaders(con, night)):
        return "another choice of who leads a class then"
    late = late_facts(con, night._replace(run_id=run.run_id))
    return f"facts of the date came later: {', '.join(late)}" if late else None


def would_score_otherwise(con: duckdb.DuckDBPyConnection, run: Run, night: Night) -> str | None:
    """Return what else could give a night other scores than a run with the same inputs gave it, or None for nothing.

    That is other code, features that were built again with another result, and scores of an earlier night that came
    after the run: a borrower who cannot be scored keeps one of those.
    """
    if run.revision != ledger.revision():
        return f"other code then: {run.revision}"
    if set(stored(con, run.run_id)) != set(current(con, night)):
        return "other features then"
    later = con.execute(
        "select 1 from wh.scores.portfolio_scores "
        "where portfolio = $portfolio and as_of_date < $as_of_date and run_id > $run_id limit 1",
        {**night.key, "run_id": run.run_id},
    ).fetchone()
    return "an earlier night was scored after it" if later is not None else None


def _features(con: duckdb.DuckDBPyConnection, relation: str, night: Night) -> RunInput:
    """Return the fingerprint of a feature relation on a date; equal if columns and values are, in any order."""
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
    # DuckDB promises the same hash() only within one version
    return RunInput(kind="features", name=relation, rows=rows, fingerprint=f"{version}:{digest[:32]}")
