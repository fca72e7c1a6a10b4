"""Put counts, lists, amounts of money and trigger names into words; nothing here decides anything."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence

from markupsafe import Markup

TRIGGERS = {
    "worse_than_sector": "worse than its sector",
    "activity_gap": "quiet for longer than in the whole last year",
    "hhi_jump": "suppliers more concentrated",
    "supplier_latency": "suppliers deliver much later",
    "new_defendant": "sued in the last 30 days",
    "data_trouble": "no PD of tonight to go by",
}
"""The triggers of marts.mart_early_warning as a risk team says them."""

ALERTS = {
    "psi_training": "PDs lie otherwise than at training",
    "psi_batch": "PDs or grades have moved since the last nights",
    "csi_training": "features lie otherwise than at training",
    "csi_batch": "features have moved more than they usually do",
    "feed_age": "a feed is late",
    "mean_pd": "the mean PD has moved",
    "amount_change": "amounts are not what the same borrowers usually have",
    "new_defaults": "more borrowers default than in the year before",
    "gini": "ranking is worse than at training",
    "gini_estimated": "PDs promise a worse ranking than at training",
    "gini_slope": "ranking gets worse from year to year",
    "grade_one_factor": "defaults of a grade do not agree with its PD",
    "one_factor": "defaults do not agree with the PDs",
    "finding": "a finding is overdue",
    "review": "a review is overdue",
}
"""The measures of ops.alerts as a risk team says them; any other is told by its own name."""

PARTS = {
    "model": "another model",
    "calibration": "another calibration",
    "coverage_model": "the model of another family",
    "stale": "a PD that was kept from an earlier night",
}
"""The parts of scores.score_changes that name no feature."""

_UNITS = ((1e9, "billion"), (1e6, "million"))


def number(count: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> number(0, "borrower"), number(1, "borrower"), number(1200, "borrower")
    ('no borrower', '1 borrower', '1,200 borrowers')
    """
    if count == 0:
        return f"no {noun}"
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plural or noun + 's'}"


def listing(items: Sequence[str], *, in_all: int | None = None) -> Markup:
    """Return the items as a list in words; of more than are given the rest is counted.

    Examples
    --------
    >>> str(listing(["a"])), str(listing(["a", "b", "c"])), str(listing(["a", "b"], in_all=9))
    ('a', 'a, b and c', 'a, b and 7 more')
    """
    named = [Markup("{}").format(item) for item in items]
    rest = (in_all or len(named)) - len(named)
    if rest > 0:
        named.append(Markup("{:,} more").format(rest))
    if len(named) == 1:
        return named[0]
    return Markup(", ").join(named[:-1]) + Markup(" and ") + named[-1]


def money(value: float) -> str:
    """Return an amount, from a million on with three digits that count; its currency is the lender's.

    Examples
    --------
    >>> money(1_234_567_890), money(-45_600_000), money(45_600.4)
    ('1.23 billion', '-45.6 million', '45,600')
    """
    for size, name in _UNITS:
        if abs(value) >= size * 0.9995:
            return f"{float(f'{value / size:.3g}'):,g} {name}"
    return f"{value:,.0f}"


def unit(largest: float) -> tuple[float, str]:
    """Return by what amounts up to the largest are divided on an axis, and what that is called; 1 has no name."""
    return next(((size, name) for size, name in _UNITS if abs(largest) >= size), (1.0, ""))


def points(change: float) -> str:
    """Return a difference of two shares in percentage points, with its sign; the unit stays in the line.

    Examples
    --------
    >>> [points(change).replace("\u00a0", " ") for change in (0.0123, -0.2, 0.00001)]
    ['+1.2 pp', '-20.0 pp', '+0.0 pp']
    """
    return f"{change * 100:+.1f}\u00a0pp"


def percent(value: float | None, digits: int = 1) -> str:
    """Return a probability as a percentage, or that it is unknown."""
    return f"{value:.{digits}%}" if value is not None and math.isfinite(value) else "unknown"


def triggers(why: str) -> str:
    """Return in words the triggers of marts.mart_watch_list beside a high PD, which nearly all of the list have.

    Examples
    --------
    >>> triggers("high_pd"), triggers("high_pd, new_defendant, hhi_jump")
    ('', 'sued in the last 30 days, suppliers more concentrated')
    """
    return ", ".join(
        TRIGGERS.get(name, name.replace("_", " ")) for name in why.split(", ") if name != "high_pd"
    )


def anchor(enterprise_id: str) -> str:
    """Return the name of a borrower's place in a page: hexadecimal digits, since its own number may be any text."""
    return f"b-{hashlib.sha256(enterprise_id.encode()).hexdigest()[:16]}"


def file_name(enterprise_id: str) -> str:
    """Return the name of a borrower's own page, which can be read and is no path whatever the number holds.

    Examples
    --------
    >>> file_name("E0000007")
    'borrower-E0000007-17879e35.html'
    >>> "/" in file_name("../../etc/passwd")
    False
    """
    readable = re.sub(r"[^A-Za-z0-9_-]", "_", enterprise_id)[:40]
    return f"borrower-{readable}-{anchor(enterprise_id)[2:10]}.html"


def link(enterprise_id: str) -> Markup:
    """Return a link to a borrower's place in the same page."""
    return Markup('<a href="#{}">{}</a>').format(anchor(enterprise_id), enterprise_id)
