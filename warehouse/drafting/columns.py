"""Match the columns of an export with those of a feed: by usual names, near names, and what the values look like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher

from warehouse.drafting.sample import Sample
from warehouse.drafting.shapes import dates_in, numbers_in
from warehouse.drafting.usual_names import MONEY_IN, MONEY_OUT, SIGN_MARKS, bare, names_of
from warehouse.intake.feed import Feed, FeedColumn

_NEAR = 0.8
_MONEY = "decimal(18,2)"


@dataclass(frozen=True)
class Match:
    """A column of the file that seems to hold what one of our columns asks for, and why it seems so."""

    name: str
    why: str


def matches(sample: Sample, feed: Feed, *, taken: tuple[str, ...]) -> dict[str, Match]:
    """Return for each column of the feed the column of the file that fits best, where one does.

    A column of the file is taken once, but for dates: a loan is opened on the day that its ledger begins with.

    Args:
        sample: the first rows of the file.
        feed: the feed that it is to become.
        taken: columns of the file that are taken already.
    """
    found: dict[str, Match] = {}
    usual = names_of(feed)
    by_bare: dict[str, list[str]] = {}
    for name in sample.columns:
        if name not in taken:
            by_bare.setdefault(bare(name), []).append(name)
    for rank in range(max(map(len, usual.values()))):
        for column in feed.columns:
            names = usual[column.name]
            if column.name in found or rank >= len(names):
                continue
            for name in by_bare.get(names[rank], ()):
                if _free(name, column, found, feed) and _holds(sample, name, column):
                    found[column.name] = Match(name, "")
                    break
    for column in feed.columns:
        if column.required and column.name not in found:
            near = _nearest(sample, column, usual[column.name], {*taken, *_names(found)})
            if near is None and column.name in (feed.business_time, "amount"):
                near = _only_one(sample, column, {*taken, *_names(found)})
            if near is not None:
                found[column.name] = near
    return found


def _free(name: str, column: FeedColumn, found: dict[str, Match], feed: Feed) -> bool:
    takers = [feed.column(taker) for taker, match in found.items() if match.name == name]
    return all(taker.type == column.type == "date" for taker in takers)


def _names(found: dict[str, Match]) -> set[str]:
    return {match.name for match in found.values()}


def _nearest(sample: Sample, column: FeedColumn, names: list[str], taken: set[str]) -> Match | None:
    scored = [
        (SequenceMatcher(None, bare(name), usual).ratio(), name)
        for name in sample.columns
        for usual in names
        if name not in taken and _holds(sample, name, column)
    ]
    score, name = max(scored, default=(0.0, ""))
    return Match(name, "the name is near") if score >= _NEAR else None


def _only_one(sample: Sample, column: FeedColumn, taken: set[str]) -> Match | None:
    fitting = [name for name in sample.columns if name not in taken and _holds(sample, name, column)]
    if column.type == _MONEY:  # whole numbers are mostly codes
        fitting = [name for name in fitting if _has_marks(sample, name)]
    return Match(fitting[0], "the only column that holds such values") if len(fitting) == 1 else None


def _has_marks(sample: Sample, name: str) -> bool:
    numbers = numbers_in(sample.filled(name), cents=True)
    return numbers is not None and numbers.proof is not None


def _holds(sample: Sample, name: str, column: FeedColumn) -> bool:
    """Return True if the values of the column, those of a total line apart, may be of the type."""
    values = sample.filled(name)
    check: Callable[[list[str]], object] | None = {
        "date": dates_in,
        "timestamp": dates_in,
        _MONEY: lambda texts: numbers_in(texts, cents=True),
        "double": lambda texts: numbers_in([text.removesuffix("%") for text in texts], cents=False),
        "integer": lambda texts: numbers_in(texts, cents=False),
    }.get(column.type)
    if check is None or not values:
        return bool(values) or not column.required
    return check(values) is not None or (len(values) > 2 and check(values[:-1]) is not None)


def money_apart(sample: Sample) -> tuple[str, str] | None:
    """Return the columns of money in and of money out, where they stand apart."""
    sides = []
    for names in (MONEY_IN, MONEY_OUT):
        known = {bare(name) for name in names}
        fitting = [
            name
            for name in sample.columns
            if bare(name) in known and numbers_in(sample.filled(name), cents=True) is not None
        ]
        sides.append(fitting[0] if len(fitting) == 1 else None)
    money_in, money_out = sides
    return (money_in, money_out) if money_in and money_out else None


def sign_marks(sample: Sample) -> tuple[str, list[str], list[str]] | None:
    """Return a column whose values say whether money came in or went out, with those values."""
    for name in sample.columns:
        values = sorted(set(sample.filled(name)))
        plus = [value for value in values if value.lower() in SIGN_MARKS["plus"]]
        minus = [value for value in values if value.lower() in SIGN_MARKS["minus"]]
        if plus and minus and len(plus) + len(minus) == len(values):
            return name, plus, minus
    return None
