"""The watch on one screen: three headings, the worst first, what is unknown and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from models.watching.alerts import Alert
from models.watching.readings import Reading

HEADINGS = ("performance", "stability", "calibration")
SHOWN = 6
_ORDER = {"alarm": 0, "watch": 1}


def page(
    readings: Sequence[Reading],
    alerts: Sequence[Alert],
    told: Mapping[str, str],
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
        lines += [f"- events of {severity}: {event}" for severity, event in told.items()]
    else:
        lines.append("No measure was at watch or alarm on two scored nights in a row.")
    for heading in HEADINGS:
        here = [one for one in readings if one.heading == heading]
        counts = Counter(one.severity for one in here)
        said = ", ".join(
            f"{counts[name]:,} {name}" for name in ("alarm", "watch", "ok", "unknown") if counts[name]
        )
        lines += ["", f"## {heading.capitalize()}", "", said or "nothing was measured"]
        worst = sorted((one for one in here if one.severity in _ORDER), key=_rank)
        shown = worst or [one for one in here if one.threshold is not None and one.value is not None]
        if shown:
            lines += ["", "| | measure | of | value | threshold | critical |", "|---|---|---|--:|--:|--:|"]
            lines += [_row(one) for one in shown[:SHOWN]]
        reasons = Counter(one.note for one in here if one.severity == "unknown")
        lines += ["", *(f"- unknown ({count}): {reason}" for reason, count in reasons.most_common(2))]
    return "\n".join([*lines, "", "All rows: `ops.monitoring`; groups of borrowers: `ops.fairness`.", ""])


def _rank(one: Reading) -> tuple[int, float]:
    return _ORDER[one.severity], -(one.value or 0.0)


def _row(one: Reading) -> str:
    of = " ".join(part for part in (one.model_family or "headline", one.subject) if part)
    figures = " | ".join(_figure(value) for value in (one.value, one.threshold, one.critical))
    return f"| {one.severity} | {one.measure} | {of} | {figures} |"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
