"""Say in four sentences what changed since the night before: whom to call, what failed, what moved, what to decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import polars as pl
from markupsafe import Markup

from models.telling.pages import day, known
from models.telling.wording import ALERTS, link, listing, money, number, percent, points

NAMED = 3  # borrowers, files or families that a sentence names
Shown = Callable[[float], str]


@dataclass(frozen=True)
class MorningRows:
    """The warehouse rows behind the morning of one night, as of that night.

    Attributes
    ----------
    before : date or None
        The scored night before; None on the first.
    loss_given_default : float
        The share of an exposure that expected loss takes as lost, a convention.
    lines : polars.DataFrame
        as_of_date, enterprises, scored, performing, mean_pd, exposure, exposure_known and expected_loss of the last
        nights, oldest first; null where unknown.
    listed : polars.DataFrame
        enterprise_id, why, score_status, grade, pd, exposure and is_new of the first borrowers of the watch list.
    list_counts : mapping
        listed and new: how many; before_is_known: whether the list of the night before is kept.
    movers : polars.DataFrame
        enterprise_id, direction, pd, pd_before, grade, grade_before and same_model of those that moved most.
    allowance : polars.DataFrame
        stage, loans, unmeasured, exposure, allowance, loans_before and allowance_before, null where unknown; no rows
        where the lender has no loans.
    allowance_moved : polars.DataFrame
        part and change of the allowance since the night before, null where there was none.
    new_models : sequence of str
        Families of which another version gives the headline than on the night before.
    new_givers : sequence of (str, str)
        Coverage classes whose headline another family gives than on the night before, each with that family.
    refused : polars.DataFrame
        feed, path and reason of files that the run of the night refused.
    ending : polars.DataFrame
        enterprise_id, new_grade and valid_until of overrides that end soon.
    """

    before: date | None
    loss_given_default: float
    lines: pl.DataFrame
    listed: pl.DataFrame
    list_counts: Mapping[str, Any]
    movers: pl.DataFrame
    allowance: pl.DataFrame
    allowance_moved: pl.DataFrame
    new_models: Sequence[str]
    new_givers: Sequence[tuple[str, str]]
    refused: pl.DataFrame
    ending: pl.DataFrame


class Told(NamedTuple):
    """One sentence: what it is about, how urgent it is, and its text; `alarm`, which is red, where an alarm stands."""

    about: str
    severity: str
    text: Markup


class Fact(NamedTuple):
    """One figure of the night, and how it compares with the night before (empty where that is unknown)."""

    name: str
    value: str
    change: str


def whom_to_call(rows: MorningRows, linked: Sequence[str]) -> Told:
    """Return who is new on the watch list; borrowers of whom the page tells more are linked."""
    listed, new = rows.list_counts["listed"], rows.list_counts["new"]
    if not listed:
        return Told("Call", "ok", Markup("Nobody: no borrower is on the watch list."))
    are = "is" if listed == 1 else "are"
    if rows.before is None or not rows.list_counts["before_is_known"]:
        why = (
            "there was no night before" if rows.before is None else "the list of the night before is not kept"
        )
        told = f"{number(listed, 'borrower')} {are} on the watch list; who is new on it is not known, since {why}."
        return Told("Call", "watch", Markup("{}").format(told))
    if not new:
        told = f"Nobody new: {number(listed, 'borrower')} {are} on the watch list, as on {day(rows.before)}."
        return Told("Call", "ok", Markup("{}").format(told))
    ids = rows.listed.filter("is_new")["enterprise_id"].to_list()[:NAMED]
    who = listing([link(name) if name in linked else name for name in ids], in_all=new)
    told = Markup("{} {} new on the watch list, which names {}.")
    return Told("Call", "watch", told.format(who, "is" if new == 1 else "are", number(listed, "borrower")))


def what_failed(feeds: pl.DataFrame, gates: pl.DataFrame) -> Told:
    """Return what of the deliveries and of the gates failed."""
    told = [
        f"{row['files_refused']:,} of {number(row['files'], 'file')} of {row['feed']} "
        f"{'was' if row['files_refused'] == 1 else 'were'} refused"
        for row in feeds.filter(status="refused").iter_rows(named=True)
    ]
    told += [
        f"{row['feed']} is missing, its last delivery is of {day(row['last_delivery'])}"
        for row in feeds.filter(status="missing").iter_rows(named=True)
    ]
    bad = gates.filter((pl.col("failed") > 0) | (pl.col("errored") > 0))
    if bad.height:
        failed = int(bad.select(pl.sum_horizontal("failed", "errored")).sum().item())
        told.append(
            f"{failed:,} of {number(int(gates['checks'].sum()), 'check')} failed or could not be evaluated "
            f"({listing(bad['suite'].to_list()[:NAMED], in_all=bad.height)})"
        )
    if told:
        return Told("Failed", "watch", _sentence("; ".join(told)))
    checks = f"all {int(gates['checks'].sum()):,} checks passed" if gates.height else "no gate was run"
    if feeds.is_empty():
        return Told("Failed", "ok", _sentence(f"no run of this night took in feeds; {checks}"))
    return Told("Failed", "ok", _sentence(f"nothing: no file was refused, no feed is missing, {checks}"))


def what_moved(rows: MorningRows, moves: pl.DataFrame, scale: Sequence[str]) -> Told:
    """Return how many borrowers changed their grade or defaulted, and how the mean PD moved."""
    if rows.before is None:
        return Told("Moved", "ok", Markup("This is the first night; there is none to compare it with."))
    graded = int(moves["enterprises"].sum())
    told = [f"nobody had a grade both tonight and on {day(rows.before)}"]
    counts = grade_moves(moves, scale)
    if graded:
        parts = (
            (counts["worse"], "to a worse grade"), (counts["better"], "to a better one"),
            (counts["into default"], "into default"), (counts["out of default"], "out of it"),
        )  # fmt: skip
        named = ", ".join(f"{count:,} {where}" for count, where in parts if count)
        all_moved = sum(counts.values())
        told = [f"{all_moved:,} of {number(graded, 'borrower')} moved: {named}"] if all_moved else [
            f"no grade: all {graded:,} borrowers are where they were"
        ]  # fmt: skip
    now, then = (_of_night(rows, at, "mean_pd") for at in (None, rows.before))
    if now is not None and then is not None:
        told.append(f"the mean PD is {percent(now, 2)} after {percent(then, 2)}")
    if rows.new_models:
        families = listing([name.replace("_", " ") for name in rows.new_models])
        told.append(f"another version of {families} gives PDs since tonight")
    for family in dict.fromkeys(family for _, family in rows.new_givers):
        classes = listing([coverage for coverage, gives in rows.new_givers if gives == family])
        told.append(f"{family.replace('_', ' ')} gives the PD of {classes} files since tonight")
    return Told("Moved", "watch" if counts["into default"] else "ok", _sentence("; ".join(told)))


def what_to_decide(rows: MorningRows, alerts: pl.DataFrame, linked: Sequence[str]) -> Told:
    """Return which alerts stand, what is overdue and which overrides end soon."""
    told: list[Markup] = []
    counts = {severity: alerts.filter(severity=severity).height for severity in ("alarm", "watch")}
    if alerts.height:
        named = [
            Markup("{}").format(text)
            for text in dict.fromkeys(_alert(row) for row in alerts.iter_rows(named=True))
        ]
        standing = " and ".join(
            number(count, name, "watches" if name == "watch" else None)
            for name, count in counts.items()
            if count
        )
        what = Markup("; ").join(named[:NAMED]) + (
            Markup("; and {} more").format(len(named) - NAMED) if len(named) > NAMED else ""
        )
        told.append(Markup('<a href="#technical">{}</a>: {}').format(standing, what))
    if rows.ending.height:
        first = rows.ending.row(0, named=True)
        ids = rows.ending["enterprise_id"].to_list()[:NAMED]
        who = listing([link(name) if name in linked else name for name in ids], in_all=rows.ending.height)
        told.append(
            Markup("the override of {} ends on {}").format(who, day(first["valid_until"]))
            if rows.ending.height == 1
            else Markup("the overrides of {} end, the first on {}").format(who, day(first["valid_until"]))
        )
    if not told:
        return Told("Decide", "ok", _sentence("nothing: no alert stands, no override ends within two weeks"))
    severity = "alarm" if counts["alarm"] else "watch"
    return Told("Decide", severity, Markup(". ").join(_upper(part) for part in told) + ".")


def grade_moves(moves: pl.DataFrame, scale: Sequence[str]) -> dict[str, int]:
    """Return how many borrowers moved to a worse and a better grade, into default and out of it.

    Parameters
    ----------
    moves : polars.DataFrame
        grade_before, grade and enterprises.
    scale : sequence of str
        All grades, best first, and last the state of borrowers in default.

    Examples
    --------
    >>> moves = pl.DataFrame({"grade_before": ["A", "A"], "grade": ["B", "default"], "enterprises": [3, 1]})
    >>> grade_moves(moves, ["A", "B", "default"])
    {'worse': 3, 'better': 0, 'into default': 1, 'out of default': 0}
    """
    counts = dict.fromkeys(("worse", "better", "into default", "out of default"), 0)
    place = {grade: number for number, grade in enumerate(scale)}
    for before, now, count in moves.select("grade_before", "grade", "enterprises").iter_rows():
        if before == now:
            continue
        if scale[-1] in (before, now):
            counts["into default" if now == scale[-1] else "out of default"] += count
        else:
            counts["worse" if place[now] > place[before] else "better"] += count
    return counts


def facts(rows: MorningRows) -> list[Fact]:
    """Return exposure, expected loss, mean PD and borrowers in default of the night, each beside the night before."""
    shown: tuple[tuple[str, str, Shown, Shown], ...] = (
        ("exposure", "exposure", money, _money_change),
        ("expected loss", "expected_loss", money, _money_change),
        ("mean PD", "mean_pd", "{:.2%}".format, lambda change: f"{change * 100:+.2f} pp"),
        ("in default", "in_default", "{:,.0f}".format, "{:+,.0f}".format),
    )
    found = []
    for name, column, told, changed in shown:
        now = _of_night(rows, None, column)
        then = _of_night(rows, rows.before, column) if rows.before else None
        change = "" if now is None or then is None else "unchanged" if now == then else changed(now - then)
        found.append(Fact(name, "unknown" if now is None else told(now), change))
    return found


def _money_change(change: float) -> str:
    return f"{'+' if change >= 0 else '-'}{money(abs(change))}"


def mover_reason(moved: Sequence[Mapping[str, Any]], change: float, *, most: int = 2) -> str:
    """Return what moved a PD most in the direction in which it moved; empty where the parts are not kept."""
    along = [part for part in moved if part["change"] * change > 0]
    return "; ".join(f"{part['told']} {points(part['change'])}" for part in along[:most])


def _of_night(rows: MorningRows, night: date | None, column: str) -> float | None:
    """Return a figure of one night, of the last one where none is named; None where it is unknown."""
    lines = rows.lines.with_columns(in_default=pl.col("scored") - pl.col("performing"))
    of_night = lines.tail(1) if night is None else lines.filter(as_of_date=night)
    value = of_night[column][0] if of_night.height else None
    return float(value) if value is not None and known(value) else None


def _alert(row: Mapping[str, Any]) -> str:
    """Return an alert in words, with the family or the feed that it is about."""
    measure = row["measure"]
    if measure == "feed_age":
        return f"{row['subject']} is late"
    told = ALERTS.get(measure, measure.replace("_", " "))
    family = row["model_family"]
    return f"{told} ({family.replace('_', ' ')})" if family else told


def _sentence(text: str) -> Markup:
    return _upper(Markup("{}.").format(text))


def _upper(text: Markup) -> Markup:
    """Return the text with a first capital; names that begin with a tag or a digit stay."""
    return Markup(text[:1].upper() + text[1:])  # noqa: S704  (its parts are escaped)
