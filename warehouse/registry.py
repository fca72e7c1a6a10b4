"""Keep the model registry: the role of each model on a date, and the check that its file is the registered one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import BaseModel, ConfigDict, Field

from warehouse import master_scale, roles
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.roles import RoleRecord
from warehouse.settings import settings

_JSON = ("settings", "feature_groups", "feature_names", "metrics", "master_scale")


class ModelRecord(BaseModel):
    """Everything that must be recorded of a fitted model before it may score anyone."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model_family: str = Field(min_length=1, description="Algorithm, such as operational_risk.")
    model_version: str = Field(min_length=1, description="Version, unique in portfolio and family.")
    portfolio: str = Field(min_length=1, description="Portfolio that it was trained on and scores.")
    role: Literal["champion", "challenger", "shadow", "retired"] = Field(description="What it is used for.")
    purpose: Literal["forecast", "describe"] = Field(description="describe where outcomes carry no date.")
    knowledge_date: date = Field(description="Last day whose knowledge went into it.")
    label_definition: str = Field(description="Definition of default that it was trained on.")
    horizon_days: int | None = Field(default=None, ge=0, le=3660, description="Horizon of the label in days.")
    settings: Mapping[str, Any] = Field(description="Settings of the algorithm.")
    feature_groups: tuple[str, ...] = Field(
        description="Groups of features that the training data delivered."
    )
    feature_names: tuple[str, ...] = Field(description="Features in the order of training.")
    schema_hash: str = Field(description="SHA-256 of feature names and types.")
    data_fingerprint: str = Field(description="Fingerprint of the training rows.")
    metrics: Mapping[str, Any] = Field(description="What was measured on rows that no fit saw.")
    artefact_path: str = Field(
        description="File of the model, relative to the models folder where it lies in it."
    )
    artefact_sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of that file.")
    master_scale: Mapping[str, Any] | None = Field(
        default=None, description="Settings of the master scale that it carries."
    )
    base_rate: float | None = Field(default=None, ge=0, le=1, description="Share of defaults in training.")
    run_id: str = Field(description="Run that trained it.")
    registered_at: datetime | None = Field(default=None, description="Local time; set by register.")
    note: str | None = Field(default=None, description="Remark.")

    @property
    def key(self) -> tuple[str, str]:
        """Family and version, which no other model of the portfolio has."""
        return self.model_family, self.model_version

    @property
    def outcome(self) -> OutcomeDefinition:
        """The outcome definition that the model was trained on."""
        return OutcomeDefinition.of(self.label_definition, horizon_days=self.horizon_days or 0)


def register(con: duckdb.DuckDBPyConnection, record: ModelRecord) -> ModelRecord:
    """Verify the file of a model, add the model to the registry and return the record as stored.

    Its first role holds from its knowledge_date on. So champions of one portfolio and family follow one another in
    time, and a past night finds the model of its time; only a champion of the same knowledge_date is withdrawn.

    Raises:
        Refused: when the version exists already, the file is missing or not the registered one, or the model has
            another master scale than the warehouse.
    """
    verify(record)
    stored = record.model_copy(
        update={"artefact_path": _portable(record.artefact_path), "registered_at": settings().local_now()}
    )
    with transaction(con):
        of_family = [
            model
            for model in records(con, portfolio=record.portfolio)
            if model.model_family == record.model_family
        ]
        if any(model.model_version == record.model_version for model in of_family):
            raise Refused(
                f"{record.model_family} {record.model_version} is registered for {record.portfolio} already; "
                "a model is never overwritten, give it another version"
            )
        for model in of_family if record.role == "champion" else ():
            if (model.role, model.knowledge_date) == ("champion", record.knowledge_date):
                retire(con, model, note=f"replaced by {record.model_version}", run_id=record.run_id)
        if record.master_scale is not None:
            master_scale.check(
                con, record.master_scale, model=f"{record.model_family} {record.model_version}"
            )
        values = stored.model_dump()
        for name in _JSON:
            values[name] = None if values[name] is None else json.dumps(values[name], default=str)
        names = ", ".join(values)
        placeholders = ", ".join(f"${name}" for name in values)
        con.execute(f"insert into wh.ops.model_registry ({names}) values ({placeholders})", values)
        roles.record(
            con,
            _approval(
                stored, role=stored.role, reason="registered by training", approver=roles.TRAINING,
                run_id=stored.run_id,
            ),
        )  # fmt: skip
    return stored


def champion(con: duckdb.DuckDBPyConnection, night: Night, *, family: str) -> ModelRecord | None:
    """Return the champion that a night may use, or None; it knows nothing later than the night.

    If several models are champion on the date, the latest is returned: a model trained as champion counts from its
    knowledge_date, a promoted one from the day that was approved.
    """
    champions = in_role(con, night, ("champion",))
    return next((record for record in champions if record.model_family == family), None)


