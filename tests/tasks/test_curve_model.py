"""The hazard model is learnt where there is none and kept for a year; where none can be, a line says why."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from models.errors import TooFewRowsError
from models.hazard.curve import cumulative
from models.hazard.learning import Learnt
from models.hazard.model import HazardModel, HazardSettings
from tasks import curve_model, load_model, train_curve
from tasks.curves import curves_of
from tasks.lineup import Lineup, find_lineup
from warehouse import promotion
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.registry import ModelRecord
from warehouse.roles import RoleRecord
from warehouse.run_inputs import models

NIGHT = Night("p", date(2026, 6, 30), "r")
OUTCOME = OutcomeDefinition("dpd90", 365)


def a_champion(definition: str = "dpd90", horizon: int | None = 365) -> ModelRecord:
    return ModelRecord(
        model_family="operational_risk", model_version="1", portfolio="p", role="champion", purpose="forecast",
        knowledge_date=NIGHT.as_of_date, label_definition=definition, horizon_days=horizon, settings={},
        feature_groups=(), feature_names=(), schema_hash="s", data_fingerprint="d", metrics={},
        artefact_path="m", artefact_sha256="0" * 64, run_id="r",
    )  # fmt: skip


def learnt() -> Learnt:
    days = [date(2024, 6, 30), date(2025, 6, 30)]
    panel = pl.DataFrame(
        {
            "as_of_date": days * 600, "enterprise_id": [f"e{n % 200}" for n in range(1200)],
            "risk": [-3.0 + n % 5 for n in range(1200)], "month": [n // 60 + 1 for n in range(1200)],
            "event": [n % 19 == 0 for n in range(1200)],
        }
    )  # fmt: skip
    return Learnt(HazardModel(HazardSettings()).fit(panel), panel, date(2026, 6, 26), 1.0, 0.5)


@pytest.fixture
def opened(opened_home):
    """A warehouse that stays open: all that follows re-enters its writer."""
    with writer(purpose="test"):
        yield


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.INFO, logger="nightledger")
    return caplog


def test_a_model_is_registered_found_again_and_an_input_of_the_run(opened, told):
    record = train_curve.register_curve.fn(NIGHT, OUTCOME, learnt(), role="champion")
    assert "months after 20 are extrapolated" in told.text
    with writer(purpose="test") as con:
        assert [one.name for one in models(con, NIGHT)] == [f"pd_curve {record.model_version}"]
    assert train_curve.register_curve.fn(NIGHT, OUTCOME, learnt(), role="champion") == record  # once
    assert (find_lineup(NIGHT).curve, find_lineup(NIGHT).curve_since) == (record, NIGHT.as_of_date)
    assert find_lineup(NIGHT.on(date(2026, 6, 29))).curve is None  # it knows nothing of a night before
    again = load_model.load_curve_model(record)
    assert again.coefficients_ == learnt().model.coefficients_
    rows = pl.DataFrame(
        {"enterprise_id": ["a", "b"], "pd": [0.1, None], "model_role": ["champion", "champion"]}
    )
    (row,) = curves_of(rows, 365, record).rows(named=True)
    assert (row["enterprise_id"], row["shape"], row["pd_month"]) == ("a", "learnt", 12)
    assert (row["model_family"], row["model_version"]) == record.key
    with writer(purpose="test") as con:
        load_model.registry.retire(con, record, note="withdrawn")
    assert find_lineup(NIGHT).curve is None
    with pytest.raises(Refused, match=f"^{record.model_version} of the same knowledge is retired$"):
        curve_model.check_not_taken_away(NIGHT)
    file = load_model.registry.verify(record)
    file.write_bytes(b"other")
    with pytest.raises(Refused, match="is not the registered one"):
        load_model.load_curve_model(record)


def version_of(night: Night) -> str | None:
    curve = find_lineup(night).curve
    return curve and curve.model_version


def test_a_version_by_hand_waits_until_it_is_promoted_and_has_a_year_from_then_on(opened, told, monkeypatch):
    """An approval is not undone the night after because the promoted model is old."""
    early = NIGHT.on(date(2025, 3, 31))
    waiting = train_curve.register_curve.fn(early, OUTCOME, learnt(), role="challenger")
    first = train_curve.register_curve.fn(NIGHT, OUTCOME, learnt(), role="champion")
    assert (version_of(early), version_of(NIGHT)) == (None, first.model_version)
    assert find_lineup(NIGHT).beside == ()  # it scores nobody
    with pytest.raises(Refused, match="is registered for p already; a model is never overwritten"):
        train_curve.register_curve.fn(early, OUTCOME, learnt(), role="champion")
    approval = RoleRecord(
        portfolio="p", model_family="pd_curve", model_version=waiting.model_version, role="champion",
        effective_from=date(2026, 7, 10), reason="the later one is off", approver="committee", run_id="r",
    )  # fmt: skip
    with writer(purpose="test") as con:
        written = promotion.promote(con, approval)
    assert [(one.model_version, one.role) for one in written] == [
        (waiting.model_version, "champion"), (first.model_version, "challenger")
    ]  # fmt: skip
    assert version_of(NIGHT.on(date(2026, 7, 9))) == first.model_version
    night = NIGHT.on(date(2026, 7, 10))
    assert version_of(night) == waiting.model_version
    lineup = replace(find_lineup(night), champions={"operational_risk": a_champion()})
    assert curve_model.with_curve_model(night, lineup) == lineup
    monkeypatch.setattr(curve_model, "learn_curve", lambda *_: learnt())
    monkeypatch.setattr(curve_model, "register_curve", train_curve.register_curve.fn)
    renewed = curve_model.with_curve_model(NIGHT.on(date(2027, 7, 10)), lineup)
    assert renewed.curve.knowledge_date == renewed.curve_since == date(2027, 7, 10)


def test_a_challenger_of_the_same_knowledge_is_not_learnt_again_by_the_night(opened_home, told):
    waiting = train_curve.register_curve.fn(NIGHT, OUTCOME, learnt(), role="challenger")
    lineup = Lineup({"operational_risk": a_champion()})
    assert curve_model.with_curve_model(NIGHT, lineup) == lineup
    assert f"none learnt: {waiting.model_version} of the same knowledge is challenger" in told.text


def test_by_hand_what_cannot_be_learnt_is_one_line(opened_home, monkeypatch):
    with pytest.raises(Refused, match=r"^p, pd_curve: outcomes without dates tell nothing of months$"):
        train_curve.train_curve(NIGHT, OutcomeDefinition("cross_section", 0), role="champion")

    def refuse(*_):
        raise TooFewRowsError("3 defaults in 99 months at risk")

    monkeypatch.setattr(train_curve, "learn_curve", refuse)
    with pytest.raises(Refused, match=r"^p, pd_curve, dpd90: 3 defaults in 99 months at risk$"):
        train_curve.train_curve(NIGHT, OUTCOME, role="champion")


def test_it_is_kept_for_a_year_and_then_learnt_again(opened_home, monkeypatch):
    asked = []
    monkeypatch.setattr(curve_model, "register_curve", train_curve.register_curve.fn)
    monkeypatch.setattr(
        curve_model, "learn_curve", lambda night, _: asked.append(night.as_of_date) or learnt()
    )
    lineup = Lineup({"operational_risk": a_champion()})
    first = curve_model.with_curve_model(NIGHT, lineup)
    assert first.curve is not None
    assert curve_model.with_curve_model(NIGHT.on(NIGHT.as_of_date + timedelta(days=364)), first) == first
    later = NIGHT.on(NIGHT.as_of_date + timedelta(days=365))
    assert curve_model.with_curve_model(later, first).curve.knowledge_date == later.as_of_date
    assert asked == [NIGHT.as_of_date, later.as_of_date]


@pytest.mark.parametrize("reason", [TooFewRowsError("3 defaults in 99 months at risk"), Refused("no label")])
def test_where_none_can_be_learnt_the_hazard_is_constant_and_a_line_says_so(
    reason, told, monkeypatch, opened_home
):
    def refuse(*_):
        raise reason

    monkeypatch.setattr(curve_model, "learn_curve", refuse)
    lineup = Lineup({"operational_risk": a_champion()})
    assert curve_model.with_curve_model(NIGHT, lineup) == lineup
    assert f"curves      a constant hazard for every borrower, none learnt: {reason}" in told.text
    old = replace(lineup, curve=a_champion(), curve_since=date(2025, 1, 1))
    assert curve_model.with_curve_model(NIGHT, old) == old
    assert "the shape of 1 for every borrower, none learnt" in told.text


def test_outcomes_without_dates_have_no_curve(told):
    lineup = Lineup({"operational_risk": a_champion("cross_section", None)})
    assert curve_model.with_curve_model(NIGHT, lineup) == lineup
    assert "curves      none: outcomes without dates tell nothing of months" in told.text


def test_a_portfolio_without_outcomes_is_refused_before_its_snapshots_are_built(opened_home):
    with pytest.raises(Refused, match=r"^no outcome is known$"):
        train_curve.learn_curve.fn(NIGHT, OUTCOME)


def test_a_headline_of_another_horizon_is_met_in_its_month():
    rows = pl.DataFrame(
        {"enterprise_id": ["a", "b"], "pd": [0.1, 0.2], "model_role": ["champion", "challenger"]}
    )
    (row,) = curves_of(rows, 730, None).rows(named=True)
    assert (row["enterprise_id"], row["pd_month"], row["cumulative_pd"][23]) == ("a", 24, 0.1)
    assert row["cumulative_pd"] == cumulative(rows["pd"].to_numpy()[:1], None, month=24)[0].tolist()
