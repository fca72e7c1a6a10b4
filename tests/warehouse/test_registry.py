"""The champion of a date, and the file that was registered."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from models.master_scale import MasterScaleSettings
from warehouse import registry
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.settings import settings


def champion(con, as_of_date, portfolio="lender"):
    found = registry.champion(con, Night(portfolio, as_of_date, "r"), family="operational_risk")
    return found and found.model_version


def test_a_record_comes_back_as_it_went_in_with_a_portable_path(con, made):
    stored = registry.register(con, made("1"))
    assert stored.artefact_path == "1.ubj"
    assert registry.records(con, portfolio="lender") == (stored,)
    assert registry.verify(stored) == settings().models_dir / "1.ubj"


def test_a_night_uses_the_newest_champion_that_knew_nothing_after_it(con, made):
    registry.register(con, made("june", date(2026, 6, 30)))
    registry.register(con, made("january", date(2026, 1, 31)))
    registry.register(con, made("challenger", date(2026, 3, 31), role="challenger"))
    assert [champion(con, day) for day in (date(2026, 1, 30), date(2026, 1, 31), date(2026, 6, 29))] == [
        None,
        "january",
        "january",
    ]
    assert champion(con, date(2026, 6, 30)) == champion(con, date(2027, 1, 1)) == "june"
    assert champion(con, date(2027, 1, 1), portfolio="other") is None


def test_a_champion_of_the_same_knowledge_retires_the_one_before(con, made):
    registry.register(con, made("1"))
    registry.register(con, made("2"))
    assert champion(con, date(2026, 6, 30)) == "2"
    assert con.execute("select note from wh.ops.model_registry where role = 'retired'").fetchall() == [
        ("replaced by 2",)
    ]


def test_a_retired_champion_makes_room_for_the_one_before(con, made):
    registry.register(con, made("1", date(2026, 1, 31)))
    second = registry.register(con, made("2", date(2026, 2, 28)))
    registry.retire(con, second, note="drifted")
    assert champion(con, date(2026, 6, 30)) == "1"


def test_a_version_is_never_overwritten(con, made):
    registry.register(con, made("1"))
    with pytest.raises(Refused, match="operational_risk 1 is registered for lender already"):
        registry.register(con, made("1"))


def test_another_file_than_the_registered_one_is_refused(con, made):
    record = registry.register(con, made("1"))
    path = settings().models_dir / "1.ubj"
    path.write_bytes(b"other")
    with pytest.raises(Refused, match=r"operational_risk 1 is not the registered one: .*1.ubj has SHA-256"):
        registry.verify(record)
    path.unlink()
    with pytest.raises(Refused, match=r"cannot be read: .*1.ubj; restore it or train again"):
        registry.verify(record)
    with pytest.raises(Refused, match="cannot be read"):
        registry.register(con, record.model_copy(update={"model_version": "2"}))


@pytest.mark.parametrize(
    "wrong", [{"role": "best"}, {"base_rate": 1.5}, {"artefact_sha256": "abc"}, {"surprise": 1}]
)
def test_a_record_is_checked(wrong, made):
    with pytest.raises(ValidationError):
        made("1", **wrong)


def test_a_model_carries_the_master_scale_of_the_warehouse_or_is_refused(con, made):
    scale = MasterScaleSettings()
    stored = registry.register(con, made("1", master_scale=scale.model_dump(mode="json")))
    assert registry.records(con, portfolio="lender")[0].master_scale == stored.master_scale
    assert registry.register(con, made("2")).master_scale is None
    other = scale.model_copy(update={"base_points": 500.0, "points_to_double": 40.0})
    with pytest.raises(
        Refused,
        match=r"operational_risk 3 carries another master scale .* \(base_points, points_to_double differ\)",
    ):
        registry.register(con, made("3", master_scale=other.model_dump(mode="json")))
    assert len(registry.records(con, portfolio="lender")) == 2