def in_role(
    con: duckdb.DuckDBPyConnection, night: Night, wanted: Sequence[roles.Role]
) -> tuple[ModelRecord, ...]:
    """Return the models that a night may use in one of the roles, the latest role first.

    `role` of each is its role on the date, whatever the model was registered with.
    """
    names = tuple(ModelRecord.model_fields)
    columns = ", ".join("r.role_on_date" if name == "role" else f"m.{name}" for name in names)
    rows = con.execute(
        f"select {columns} from wh.ops.model_registry as m inner join ({roles.ON_DATE}) as r "
        "on m.portfolio = r.portfolio and m.model_family = r.model_family and m.model_version = r.model_version "
        "where m.role <> 'retired' and m.knowledge_date <= $as_of_date and list_contains($wanted, r.role_on_date) "
        "order by r.effective_from desc, m.knowledge_date desc, r.recorded_at desc, m.registered_at desc",
        {**night.key, "wanted": list(wanted)},
    ).fetchall()
    return tuple(ModelRecord(**_decoded(dict(zip(names, row, strict=True)))) for row in rows)


def records(con: duckdb.DuckDBPyConnection, *, portfolio: str) -> tuple[ModelRecord, ...]:
    """Return every model of a portfolio, the latest knowledge_date first."""
    return _select(con, "portfolio = $portfolio", {"portfolio": portfolio})


def registered(con: duckdb.DuckDBPyConnection, *, portfolio: str, family: str, version: str) -> ModelRecord:
    """Return the model of a family and version.

    Raises:
        Refused: when it is not registered; the line names versions that are.
    """
    of_family = [model for model in records(con, portfolio=portfolio) if model.model_family == family]
    for model in of_family:
        if model.model_version == version:
            return model
    versions = ", ".join(model.model_version for model in of_family[:5]) or "none"
    raise Refused(f"{portfolio} has no {family} {version}; registered versions, the newest first: {versions}")


def retire(
    con: duckdb.DuckDBPyConnection, record: ModelRecord, *, note: str, run_id: str | None = None
) -> None:
    """Withdraw a model from all nights, whatever their date; flows/promote.py takes a role away from a day on."""
    con.execute(
        "update wh.ops.model_registry set role = 'retired', note = $note where portfolio = $portfolio "
        "and model_family = $family and model_version = $version",
        {
            "note": note,
            "portfolio": record.portfolio,
            "family": record.model_family,
            "version": record.model_version,
        },
    )
    approver = roles.TRAINING if run_id else "withdrawn by hand"
    withdrawn = _approval(
        record, role="retired", reason=note, approver=approver, run_id=run_id or record.run_id
    )
    roles.record(con, withdrawn)


def verify(record: ModelRecord) -> Path:
    """Check that the file of a model has the registered SHA-256 and return its path.

    Raises:
        Refused: when the file is missing or its content is not what was registered.
    """
    path = settings().models_dir / record.artefact_path  # an absolute path stays as it is
    name = f"{record.model_family} {record.model_version}"
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Refused(
            f"the file of model {name} cannot be read: {path}; restore it or train again"
        ) from error
    if digest != record.artefact_sha256:
        raise Refused(
            f"the file of model {name} is not the registered one: {path} has SHA-256 {digest[:12]}, "
            f"the registry says {record.artefact_sha256[:12]}; restore it or train again"
        )
    return path


def _approval(
    record: ModelRecord, *, role: roles.Role, reason: str, approver: str, run_id: str
) -> RoleRecord:
    return RoleRecord(
        portfolio=record.portfolio,
        model_family=record.model_family,
        model_version=record.model_version,
        role=role,
        effective_from=record.knowledge_date,
        reason=reason,
        approver=approver,
        run_id=run_id,
    )


def _portable(path: str) -> str:
    folder = settings().models_dir
    return str(Path(path).relative_to(folder)) if Path(path).is_relative_to(folder) else path


def _select(con: duckdb.DuckDBPyConnection, where: str, params: Mapping[str, Any]) -> tuple[ModelRecord, ...]:
    names = tuple(ModelRecord.model_fields)
    rows = con.execute(
        f"select {', '.join(names)} from wh.ops.model_registry where {where} "
        "order by knowledge_date desc, registered_at desc",
        dict(params),
    ).fetchall()
    return tuple(ModelRecord(**_decoded(dict(zip(names, row, strict=True)))) for row in rows)


def _decoded(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: json.loads(value) if name in _JSON and value is not None else value
        for name, value in values.items()
    }
