"""Emit alerts as Prefect events, on which an automation can act."""

import logging
from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event

from models.watching.alerts import Alert
from warehouse import watch
from warehouse.connection import writer
from warehouse.night import Night

log = logging.getLogger("nightledger")


@task(name="send alerts", cache_policy=NO_CACHE)
def send_alerts(night: Night, alerts: Sequence[Alert]) -> dict[str, str]:
    """Emit one Prefect event for each severity and record in ops.alerts whether it was emitted.

    Alerts of models beside the headline have events of their own, so that who waits for those of the portfolio is
    not called for a challenger. The alerts are stored already. If an event cannot be emitted, the night goes on; row,
    log and artifact say so.

    Returns:
        By severity, those beside as `beside.watch` and `beside.alarm`, what became of the event.
    """
    events = {}
    for beside, severity in sorted({(alert.is_beside, alert.severity) for alert in alerts}):
        messages = [
            alert.message for alert in alerts if (alert.is_beside, alert.severity) == (beside, severity)
        ]
        kind = f"beside.{severity}" if beside else severity
        event = events[kind] = _emit(night, kind, severity, messages)
        if event != "emitted":
            log.warning("watch       %d %s alerts stay rows of ops.alerts: %s", len(messages), kind, event)
        with writer(purpose="note events") as con:
            watch.record_events(con, night, severity=severity, beside=beside, event=event)
    return events


def _emit(night: Night, kind: str, severity: str, messages: list[str]) -> str:
    payload = {
        "portfolio": night.portfolio, "as_of_date": night.as_of_date.isoformat(), "run_id": night.run_id,
        "severity": severity, "alerts": len(messages), "first": messages[:10],
    }  # fmt: skip
    resource = {
        "prefect.resource.id": f"nightledger.portfolio.{night.portfolio}",
        "prefect.resource.name": night.portfolio,
    }
    try:
        event = emit_event(f"nightledger.alert.{kind}", resource=resource, payload=payload)
    except Exception as error:  # noqa: BLE001 - whatever Prefect raises: the alerts are stored, so the night goes on
        return f"not emitted: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return "emitted" if event is not None else "not emitted: Prefect sends no events from here"
