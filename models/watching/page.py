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
    """Return the page as Markdown: alerts, then for each heading the counts and the worst readings.

    Challengers and shadows come last, under a heading of their own.
    """
    of_portfolio, beside = ([alert for alert in alerts if alert.is_beside == side] for side in (False, True))
    lines = [f"# {portfolio}, {as_of_date}", ""]
    if of_portfolio:
        lines += [
            f"**{len(of_portfolio)}** alerts of the headline and the champions:",
            "",
            *_listed(of_portfolio),
        ]
    else:
        lines.append("No measure of the headline or a champion is at watch or alarm.")
    lines += [f"- events of {kind}: {event}" for kind, event in events.items()]
    for heading in HEADINGS:
        under_heading = [
            reading for reading in readings if reading.heading == heading and not reading.is_beside
        ]
        lines += ["", f"## {heading.capitalize()}", "", *_worst(under_heading)]
    measured_beside = [reading for reading in readings if reading.is_beside]
    if measured_beside or beside:
        lines += [
            "",
            "## Beside the headline",
            "",
            "Challengers and shadows give no number of the portfolio.",
            "",
        ]
        lines += [*_listed(beside), "", *_worst(measured_beside)]
    return "\n".join([*lines, "", "All rows: `ops.monitoring`; groups of borrowers: `ops.fairness`.", ""])


def _listed(alerts: Sequence[Alert]) -> list[str]:
    lines = [f"- **{alert.severity}** {alert.message}" for alert in alerts[:SHOWN]]
    return [*lines, f"- and {len(alerts) - SHOWN} more in `ops.alerts`"] if len(alerts) > SHOWN else lines


def _worst(readings: Sequence[Reading]) -> list[str]:
    """Return how many readings there are of each severity, the worst of them, and why others are unknown."""
    counts = Counter(reading.severity for reading in readings)
    lines = [
        ", ".join(f"{counts[name]:,} {name}" for name in ("alarm", "watch", "ok", "unknown") if counts[name])
        or "nothing was measured"
    ]
    worst = sorted((reading for reading in readings if reading.severity in _ORDER), key=_rank)
    shown = worst or [
        reading for reading in readings if reading.threshold is not None and reading.value is not None
    ]
    if shown:
        lines += ["", "| | measure | of | value | threshold | critical |", "|---|---|---|--:|--:|--:|"]
        lines += [_row(reading) for reading in shown[:SHOWN]]
    lines.append("")
    lines += [
        f"- {reading.model_family or 'headline'}: {reading.note}"
        for reading in readings
        if reading.measure == PHILOSOPHY and reading.value is not None
    ]
    reasons = Counter(reading.note for reading in readings if reading.severity == "unknown")
    return [*lines, *(f"- unknown ({count}): {reason}" for reason, count in reasons.most_common(2))]


def _rank(reading: Reading) -> tuple[int, float]:
    return _ORDER[reading.severity], -(reading.value or 0.0)


def _row(reading: Reading) -> str:
    beside = f"{reading.model_version} ({reading.model_role})" if reading.is_beside else ""
    subject = " ".join(part for part in (reading.model_family or "headline", beside, reading.subject) if part)
    figures = " | ".join(_figure(value) for value in (reading.value, reading.threshold, reading.critical))
    return f"| {reading.severity} | {reading.measure} | {subject} | {figures} |"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
