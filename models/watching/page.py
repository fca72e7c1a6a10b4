"""Write the watch of one night on one page: three headings, the worst first, and why anything is unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from models.watching.alerts import Alert
from models.watching.calibration_readings import PHILOSOPHY
from models.watching.readings import Reading

HEADINGS = ("performance", "stability", "calibration")
SHOWN = 6
_ORDER = {"alarm": 0, "watch": 1}


def page(
    readings: Sequence[Reading],
    alerts: Sequence[Alert],
    events: Mapping[str, str],
    *,
    portfolio: str,
    as_of_date: date,
) -> str:
    """Return the page as Markdown: alerts, then for each heading the counts and the worst readings."""
    lines = [f"# {portfolio}, {as_of_date}", ""]
    if alerts:
        lines += [f"**{len(alerts)}** measures at watch or alarm for two scored nights or more:", ""]
        lines += [f"- **{alert.severity}** {alert.message}" for alert in alerts[:SHOWN]]
        lines += [f"- and {len(alerts) - SHOWN} more in `ops.alerts`"] if len(alerts) > SHOWN else []
        lines += [f"- events of {severity}: {event}" for severity, event in events.items()]
    else:
        lines.append("No measure was at watch or alarm on two scored nights in a row.")
    for heading in HEADINGS:
        under_heading = [reading for reading in readings if reading.heading == heading]
        counts = Counter(reading.severity for reading in under_heading)
        summary = ", ".join(
            f"{counts[name]:,} {name}" for name in ("alarm", "watch", "ok", "unknown") if counts[name]
        )
        lines += ["", f"## {heading.capitalize()}", "", summary or "nothing was measured"]
        worst = sorted((reading for reading in under_heading if reading.severity in _ORDER), key=_rank)
        shown = worst or [
            reading
            for reading in under_heading
            if reading.threshold is not None and reading.value is not None
        ]
        if shown:
            lines += ["", "| | measure | of | value | threshold | critical |", "|---|---|---|--:|--:|--:|"]
            lines += [_row(reading) for reading in shown[:SHOWN]]
        words = [
            reading
            for reading in under_heading
            if reading.measure == PHILOSOPHY and reading.value is not None
        ]
        lines += ["", *(f"- {reading.model_family or 'headline'}: {reading.note}" for reading in words)]
        reasons = Counter(reading.note for reading in under_heading if reading.severity == "unknown")
        lines += [f"- unknown ({count}): {reason}" for reason, count in reasons.most_common(2)]
    return "\n".join([*lines, "", "All rows: `ops.monitoring`; groups of borrowers: `ops.fairness`.", ""])


def _rank(reading: Reading) -> tuple[int, float]:
    return _ORDER[reading.severity], -(reading.value or 0.0)


def _row(reading: Reading) -> str:
    subject = " ".join(part for part in (reading.model_family or "headline", reading.subject) if part)
    figures = " | ".join(_figure(value) for value in (reading.value, reading.threshold, reading.critical))
    return f"| {reading.severity} | {reading.measure} | {subject} | {figures} |"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
