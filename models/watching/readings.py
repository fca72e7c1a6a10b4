"""One reading of the watch: a measure, what it is judged by, how it was judged, and why it is unknown where it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy.typing as npt
import polars as pl

from models.watching.settings import WatchSettings
from models.watching.stability import stability_index

Heading = Literal["performance", "stability", "calibration"]
Severity = Literal["ok", "watch", "alarm", "unknown"]
SCHEMA: dict[str, Any] = {
    "heading": pl.String, "measure": pl.String, "model_family": pl.String, "model_version": pl.String,
    "subject": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "threshold": pl.Float64,
    "critical": pl.Float64, "sample": pl.Int64, "reference": pl.Int64, "severity": pl.String, "note": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """One row of the watch; a value that cannot be known is None, its severity unknown, and the note says why."""

    heading: Heading
    measure: str
    subject: str
    model_family: str | None = None
    model_version: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    critical: float | None = None
    sample: int | None = None
    reference: int | None = None
    severity: Severity = "ok"
    note: str | None = None

    def __post_init__(self) -> None:
        """Refuse an unknown value without its reason, and a severity without a value."""
        if (self.value is None) != (self.severity == "unknown"):
            raise ValueError(f"{self.measure} of {self.subject}: a value is unknown, or it is not")
        if self.value is None and not self.note:
            raise ValueError(f"{self.measure} of {self.subject}: an unknown value needs its reason")


def as_frame(readings: list[Reading]) -> pl.DataFrame:
    """Return the readings as a frame, one row each."""
    return pl.DataFrame([asdict(one) for one in readings], schema=SCHEMA)


def index_reading(
    measure: str,
    subject: str,
    actual: npt.ArrayLike | None,
    reference: npt.ArrayLike | None,
    *,
    settings: WatchSettings,
    family: str | None = None,
    version: str | None = None,
    compared: int = 1,
    usual: float | None = 0.0,
    missing: str = "nothing to compare with",
    note: str = "",
) -> Reading:
    """Return the stability index of one subject, judged by the rule of thumb and by its critical value.

    It is watched, or an alarm, where it reaches the limit of the rule of thumb and exceeds what no change gives at
    this size. An index above its critical value and below the limits is real and small: ok.

    Parameters
    ----------
    measure, subject : str
    actual, reference : array-like of shape (n_bins,) or None
        Rows in the same bins; None where there are none.
    settings : WatchSettings
    family, version : str, optional
    compared : int, default=1
        Indices that are judged together; the critical value is that of each at Bonferroni's level.
    usual : float or None, default=0
        Largest index of the subject on ordinary nights: it is judged only beyond it. None where that is not known
        yet: the index is told and not judged.
    missing : str
        Why there is nothing, for the note.
    note : str
        What else must be known to read the row.
    """
    key: dict[str, Any] = {
        "heading": "stability", "measure": measure, "subject": subject, "model_family": family,
        "model_version": version,
    }  # fmt: skip
    n = 0.0 if reference is None else float(sum(reference))  # type: ignore[arg-type]
    m = 0.0 if actual is None else float(sum(actual))  # type: ignore[arg-type]
    watch = None if usual is None else max(settings.index_watch, usual)
    key |= {"sample": round(m), "reference": round(n), "threshold": watch}
    if actual is None or reference is None or not n or not m:
        return Reading(**key, severity="unknown", note=missing)
    level = 1 - (1 - settings.confidence) / compared
    found = stability_index(reference, actual, smoothing=settings.smoothing, confidence=level)
    if min(n, m) < settings.rows_a_bin * found.bins:
        few = f"{round(min(n, m))} rows in {found.bins} bins: at least {settings.rows_a_bin} a bin are needed"
        return Reading(**key, severity="unknown", note=few)
    if found.critical is None:
        note = f"one bin holds every row of both; {note}".rstrip("; ")
    severity: Severity = "ok"
    if usual is None:
        note = f"{note}; told, not judged: how much it usually moves is not known yet".lstrip("; ")
    elif found.critical is not None and found.value > max(found.critical, usual):
        severity = judged(found.value, settings.index_watch, settings.index_alarm)
    return Reading(**key, value=found.value, critical=found.critical, severity=severity, note=note or None)


def level_reading(
    subject: str,
    value: float | None,
    before: float | None,
    *,
    sample: int,
    settings: WatchSettings,
    **key: Any,
) -> Reading:
    """Return a mean PD, judged by its relative change against the mean of the last nights."""
    named: dict[str, Any] = {
        "heading": "stability",
        "measure": "mean_pd",
        "subject": subject,
        "sample": sample,
    }
    named |= {"threshold": before, **key}
    if value is None:
        return Reading(**named, severity="unknown", note="nobody has a PD")
    if before is None:
        return Reading(**named, value=value, note="no night before to compare with: told, not judged")
    change = value / before - 1
    note = f"{change:+.1%} against the last nights"
    if sample < settings.minimum_group:
        return Reading(**named, value=value, note=f"{note}; {sample} borrowers are too few to judge")
    severity = judged(abs(change), settings.level_watch, settings.level_alarm)
    return Reading(**named, value=value, severity=severity, note=note)


def feed_reading(
    feed: str, age: int | None, usual: int | None, *, deliveries: int, settings: WatchSettings
) -> Reading:
    """Return how many days ago a feed last brought something, judged by the longest pause that it usually makes.

    Parameters
    ----------
    feed : str
    age : int or None
        Days from the last delivery to the night; None where there never was one.
    usual : int or None
        Longest time between deliveries of the last 90 days, in days.
    deliveries : int
        Days of the last 90 on which it brought something.
    settings : WatchSettings
    """
    named: dict[str, Any] = {
        "heading": "stability",
        "measure": "feed_age",
        "subject": feed,
        "sample": deliveries,
    }
    if age is None:
        return Reading(**named, severity="unknown", note="never delivered")
    if usual is None or deliveries < settings.usual_least:
        return Reading(**named, value=age, note=f"{deliveries} deliveries in 90 days: told, not judged")
    severity = judged(age, usual + 1, 2 * usual + 1)
    return Reading(**named, value=age, threshold=usual, severity=severity)


def shares(measure: str, counts: Mapping[str, int], *, reason: str, **key: Any) -> list[Reading]:
    """Return the share of each subject among all, told and not judged; one unknown row where there are none."""
    total = sum(counts.values())
    if not total:
        return [Reading("stability", measure, "all", sample=0, severity="unknown", note=reason, **key)]
    return [
        Reading("stability", measure, subject, value=count / total, sample=total, **key)
        for subject, count in counts.items()
    ]


def judged(size: float, watch: float, alarm: float) -> Severity:
    """Return ok, watch or alarm for a size and its two limits."""
    return "alarm" if size >= alarm else "watch" if size >= watch else "ok"
