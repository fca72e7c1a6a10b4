"""Measure for each group of borrowers who is selected, how well PDs rank, and whether they agree with outcomes."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl
from scipy import stats

from models.metrics import Interval, delong_interval
from models.watching.settings import WatchSettings

Basis = Literal["tonight", "matured", "unseen"]
NOT_STATED = "not stated"
SCHEMA: dict[str, Any] = {
    "attribute": pl.String, "group_name": pl.String, "basis": pl.String, "measure": pl.String, "value": pl.Float64,
    "low": pl.Float64, "high": pl.Float64, "sample": pl.Int64, "note": pl.String,
}  # fmt: skip


class Figure(NamedTuple):
    """One figure of one group; it is None if the group is too small, and the note gives the counts."""

    attribute: str
    group_name: str
    basis: Basis
    measure: str
    value: float | None
    low: float | None
    high: float | None
    sample: int
    note: str | None


def as_frame(figures: list[Figure]) -> pl.DataFrame:
    """Return the figures as a frame, one row each."""
    return pl.DataFrame(figures, schema=SCHEMA, orient="row")


def selection(frame: pl.DataFrame, attribute: str, *, settings: WatchSettings) -> list[Figure]:
    """Return how many borrowers of each group are selected, and the ratio of that rate to the highest rate.

    Parameters
    ----------
    frame : polars.DataFrame
        pd and the attribute of borrowers with a PD.
    attribute : str
        Column of the groups.
    settings : WatchSettings
        Selected is a PD below ``cut_off``; groups below ``minimum_group`` give counts only.

    Notes
    -----
    Rates carry Wilson's interval. The adverse impact ratio compares each group with the group of the highest rate
    among those that are large enough and stated; its interval is that of a ratio of two independent rates (Katz).
    The "four fifths" of US employment guidelines (29 CFR 1607.4 D) are a rule of thumb for it, not a limit here.

    References
    ----------
    Wilson (1927), JASA 22, 209-212. Katz et al. (1978), Biometrics 34, 469-474.

    Examples
    --------
    >>> frame = pl.DataFrame({"pd": [0.1, 0.1, 0.1, 0.9], "form": ["a", "a", "b", "b"]})
    >>> figures = selection(frame, "form", settings=WatchSettings(minimum_group=5))
    >>> {figure.value for figure in figures if figure.measure == "selection_rate"}
    {None}
    """
    selected: dict[str, tuple[int, int]] = {}
    for group, rows in _groups(frame, attribute):
        selected[group] = (int((rows["pd"] < settings.cut_off).sum()), rows.height)
    large = {
        group: counts
        for group, counts in selected.items()
        if counts[1] >= settings.minimum_group and group != NOT_STATED
    }
    best = max(large, key=lambda group: large[group][0] / large[group][1]) if large else None
    figures = []
    for group, (chosen, count) in selected.items():
        key: tuple[str, str, Basis] = (attribute, group, "tonight")
        figures.append(Figure(*key, "borrowers", float(count), None, None, count, None))
        if count < settings.minimum_group:
            reason = f"{chosen} of {count} selected: below {settings.minimum_group} no rate is given"
            figures += [Figure(*key, name, None, None, None, count, reason)
                        for name in ("selection_rate", "adverse_impact_ratio")]  # fmt: skip
            continue
        interval = stats.binomtest(chosen, count).proportion_ci(settings.confidence, method="wilson")
        note = f"PD below {settings.cut_off:g}"
        figures.append(
            Figure(
                *key, "selection_rate", chosen / count, float(interval.low), float(interval.high), count, note
            )
        )
        figures.append(_impact(key, large[best] if best else None, (chosen, count), best, settings))
    return figures


def within(frame: pl.DataFrame, attribute: str, *, basis: Basis, settings: WatchSettings) -> list[Figure]:
    """Return AUC, observed rate, mean PD and observed to expected defaults within each group.

    Parameters
    ----------
    frame : polars.DataFrame
        pd, label and the attribute of borrowers whose outcome is known.
    attribute : str
    basis : {"matured", "unseen"}
    settings : WatchSettings
        Groups below ``minimum_group``, and AUCs of fewer than ``minimum_defaults`` of a class, give counts only.

    Notes
    -----
    AUC: DeLong. Observed rate: Clopper and Pearson. Observed to expected: their interval over the mean PD.
    """
    figures = []
    for group, rows in _groups(frame, attribute):
        labels, pd = rows["label"].to_numpy(), rows["pd"].to_numpy()
        count, bad = len(labels), int(labels.sum())
        key: tuple[str, str, Basis] = (attribute, group, basis)
        counts = f"{bad} defaults among {count}"
        figures.append(Figure(*key, "borrowers", float(count), None, None, count, counts))
        if count < settings.minimum_group:
            reason = f"{counts}: below {settings.minimum_group} borrowers no figure is given"
            names = ("auc", "observed_rate", "mean_pd", "observed_to_expected")
            figures += [Figure(*key, name, None, None, None, count, reason) for name in names]
            continue
        if min(bad, count - bad) < settings.minimum_defaults:
            reason = f"{counts}: {settings.minimum_defaults} of each kind are needed"
            figures.append(Figure(*key, "auc", None, None, None, count, reason))
        else:
            area = delong_interval(labels, pd, confidence=settings.confidence)
            figures.append(Figure(*key, "auc", *area, count, counts))
        interval = stats.binomtest(bad, count).proportion_ci(settings.confidence, method="exact")
        rate, mean = Interval(bad / count, float(interval.low), float(interval.high)), float(pd.mean())
        figures.append(Figure(*key, "observed_rate", rate.mean, rate.low, rate.high, count, counts))
        figures.append(Figure(*key, "mean_pd", mean, None, None, count, None))
        ratio, low, high = (end / mean for end in rate)
        note = f"{bad} defaults, {pd.sum():.1f} expected"
        figures.append(Figure(*key, "observed_to_expected", ratio, low, high, count, note))
    return figures


def _impact(
    key: tuple[str, str, Basis],
    best: tuple[int, int] | None,
    counts: tuple[int, int],
    best_group: str | None,
    settings: WatchSettings,
) -> Figure:
    measure, (chosen, rows) = "adverse_impact_ratio", counts
    if best is None or not best[0]:
        return Figure(
            *key, measure, None, None, None, rows, "nobody is selected in any group that is large enough"
        )
    ratio = (chosen / rows) / (best[0] / best[1])
    note = f"against {best_group}, the highest rate"
    if key[1] == best_group or not chosen:
        return Figure(*key, measure, ratio, None, None, rows, note)
    error = np.sqrt(1 / chosen - 1 / rows + 1 / best[0] - 1 / best[1])
    reach = float(np.exp(stats.norm.ppf(0.5 + settings.confidence / 2) * error))
    return Figure(*key, measure, ratio, ratio / reach, ratio * reach, rows, note)


def _groups(frame: pl.DataFrame, attribute: str) -> list[tuple[str, pl.DataFrame]]:
    named = frame.with_columns(pl.col(attribute).cast(pl.String).fill_null(NOT_STATED).alias("group_name"))
    parts = named.partition_by("group_name", as_dict=True)
    return [(str(key[0]), part) for key, part in sorted(parts.items())]
