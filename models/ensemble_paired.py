"""In words whether the ensemble is worse than a single member, by differences that are paired fold by fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.ensemble_published import LOWER_IS_BETTER
from models.ensemble_summary import AGAINST_SINGLE, PAIRED, against_member
from models.members import PUBLISHED_NAMES

_NAMES = {"auc": "AUC", "log_loss": "log loss", "brier": "Brier"}
Found = Mapping[tuple[str, str, str, str], Mapping[str, Any]]


def judged(difference: Mapping[str, Any], metric: str) -> str:
    """Return in words where zero lies beside the interval of a difference, ours less theirs.

    Examples
    --------
    >>> judged({"low": -0.01, "high": 0.02}, "auc"), judged({"low": 0.01, "high": 0.02}, "auc")
    ('no different beyond noise', 'better beyond noise')
    >>> judged({"low": 0.01, "high": 0.02}, "log_loss")
    'worse beyond noise'
    """
    if difference["low"] <= 0.0 <= difference["high"]:
        return "no different beyond noise"
    better = (difference["high"] < 0.0) == (metric in LOWER_IS_BETTER)
    return "better beyond noise" if better else "worse beyond noise"


def paired_words(found: Found) -> list[str]:
    """Return the sentences on one data set, from its honest figures.

    Parameters
    ----------
    found : mapping of (protocol, table_number, row_name, metric) to row of ops.replication
    """
    told = []
    for metric, name in _NAMES.items():
        gap = found.get(("honest", PAIRED, AGAINST_SINGLE, metric))
        if gap:
            told.append(f"{name} {_span(gap)}, {judged(gap, metric)}")
    lines = []
    if told:
        lines.append(
            "**Against its best single member** (chosen on the training part, calibrated likewise; parsimonious less "
            f"single, paired fold by fold): {'; '.join(told)}."
        )
    for table, what in (
        ("6", "Against the member that turns out best on the test folds, which nobody can choose beforehand"),
        ("4", "Against the best of the members without resampling, likewise in hindsight"),
    ):
        known = {
            member: found["honest", table, member, "auc"]["mean"]
            for member in PUBLISHED_NAMES.values()
            if ("honest", PAIRED, against_member(member, table), "auc") in found
        }
        if known:
            best = max(known, key=lambda member: float(known[member]))
            gap = found["honest", PAIRED, against_member(best, table), "auc"]
            lines.append(f"{what} ({best}): AUC {_span(gap)}, {judged(gap, 'auc')}.")
    return lines


def _span(gap: Mapping[str, Any]) -> str:
    return f"{gap['mean']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f})"
