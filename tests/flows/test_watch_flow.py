"""The watch as a flow: rows, one screen and events that an automation acts on."""

from __future__ import annotations

import re
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.events import Event
from prefect.events.schemas.automations import AutomationCore
from prefect.events.schemas.events import Resource

from flows.watch import WatchParameters, watch
from models.watching.settings import WatchSettings
from warehouse.connection import writer

sys.path.append(str(Path(__file__).parents[1] / "tasks"))
from watched import TONIGHT, Watched

PAGE = (Path(__file__).parents[2] / "docs" / "watch.md").read_text(encoding="utf-8")


def automation() -> AutomationCore:
    """The example of the page."""
    text = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (one,) = yaml.safe_load(text[1])["automations"]
    return AutomationCore.model_validate(one)


def test_the_example_automation_is_one_and_waits_for_our_event():
    trigger = automation().trigger
    assert set(trigger.expect) == {"nightledger.alert.alarm"}
    event = Event(
        event="nightledger.alert.alarm", resource={"prefect.resource.id": "nightledger.portfolio.p"}
    )
    assert trigger.match.matches(Resource.model_validate(event.resource))
    assert not trigger.match.matches(Resource.model_validate({"prefect.resource.id": "nightledger.run.p"}))


@pytest.mark.server
def test_two_nights_that_drift_leave_rows_a_page_and_an_event(home, prefect_session):
    before = date(2026, 6, 29)
    with writer(purpose="test") as con:
        book = Watched(con)
        book.register()
        for day in (before, TONIGHT):
            book.night(day, shift=2.0)
        for day in (before, TONIGHT):
            run_id = watch(run=WatchParameters(portfolio="p", as_of=day, limits=WatchSettings(cut_off=0.3)))
        alerts = book.frame("from wh.ops.alerts where as_of_date = $day", day=TONIGHT)
        assert set(alerts["nights"]) == {2}
        assert set(alerts["run_id"]) == {run_id}
        assert set(alerts["event"]) == {"emitted"}
        assert "alarm" in set(alerts["severity"])
        ended = book.frame(
            "select status, counts from wh.ops.run_ledger where run_id = $run_id", run_id=run_id
        )
        assert ended["status"].item() == "done"
        assert f'"alerts": {alerts.height}' in ended["counts"].item().replace('":', '": ').replace(
            ":  ", ": "
        )
        notes = book.frame("select distinct note from wh.ops.fairness where measure = 'selection_rate'")
        assert "PD below 0.3" in set(notes["note"])
    with get_client(sync_client=True) as client:
        page = client._client.post(
            "/artifacts/latest/filter", json={"artifacts": {"key": {"any_": ["watch"]}}}
        )
        assert "## Calibration" in page.json()[0]["data"]
        asked = {
            "filter": {
                "event": {"name": ["nightledger.alert.alarm"]},
                "occurred": {"since": "2020-01-01T00:00:00Z"},
            }
        }
        alarms: list[dict[str, Any]] = []
        for _ in range(60):
            found = client._client.post("/events/filter", json=asked).json()["events"]
            # the server is shared with other tests, whose nights raise alarms of their own
            alarms = [event for event in found if event["payload"]["run_id"] == run_id]
            if alarms:
                break
            time.sleep(0.5)
        (alarm,) = alarms
        assert alarm["payload"]["as_of_date"] == "2026-06-30"
