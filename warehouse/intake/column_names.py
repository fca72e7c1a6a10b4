"""Find the columns of a file that may be ours under another name."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import SequenceMatcher

_NEAR = 0.75
_SHORT = 4
_SAME_MEANING = {
    "known": {
        "recorded",
        "reported",
        "received",
        "booked",
        "created",
        "loaded",
        "updated",
        "entered",
        "available",
    },
    "enterprise": {"company", "customer", "borrower", "client", "debtor", "firm"},
    "at": {"on", "date", "time", "timestamp", "datetime", "ts"},
    "id": {"no", "nr", "number", "key"},
}


def near_names(missing: Collection[str], present: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return, for each missing column, names of the file that are written or mean nearly the same, the nearest first.

    Args:
        missing: columns of ours that a file does not have.
        present: columns of the file in any spelling; those that are ours are none of these.
    """
    near = {}
    for column in missing:
        ranked = sorted(((_likeness(column, name), name) for name in present), reverse=True)
        near[column] = tuple(name for likeness, name in ranked if likeness >= _NEAR)[:2]
    return {column: names for column, names in near.items() if names}


def _likeness(column: str, name: str) -> float:
    ours, theirs = column.split("_"), re.findall(r"[^\W_]+", name.lower())
    written = SequenceMatcher(None, "".join(ours), _in_our_words("".join(theirs))).ratio()
    same_meaning = all({word, *_SAME_MEANING.get(word, ())} & set(theirs) for word in ours)
    return max(written, 0.9 if same_meaning else 0.0)


def _in_our_words(written_together: str) -> str:
    for word, others in _SAME_MEANING.items():
        for other in others:
            if len(other) > _SHORT:
                written_together = written_together.replace(other, word)
    return written_together
