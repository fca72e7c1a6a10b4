"""Build the readings of the watch: a measure, its limits, its severity, and the reason if it is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from models.metrics import Interval
from models.watching.settings import WatchSettings
from models.watching.stability import stability_index

Heading = Literal["performance", "stability", "calibration"]
Severity = Literal["ok", "watch", "alarm", "unknown"]
SCHEMA: dict[str, Any] = {
    "heading": pl.String, "measure": pl.String, "model_family": pl.String, "model_version": pl.String,
    "model_role": pl.String, "subject": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "threshold": pl.Float64, "critical": pl.Float64, "sample": pl.Int64, "reference": pl.Int64,
    "severity": pl.String, "note": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """One row of the watch; a value that cannot be known is None, its severity unknown, and its note the reason."""

    heading: Heading
    measure: str
    subject: str
    model_family: str | None = None
    model_version: str | None = None
    model_role: str | None = None
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

    @property
    def is_beside(self) -> bool:
        """True if it is of a challenger or shadow, which gives no headline."""
        return self.model_role not in (None, "champion")


def of_model(readings: list[Reading], *, family: str, version: str, role: str) -> list[Reading]:
    """Return the readings of one model with its role.

    Those of a champion keep the version that each measured, which may be one before it. Those of a challenger or
    shadow are all of its own version, which tells it from the champion and from others beside it.
    """
    own: dict[str, Any] = {"model_family": family, "model_role": role}
    if role != "champion":
        own["model_version"] = version
    return [replace(reading, **own) for reading in readings]


def as_frame(readings: list[Reading]) -> pl.DataFrame:
    """Return the readings as a frame, one row each."""
    return pl.DataFrame([asdict(reading) for reading in readings], schema=SCHEMA)


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
    of_feature: bool = False,
    missing: str = "nothing to compare with",
    note: str = "",
) -> Reading:
    """Return the stability index of one subject, judged by the rule of thumb and by its critical value.

    It is at watch or alarm if it reaches the limit of the rule of thumb and also exceeds its critical value under no
    change. An index above its critical value and below the limits is a real but small change: ok. A feature is watched
    and is no alarm by itself: what it does to the PDs is measured by theirs.

    Parameters
    ----------
    measure, subject : str
    actual, reference : array-like of shape (n_bins,) or None
        Rows in the same bins; None where there are none.
    settings : WatchSettings
    family, version : str, optional
    compared : int, default=1
        Number of indices judged together; Bonferroni's correction sets the level of each critical value.
    usual : float or None, default=0
        Largest index of the subject on ordinary nights; only a larger index is judged. None if that is not known
        yet: the index is then shown but not judged.
    of_feature : bool
        Whether the subject is a feature.
    missing : str
        The note if there is nothing to compare.
    note : str
        Anything else that a reader of the row must know.
    """
    key: dict[str, Any] = {
        "heading": "stability", "measure": measure, "subject": subject, "model_family": family,
        "model_version": version,
    }  # fmt: skip
    n = 0.0 if reference is None else float(sum(reference))  # type: ignore[arg-type]
    m = 0.0 if actual is None else float(sum(actual))  # type: ignore[arg-type]
    limit, alarm = (
        (settings.feature_watch, np.inf) if of_feature else (settings.index_watch, settings.index_alarm)
    )
    watch = None if usual is None else max(limit, usual)
    key |= {"sample": round(m), "reference": round(n), "threshold": watch}
    if actual is None or reference is None or not n or not m:
        return Reading(**key, severity="unknown", note=missing)
    level = 1 - (1 - settings.confidence) / compared
    index = stability_index(reference, actual, smoothing=settings.smoothing, confidence=level)
    if min(n, m) < settings.rows_a_bin * index.bins:
        reason = (
            f"{round(min(n, m))} rows in {index.bins} bins: at least {settings.rows_a_bin} a bin are needed"
        )
        return Reading(**key, severity="unknown", note=reason)
    if index.critical is None:
        note = f"one bin holds every row of both; {note}".rstrip("; ")
    severity: Severity = "ok"
    if usual is None:
        note = f"{note}; told, not judged: how much it usually moves is not known yet".lstrip("; ")
    elif index.critical is not None and index.value > max(index.critical, usual):
        severity = judged(index.value, limit, alarm)
    return Reading(**key, value=index.value, critical=index.critical, severity=severity, note=note or None)


def level_reading(
    subject: str,
    value: float | None,
    before: float | None,
    *,
    sample: int,
    settings: WatchSettings,
    **key: Any,
) -> Reading:
    """Return the mean PD of one subject, judged by its relative change against the mean of the last nights."""
    about: dict[str, Any] = {
        "heading": "stability",
        "measure": "mean_pd",
        "subject": subject,
        "sample": sample,
    }
    about |= {"threshold": before, **key}
    if value is None:
        return Reading(**about, severity="unknown", note="nobody has a PD")
    if before is None:
        return Reading(**about, value=value, note="no night before to compare with: told, not judged")
    change = value / before - 1
    note = f"{change:+.1%} against the last nights"
    if sample < settings.minimum_group:
        return Reading(**about, value=value, note=f"{note}; {sample} borrowers are too few to judge")
    severity = judged(abs(change), settings.level_watch, settings.level_alarm)
    return Reading(**about, value=value, severity=severity, note=note)


def feed_reading(
    feed: str, age: int | None, usual: int | None, *, pauses: int, settings: WatchSettings
) -> Reading:
    """Return the days since the last delivery of a feed, judged by its longest usual pause.

    What has not come by the end of the night comes on the next day at the earliest, so the pause is a day longer than
    the age already.

    Parameters
    ----------
    feed : str
    age : int or None
        Days from the last delivery to the night; None if there never was one.
    usual : int or None
        Longest of the last pauses between its deliveries, in days; None if there is none.
    pauses : int
        How many pauses these are.
    settings : WatchSettings
    """
    about: dict[str, Any] = {
        "heading": "stability",
        "measure": "feed_age",
        "subject": feed,
        "sample": pauses,
    }
    if age is None:
        return Reading(**about, severity="unknown", note="never delivered")
    if usual is None or pauses < settings.feed_pauses:
        note = f"last delivered {age} days before; {pauses} pauses so far, {settings.feed_pauses} are needed"
        return Reading(**about, severity="unknown", note=note)
    severity = judged(age + 1, usual + 1, 2 * usual + 1)
    return Reading(**about, value=age, threshold=usual, severity=severity)


def shares(measure: str, counts: Mapping[str, int], *, reason: str, **key: Any) -> list[Reading]:
    """Return the share of each subject among all, not judged; one unknown reading if there are none."""
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


def of_interval(measured: Interval) -> dict[str, Any]:
    """Return value, low and high of a reading; an end that cannot be known is None."""
    return {
        "value": measured.mean,
        "low": None if np.isnan(measured.low) else measured.low,
        "high": None if np.isnan(measured.high) else measured.high,
    }
